import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { counted } from '../progress.ts';

export function addValidate(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('validate')
    .summary('check the models against recordings of real kernels')
    .description(
      "Replays recordings through the direct-map model and compares splits, collapses and DirectMap changes row by row. With --scatter, gives the requests of recorded runs to the page source, never their page frames, and compares where they land by what they split. Exit code 1 when a model disagrees with the kernel's values.",
    )
    .argument(
      '<recording...>',
      'CSV files, gzipped or not, the kernel version comes from meta.json beside them; with --scatter folders of runs',
    )
    .option('--scatter', 'compare the page source, from the memory state before each run')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool validate examples/traces/recordings/*/*/*.csv.gz
  decpool validate --scatter examples/traces/recordings/k61/E1f

SEE ALSO
  decpool known-answers; docs/validation.md`,
    )
    .action(async (paths: string[], options: { readonly scatter?: boolean }) => {
      const { recordingsReport, scatterReport } = await import('../../validate/report.ts');
      const report = options.scatter === true ? scatterReport : recordingsReport;
      const progress = counted('validate', 'recordings', output);
      try {
        const { text, passes } = report(paths, progress.show);
        output.write(text);
        exit(passes ? 0 : 1);
      } finally {
        progress.stop();
      }
    });
}
