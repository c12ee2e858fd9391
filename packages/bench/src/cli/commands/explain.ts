import { InputError } from '@decpool/model';
import { printable } from '../../text/printable.ts';
import { command, eventNumber } from '../declaration.ts';
import { JSON_DOCUMENT, LOG } from '../options.ts';
import { eventsRead, tellIfCutOff, withLog } from '../reading.ts';

export const explain = command({
  name: 'explain',
  summary: 'explain from a log why a block was split, and what pins it',
  description:
    'Prints the request and the owner that split a block. Prints what has pinned the block since, and what would have to be freed to return it. With --allocation: what was done for an allocation. Default: the first split by a request.',
  arguments: { log: LOG },
  options: {
    block: eventNumber('--block <number>', 'a block, by its number: page frame number / pages per block'),
    split: eventNumber('--split <event>', 'the block, or 1G entry, that a large-page-split event split'),
    allocation: eventNumber('--allocation <id>', 'an allocation'),
    at: eventNumber('--at <events>', 'the state after this many events (default: the end of the log)'),
    json: JSON_DOCUMENT,
  },
  examples: [
    'decpool explain decpool-results/netvsc/logs/linux-6.12.arrow',
    'decpool explain decpool-results/netvsc/logs/linux-6.12.arrow --block 2220',
    'decpool explain decpool-results/netvsc/logs/linux-6.12.arrow --allocation 7 --at 1000',
  ],
  seeAlso: 'decpool splits, decpool show; docs/replay.md',
  async run({ log: path, block, split, allocation, at, json = false }, { output }) {
    if ([block, split, allocation].filter((given) => given !== undefined).length > 1) {
      throw new InputError('--block, --split, --allocation: expected only one of them');
    }
    const { positionOf } = await import('../../inspect/position.ts');
    const { explainAllocation } = await import('../../inspect/explain-allocation.ts');
    const { allocationText } = await import('../../inspect/explain-allocation-text.ts');
    const { explainRange } = await import('../../inspect/explain-range.ts');
    const { rangeText } = await import('../../inspect/explain-range-text.ts');
    const { firstSplit, splitAt } = await import('../../inspect/explain-split.ts');
    const { shellWord } = await import('../../report/page/escape.ts');
    const { jsonText } = await import('../../text/json.ts');
    const text = await withLog(
      path,
      async (log) => {
        tellIfCutOff(log, output);
        const position = await positionOf(log, { at });
        if (allocation !== undefined) {
          const { report, names } = await explainAllocation(log, allocation, position);
          return json ? jsonText(report) : allocationText(report, names);
        }
        const ofSplit = () =>
          split === undefined ? firstSplit(log, position) : splitAt(log, split, position);
        const range = block === undefined ? await ofSplit() : ({ kind: 'block', block } as const);
        if (range !== undefined) {
          const { report, names } = await explainRange(log, range, position);
          return json ? jsonText(report) : rangeText(report, names);
        }
        if (json) return jsonText({ kind: 'none', position: { events: position, ofEvents: log.events } });
        const [before, place] = at === undefined ? ['', ''] : [` before event ${at}`, ` --at ${at}`];
        const show = `decpool show ${printable(shellWord(path))}${place}`;
        return `No 2M or 1G entry of the direct map was split${before}; to see its state: ${show}\n`;
      },
      eventsRead('explain', output),
    );
    output.write(text);
  },
});
