import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ReportOptions } from './report-run.ts';

export function addReport(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('report')
    .summary('make one HTML file of the results of a comparison')
    .description(
      'Writes a page that opens from disk and asks nobody for anything: the finding, the table, a map of the blocks, charts over time, costs under weights of your own, and who caused what. The same charts are written as SVG files beside it, into a folder named after the page: report-figures/ for report.html.',
    )
    .argument('<dir>', 'results: a folder with a results.json, or a folder of such folders')
    .option('--out <file>', 'the page; report.html in the folder unless told')
    .option('--against <old>', 'an older run, folder or results.json: what became of each figure')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool report decpool-results
  decpool report decpool-results/netvsc --out netvsc.html

SEE ALSO
  decpool compare`,
    )
    .action(async (dir: string, options: ReportOptions) => {
      const { reportCommand } = await import('./report-run.ts');
      await reportCommand(dir, options, output);
    });
}
