import type { Command } from 'commander';
import type { OpenLog } from '../../log/open.ts';
import type { CommandContext, Output } from '../command-context.ts';
import { eventNumber } from '../numbers.ts';
import { eventsRead, withLog } from '../reading.ts';

interface ShowOptions {
  readonly at?: number;
  readonly time?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

export function addShow(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('show')
    .summary('show the state at any event of a log')
    .description(
      'Prints the state after so many events, or at a simulated time: counters, blocks in use with who pins them, live allocations by owner. The end of the log unless told.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .option('--at <events>', 'the state after so many events', eventNumber)
    .option('--time <time>', 'the state at a simulated time, as in 1.5s, 200ms, 17us or 1200 (ns)')
    .option('--all', 'all blocks and owners')
    .option('--json', 'print one JSON document, with all blocks and owners')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool show decpool-results/netvsc/logs/linux-6.12.arrow
  decpool show decpool-results/netvsc/logs/linux-6.12.arrow --time 1.5s --all

SEE ALSO
  decpool explain, decpool step; docs/replay.md`,
    )
    .action(async (log: string, options: ShowOptions) =>
      output.write(await showCommand(log, options, output)),
    );
}

async function showCommand(path: string, options: ShowOptions, output: Output): Promise<string> {
  const [{ positionOf }, { parseTime }, { stateReport, stateText }, { jsonText }] = await Promise.all([
    import('../../inspect/position.ts'),
    import('../../text/time.ts'),
    import('../../inspect/state-report.ts'),
    import('../../text/json.ts'),
  ]);
  const { at, time } = options;
  const place = {
    ...(at === undefined ? {} : { at }),
    ...(time === undefined ? {} : { time: parseTime(time) }),
  };
  const shown = async (log: OpenLog) => {
    const columns = await log.seek(await positionOf(log, place));
    const report = stateReport(log, columns);
    return options.json === true
      ? jsonText(report)
      : stateText(report, columns.publishCounters(), options.all === true);
  };
  return withLog(path, shown, eventsRead('show', output));
}
