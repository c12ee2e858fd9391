import { command, eventNumber, flag, text } from '../declaration.ts';
import { JSON_DOCUMENT, LOG } from '../options.ts';
import { eventsRead, withLog } from '../reading.ts';

export const show = command({
  name: 'show',
  summary: 'show the state at any event of a log',
  description:
    'Prints the state at an event, at a simulated time, or at the end of the log (default): counters, blocks in use with the allocations that pin them, and live allocations by owner.',
  arguments: { log: LOG },
  options: {
    at: eventNumber('--at <events>', 'the state after this many events'),
    time: text('--time <time>', 'the state at a simulated time, as in 1.5s, 200ms, 17us or 1200 (ns)'),
    all: flag('--all', 'all blocks and owners'),
    json: JSON_DOCUMENT,
  },
  examples: [
    'decpool show decpool-results/netvsc/logs/linux-6.12.arrow',
    'decpool show decpool-results/netvsc/logs/linux-6.12.arrow --time 1.5s --all',
  ],
  seeAlso: 'decpool explain, decpool step; docs/replay.md',
  async run({ log: path, at, time, all = false, json = false }, { output }) {
    const { positionOf } = await import('../../inspect/position.ts');
    const { stateReport, stateText } = await import('../../inspect/state-report.ts');
    const { jsonText } = await import('../../text/json.ts');
    const { parseTime } = await import('../../text/time.ts');
    const ns = time === undefined ? undefined : parseTime(time);
    const shown = await withLog(
      path,
      async (log) => {
        const columns = await log.seek(await positionOf(log, { at, time: ns }));
        const found = stateReport(log, columns);
        return json ? jsonText(found) : stateText(found, columns.publishCounters(), all);
      },
      eventsRead('show', output),
    );
    output.write(shown);
  },
});
