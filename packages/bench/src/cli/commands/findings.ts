import { type Command, Option } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { FindingsOptions } from '../findings-run.ts';
import { wholeNumber } from '../numbers.ts';

export function addFindings(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('findings')
    .summary('run a sweep and write what it says as docs/findings.md')
    .description(
      'Runs what is left of a sweep, as the command sweep does, and writes a page of Markdown: which policy does best in what, by how much against the kernels, how far from the bounds, and how sure that is.',
    )
    .argument(
      '<definition>',
      'JSON file of a sweep with linux-6.12, linux-7.3 and gfp-decrypted among its policies',
    )
    .option('--sweep <dir>', 'folder for the cells and the results of the sweep', 'decpool-findings')
    .option('--out <file>', 'the page', 'docs/findings.md')
    .addOption(
      new Option('--workers <n>', 'threads; as many as there are cores unless told').argParser(
        wholeNumber(1, 256),
      ),
    )
    .addHelpText(
      'after',
      '\nEXAMPLES\n  decpool findings examples/sweeps/findings.json\n\nSEE ALSO\n  decpool sweep; docs/findings.md, docs/sweeps.md',
    )
    .action(async (definition: string, options: FindingsOptions) => {
      const { findingsCommand } = await import('../findings-run.ts');
      exit(await findingsCommand(definition, options, output));
    });
}
