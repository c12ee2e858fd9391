import { InputError } from '@decpool/model';
import { HISTORY_SERIES } from '../../history/series.ts';
import { command, file, fileArgument, flag, list } from '../declaration.ts';

const SERIES = HISTORY_SERIES.map(({ id }) => id);

export const report = command({
  name: 'report',
  summary: 'make one HTML page of the results of a comparison',
  description:
    'Writes one self-contained HTML page that makes no network requests: the verdict, the table, costs under your own weights, owners, a block map and charts over time. Writes its charts as SVG files into a folder named after the page: report-figures/ for report.html.',
  arguments: {
    dir: fileArgument('<dir>', 'results: a folder with a results.json, or a folder of such folders'),
  },
  options: {
    out: file('--out <file>', 'the page (default: report.html in the folder)'),
    against: file('--against <old>', 'an older run, folder or results.json: show what changed since'),
    csv: flag('--csv', 'print the figures over time as tidy CSV, one value a line, instead of the page'),
    series: list('--series <list>', `the figures of --csv (default: all): ${SERIES.join(', ')}`, {
      words: () => SERIES,
    }),
  },
  examples: [
    'decpool report decpool-results',
    'decpool report decpool-results/netvsc --out netvsc.html',
    'decpool report decpool-results/netvsc --csv --series live,shared-idle',
  ],
  seeAlso: 'decpool compare; docs/reports.md',
  async run({ dir, csv = false, ...options }, { output, isTyped }) {
    // Only typed options contradict each other: a config file is for every call.
    const isOfPage = isTyped('out') || isTyped('against');
    if (isTyped('csv') && csv && isOfPage) {
      throw new InputError('--csv is instead of the page: give it without --out and --against.');
    }
    const isCsv = csv && !isOfPage;
    if (!isCsv && isTyped('series')) throw new InputError('--series is of --csv: give --csv as well.');
    const { reportCsv, reportPage } = await import('../report-run.ts');
    await (isCsv ? reportCsv(dir, options.series, output) : reportPage(dir, options, output));
  },
});
