import { InputError } from '@decpool/model';
import type { Names } from '../../inspect/event-text.ts';
import type { OpenLog } from '../../log/open.ts';
import { printable } from '../../text/printable.ts';
import { command, eventNumber, type Values } from '../declaration.ts';
import { JSON_DOCUMENT, LOG } from '../options.ts';
import { eventsRead, withLog } from '../reading.ts';

const OPTIONS = {
  block: eventNumber('--block <number>', 'a block, by its number: page frame number / pages per block'),
  split: eventNumber('--split <event>', 'the block, or 1G entry, that a large-page-split event split'),
  allocation: eventNumber('--allocation <id>', 'an allocation'),
  at: eventNumber('--at <events>', 'the state after this many events (default: the end of the log)'),
  json: JSON_DOCUMENT,
};
type ExplainOptions = Values<typeof OPTIONS>;

export const explain = command({
  name: 'explain',
  summary: 'explain from a log why a block was split, and what pins it',
  description:
    'Prints the request and the owner that split a block. Prints what has pinned the block since, and what would have to be freed to return it. With --allocation: what was done for an allocation. Default: the first split of the log.',
  arguments: { log: LOG },
  options: OPTIONS,
  examples: [
    'decpool explain decpool-results/netvsc/logs/linux-6.12.arrow',
    'decpool explain decpool-results/netvsc/logs/linux-6.12.arrow --block 2220',
    'decpool explain decpool-results/netvsc/logs/linux-6.12.arrow --allocation 7 --at 1000',
  ],
  seeAlso: 'decpool splits, decpool show; docs/replay.md',
  async run({ log: path, ...options }, { output }) {
    const { block, split, allocation, at } = options;
    if ([block, split, allocation].filter((given) => given !== undefined).length > 1) {
      throw new InputError('--block, --split, --allocation: expected only one of them');
    }
    const { positionOf } = await import('../../inspect/position.ts');
    const explained = await withLog(
      path,
      async (log) => {
        const position = await positionOf(log, at === undefined ? {} : { at });
        return allocation === undefined
          ? explainedRange(log, options, position)
          : explainedAllocation(log, allocation, position, options);
      },
      eventsRead('explain', output),
    );
    output.write(explained);
    return undefined;
  },
});

async function explainedAllocation(
  log: OpenLog,
  id: number,
  position: number,
  { json }: ExplainOptions,
): Promise<string> {
  const [{ explainAllocation }, { allocationText }, { jsonText }] = await Promise.all([
    import('../../inspect/explain.ts'),
    import('../../inspect/explain-allocation-text.ts'),
    import('../../text/json.ts'),
  ]);
  const { report, owners } = await explainAllocation(log, id, position);
  return json === true ? jsonText(report) : allocationText(report, namesOf(log, owners));
}

async function explainedRange(log: OpenLog, options: ExplainOptions, position: number): Promise<string> {
  const [{ rangeText }, { jsonText }] = await Promise.all([
    import('../../inspect/explain-range-text.ts'),
    import('../../text/json.ts'),
  ]);
  const explained = await rangeOf(log, options, position);
  if (explained === undefined) {
    const none = { kind: 'none', position: { events: position, ofEvents: log.events } };
    return options.json === true ? jsonText(none) : noSplitText(log, options);
  }
  const { report, owners } = explained;
  return options.json === true ? jsonText(report) : rangeText(report, namesOf(log, owners));
}

async function rangeOf(log: OpenLog, { block, split }: ExplainOptions, position: number) {
  const { explainBlock, explainFirstSplit, explainSplit } = await import('../../inspect/explain.ts');
  if (block !== undefined) return explainBlock(log, block, position);
  return split === undefined ? explainFirstSplit(log, position) : explainSplit(log, split, position);
}

async function noSplitText({ path }: OpenLog, { at }: ExplainOptions): Promise<string> {
  const { shellWord } = await import('../../report/page/escape.ts');
  const [before, place] = at === undefined ? ['', ''] : [` before event ${at}`, ` --at ${at}`];
  const show = `decpool show ${printable(shellWord(path))}${place}`;
  return `No 2M or 1G entry of the direct map was split${before}; to see its state: ${show}\n`;
}

const namesOf = (log: OpenLog, owners: readonly string[]): Names => ({
  geometry: log.header.geometry,
  owner: (number) => owners[number],
});
