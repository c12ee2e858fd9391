import { InputError } from '@decpool/model';
import type { Command } from 'commander';
import { HISTORY_SERIES } from '../../history/series.ts';
import type { CommandContext } from '../command-context.ts';
import type { ReportOptions } from '../report-run.ts';

export function addReport(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('report')
    .summary('make one HTML page of the results of a comparison')
    .description(
      'Writes one self-contained HTML page that makes no network requests: the verdict, the table, costs under your own weights, owners, a block map and charts over time. Writes its charts as SVG files into a folder named after the page: report-figures/ for report.html.',
    )
    .argument('<dir>', 'results: a folder with a results.json, or a folder of such folders')
    .option('--out <file>', 'the page (default: report.html in the folder)')
    .option('--against <old>', 'an older run, folder or results.json: show what changed since')
    .option(
      '--csv',
      'print the figures over time as tidy CSV on standard output, one value a line, instead of the page',
    )
    .option(
      '--series <list>',
      `the figures of --csv, separated by commas (default: all): ${HISTORY_SERIES.map(({ id }) => id).join(', ')}`,
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
      // Only typed options can be wrong together: a config file is for every call.
      const isTyped = (name: keyof ReportOptions) => command.getOptionValueSource(name) === 'cli';
      const isOfPage = isTyped('out') || isTyped('against');
      if (isTyped('csv') && options.csv === true && isOfPage) {
        throw new InputError('--csv is instead of the page: give it without --out and --against.');
      }
      const isCsv = options.csv === true && !isOfPage;
      if (!isCsv && isTyped('series')) throw new InputError('--series is of --csv: give --csv as well.');
      if (isCsv) {
        const { reportCsv } = await import('../report-csv.ts');
        await reportCsv(dir, options.series, output);
      } else {
        const { reportCommand } = await import('../report-run.ts');
        await reportCommand(dir, options, output);
      }
    });
}
