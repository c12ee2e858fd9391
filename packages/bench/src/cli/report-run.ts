import { dirname, join } from 'node:path';
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
  const inputs = readResults(dir).map(pageInput);
  const [page, ...figures] = await writeReport(inputs, options.out ?? join(dir, 'report.html'));
  const folder = join(dirname(page.file), 'figures');
  output.write(`written      ${sized(page)}\n`);
  output.write(
    `             ${printable(folder)}: ${figures.length} SVG files, ${bytes(figures.reduce((sum, figure) => sum + figure.bytes, 0))}\n`,
  );
}

const pageInput = ({ results, file }: StoredResults): PageInput => ({ results, folder: dirname(file) });

const sized = (written: Written): string => `${printable(written.file)}: ${bytes(written.bytes)}`;
const bytes = (count: number): string => formatValue(count, 'bytes');
