import { InputError } from '@decpool/model';
import type { Command } from 'commander';
import { HISTORY_SERIES } from '../history/series.ts';
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
    .option(
      '--csv',
      'instead of the page, what it shows over time on standard output as tidy CSV: a value a line, and nothing else there',
    )
    .option(
      '--series <list>',
      `which of it, separated by commas; all unless told: ${HISTORY_SERIES.map(({ id }) => id).join(', ')}`,
    )
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool report decpool-results
  decpool report decpool-results/netvsc --out netvsc.html
  decpool report decpool-results/netvsc --csv --series live,shared-idle

SEE ALSO
  decpool compare; docs/reports.md`,
    )
    .action(async (dir: string, options: ReportOptions, command: Command) => {
      // Settings are for any call: one that does not concern this one is none of its mistakes.
      const isTyped = (name: keyof ReportOptions) => command.getOptionValueSource(name) === 'cli';
      const isOfPage = isTyped('out') || isTyped('against');
      if (isTyped('csv') && options.csv === true && isOfPage) {
        throw new InputError('--csv is instead of the page: it takes neither --out nor --against');
      }
      const isCsv = options.csv === true && !isOfPage;
      if (!isCsv && isTyped('series')) throw new InputError('--series is of --csv, which is not given');
      if (isCsv) {
        const { reportCsv } = await import('./report-csv.ts');
        await reportCsv(dir, options.series, output);
      } else {
        const { reportCommand } = await import('./report-run.ts');
        await reportCommand(dir, options, output);
      }
    });
}
