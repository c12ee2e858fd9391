import { type Command, Option } from 'commander';
import type { SplitGrouping } from '../../inspect/splits-groups.ts';
import type { CommandContext, Output } from '../command-context.ts';
import { eventsRead, withLog } from '../reading.ts';

interface SplitsOptions {
  readonly by: SplitGrouping;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** Here and not from inspect/splits-groups.ts, which is loaded only if the command is called. */
const GROUPINGS: readonly SplitGrouping[] = ['owner', 'request', 'block'];

export function addSplits(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('splits')
    .summary('list the splits of a log by owner, request or block')
    .description(
      'Prints every split of the direct map in an event log, with the owner and the request that caused it. The most expensive owner comes first. Splits without a request belong to the deferred worker or to the boot.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .addOption(new Option('--by <group>', 'what a row of the table is').choices(GROUPINGS).default('owner'))
    .option('--all', 'print all rows, not only the first 20')
    .option('--json', 'print one JSON document, with every split')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool splits decpool-results/netvsc/logs/linux-6.12.arrow
  decpool splits decpool-results/netvsc/logs/linux-6.12.arrow --by block --all

SEE ALSO
  decpool explain, decpool show; docs/replay.md`,
    )
    .action(async (log: string, options: SplitsOptions) =>
      output.write(await splitsCommand(log, options, output)),
    );
}

async function splitsCommand(
  path: string,
  { by, all, json }: SplitsOptions,
  output: Output,
): Promise<string> {
  const [{ splitsOf }, { splitsReport }, { splitsText }, { jsonText }] = await Promise.all([
    import('../../inspect/splits.ts'),
    import('../../inspect/splits-groups.ts'),
    import('../../inspect/splits-text.ts'),
    import('../../text/json.ts'),
  ]);
  const found = await withLog(path, splitsOf, eventsRead('splits', output));
  if (json === true) return jsonText(splitsReport(found, by));
  return splitsText(found, { by, isAll: all === true, columns: output.columns, path });
}
