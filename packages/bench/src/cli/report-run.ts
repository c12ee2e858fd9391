import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { type Against, againstOf, type Delta } from '../report/against.ts';
import { deltasText } from '../report/against-text.ts';
import type { PageInput } from '../report/page/page-data.ts';
import { figuresFolder, type Written, writeReport } from '../report/page/write-report.ts';
import { readResults, type StoredResults } from '../report/read-results.ts';
import { tellingOrder } from '../report/telling.ts';
import { labelled } from '../report/terminal.ts';
import { printable } from '../text/printable.ts';
import { formatValue } from '../text/units.ts';
import { readHistories, type WithHistory } from './histories.ts';
import type { Output } from './output.ts';

interface ReportOptions {
  readonly out?: string;
  readonly against?: string;
  /** Instead of the page. */
  readonly csv?: boolean;
  readonly series?: string;
}

export async function reportCommand(dir: string, options: ReportOptions, output: Output): Promise<void> {
  const before = options.against === undefined ? undefined : readResults(options.against);
  const read = (await readHistories(dir, output)).map((stored) => pageInput(stored, before));
  const inputs = tellingOrder(read.map(({ results }) => results)).map((place) => read[place]);
  if (options.against !== undefined && inputs.every(({ against }) => against === undefined)) {
    throw new InputError(`${options.against}: has none of the inputs of ${dir}: ${namesOf(inputs)}`);
  }
  const [page, ...figures] = await writeReport(inputs, options.out ?? join(dir, 'report.html'));
  const folder = figuresFolder(page.file);
  for (const { results, against } of inputs) {
    if (options.against === undefined) continue;
    output.write(
      `${labelled('against', againstText(results.input.name, options.against, against), output)}\n`,
    );
    const changed = against?.deltas.filter(({ change }) => change !== '=') ?? [];
    if (changed.length > 0) output.write(deltasText(changed, output));
  }
  output.write(`written      ${sized(page)}\n`);
  output.write(
    `             ${printable(folder)}: ${figures.length} SVG files, ${bytes(figures.reduce((sum, figure) => sum + figure.bytes, 0))}\n`,
  );
}

const namesOf = (inputs: readonly PageInput[]) => inputs.map(({ results }) => results.input.name).join(', ');

/** How an input differs from the older run, in one line. */
function againstText(name: string, old: string, against: Against | undefined): string {
  if (against === undefined) return `${old} has no input '${name}'`;
  const { deltas, differences } = against;
  const count = (holds: (delta: Delta) => boolean) => deltas.filter(holds).length;
  const changed = count(({ change }) => change !== '=');
  const parts = [
    changed === 0 ? 'no figure changed' : `${changed} of ${deltas.length} figures changed`,
    ...(changed === 0
      ? []
      : [
          `${count((delta) => delta.isBetter === true && delta.isNoise !== true)} better`,
          `${count((delta) => delta.isBetter === false && delta.isNoise !== true)} worse`,
          `${count(({ isNoise }) => isNoise === true)} within the spread over the seeds`,
        ]),
    ...(differences.length === 0 ? [] : [`not only the code differs: ${differences.join('; ')}`]),
  ];
  return `${name}: ${parts.join(', ')}`;
}

function pageInput(
  { results, file, history }: WithHistory,
  before: readonly StoredResults[] | undefined,
): PageInput {
  const old = before?.find((stored) => stored.results.input.name === results.input.name);
  return {
    results,
    folder: dirname(file),
    ...(history === undefined ? {} : { history }),
    ...(old === undefined ? {} : { against: againstOf(results, old.results) }),
  };
}

const sized = (written: Written): string => `${printable(written.file)}: ${bytes(written.bytes)}`;
const bytes = (count: number): string => formatValue(count, 'bytes');
