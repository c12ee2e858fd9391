import { InputError } from '@decpool/model';
import type { Command } from 'commander';
import type { Names } from '../../inspect/event-text.ts';
import type { OpenLog } from '../../log/open.ts';
import { printable } from '../../text/printable.ts';
import type { CommandContext, Output } from '../command-context.ts';
import { eventNumber } from '../numbers.ts';
import { eventsRead, withLog } from '../reading.ts';

interface ExplainOptions {
  readonly block?: number;
  readonly split?: number;
  readonly allocation?: number;
  readonly at?: number;
  readonly json?: boolean;
}

export function addExplain(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('explain')
    .summary('tell from a log why a block was split, and what keeps it')
    .description(
      'Tells which request, of which owner, split a block, what has pinned it since, and what would have to be freed to return it; or what was done for an allocation. Without --block, --split and --allocation it explains the first split of the log.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .option(
      '--block <number>',
      'a block, as show numbers them: page frame number / pages per block',
      eventNumber,
    )
    .option('--split <event>', 'the block, or 1G entry, that a large-page-split event split', eventNumber)
    .option('--allocation <id>', 'an allocation', eventNumber)
    .option('--at <events>', 'the state after so many events (default: the end of the log)', eventNumber)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool explain decpool-results/netvsc/logs/linux-6.12.arrow
  decpool explain decpool-results/netvsc/logs/linux-6.12.arrow --block 2220
  decpool explain decpool-results/netvsc/logs/linux-6.12.arrow --allocation 7 --at 1000

SEE ALSO
  decpool splits, decpool show; docs/replay.md`,
    )
    .action(async (log: string, options: ExplainOptions) =>
      output.write(await explainCommand(log, options, output)),
    );
}

async function explainCommand(path: string, options: ExplainOptions, output: Output): Promise<string> {
  const { block, split, allocation } = options;
  if ([block, split, allocation].filter((given) => given !== undefined).length > 1) {
    throw new InputError('--block, --split, --allocation: expected only one of them');
  }
  const { positionOf } = await import('../../inspect/position.ts');
  const explained = async (log: OpenLog) => {
    const position = await positionOf(log, options.at === undefined ? {} : { at: options.at });
    return allocation === undefined
      ? explainedRange(log, options, position)
      : explainedAllocation(log, allocation, position, options);
  };
  return withLog(path, explained, eventsRead('explain', output));
}

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
