import type { Command } from 'commander';
import { printable } from '../../text/printable.ts';
import type { CommandContext, Output } from '../command-context.ts';

interface ConvertCommandOptions {
  readonly to?: string;
}

export function addConvert(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('convert')
    .summary('write an event log in another format, or as a Parquet table')
    .description(
      'Writes a log as NDJSON or Arrow, with the same content hashes and seal, or its events as a Parquet table for SQL and pandas. A log of an older schema version becomes one of version 3, with content hashes of its own.',
    )
    .argument('<log>', 'an event log: NDJSON or Arrow, gzipped or not')
    .argument('<out>', 'the new file, whose ending says what it is: .ndjson, .arrow or .parquet')
    .option('--to <format>', 'ndjson, arrow or parquet, whatever the ending says')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool convert decpool-results/netvsc/logs/gfp-decrypted.arrow gfp-decrypted.ndjson
  decpool convert decpool-results/netvsc/logs/gfp-decrypted.arrow gfp-decrypted.parquet

SEE ALSO
  decpool query; docs/log-format.md, docs/queries.md`,
    )
    .action(async (log: string, out: string, options: ConvertCommandOptions) => {
      exit(await convertCommand(log, out, options, output));
    });
}

async function convertCommand(
  log: string,
  out: string,
  { to }: ConvertCommandOptions,
  output: Output,
): Promise<number> {
  const [{ convert, targetFormatNamed, targetFormatOf }, { watched }, { stat }] = await Promise.all([
    import('../../convert/convert.ts'),
    import('../convert-progress.ts'),
    import('node:fs/promises'),
  ]);
  const format = to === undefined ? targetFormatOf(out) : targetFormatNamed(to);
  return watched(output, async (options) => {
    const { seal } = await convert(log, out, format, options);
    const { size } = await stat(out);
    output.write(
      `written      ${printable(out)}: ${seal.events.toLocaleString('en')} events, ${size.toLocaleString('en')} bytes\nstate hash   ${seal.stateHash}\n`,
    );
  });
}
