import { dirname, join } from 'node:path';
import { readInputHistory } from '../history/read.ts';
import { againstOf } from '../report/against.ts';
import type { PageInput } from '../report/page/page-data.ts';
import { type Written, writeReport } from '../report/page/write-report.ts';
import { readResults, type StoredResults } from '../report/read-results.ts';
import { formatValue } from '../report/units.ts';
import type { Output } from './command-context.ts';
import { printable } from './printable.ts';

export interface ReportOptions {
  readonly out?: string;
  readonly against?: string;
}

export async function reportCommand(dir: string, options: ReportOptions, output: Output): Promise<void> {
  const before = options.against === undefined ? undefined : readResults(options.against);
  const inputs: PageInput[] = [];
  for (const stored of readResults(dir)) inputs.push(await pageInput(stored, before));
  const [page, ...figures] = await writeReport(inputs, options.out ?? join(dir, 'report.html'));
  const folder = join(dirname(page.file), 'figures');
  output.write(`written      ${sized(page)}\n`);
  output.write(
    `             ${printable(folder)}: ${figures.length} SVG files, ${bytes(figures.reduce((sum, figure) => sum + figure.bytes, 0))}\n`,
  );
}

async function pageInput(
  { results, file }: StoredResults,
  before: readonly StoredResults[] | undefined,
): Promise<PageInput> {
  const folder = dirname(file);
  const history = await readInputHistory(folder, results);
  const old = before?.find((stored) => stored.results.input.name === results.input.name);
  return {
    results,
    folder,
    ...(history === undefined ? {} : { history }),
    ...(old === undefined ? {} : { against: againstOf(results, old.results) }),
  };
}

const sized = (written: Written): string => `${printable(written.file)}: ${bytes(written.bytes)}`;
const bytes = (count: number): string => formatValue(count, 'bytes');
