import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { unknownName } from '@decpool/model/internal';
import { HISTORY_SERIES, type HistorySeries } from '../history/series.ts';
import type { InputHistory } from '../history/types.ts';
import { type Against, againstOf, type Delta } from '../report/against.ts';
import { deltasText } from '../report/against-text.ts';
import { historyCsv, historyCsvHead } from '../report/history-csv.ts';
import type { PageInput } from '../report/page/page-data.ts';
import { figuresFolder, writeReport } from '../report/page/write-report.ts';
import { eventsInLogs, readInputHistory } from '../report/read-history.ts';
import { readResults, type StoredResults } from '../report/read-results.ts';
import { tellingOrder } from '../report/telling.ts';
import { labelled } from '../report/terminal.ts';
import { printable } from '../text/printable.ts';
import { formatValue } from '../text/units.ts';
import type { Output } from './output.ts';
import { onReaderGone, written } from './reader.ts';
import { allRead } from './reading.ts';

interface WithHistory extends StoredResults {
  /** Undefined if there is no log. */
  readonly history: InputHistory | undefined;
}

/** Throws InputError as readResults() and readInputHistory() do. */
async function readHistories(dir: string, output: Output): Promise<readonly WithHistory[]> {
  const all = readResults(dir);
  const events = all.reduce((sum, { results, file }) => sum + eventsInLogs(dirname(file), results), 0);
  const reading = allRead('report', events, output);
  const read: WithHistory[] = [];
  try {
    for (const stored of all) {
      const history = await readInputHistory(dirname(stored.file), stored.results, reading.onRead);
      read.push({ ...stored, history });
    }
  } finally {
    reading.stop();
  }
  return read;
}

interface PageOptions {
  readonly out?: string;
  readonly against?: string;
}

/** Writes the page and its figures. */
export async function reportPage(
  dir: string,
  { out = join(dir, 'report.html'), against: older }: PageOptions,
  output: Output,
): Promise<void> {
  const before = older === undefined ? undefined : readResults(older);
  const read = (await readHistories(dir, output)).map((stored) => pageInput(stored, before));
  const inputs = tellingOrder(read.map(({ results }) => results)).map((place) => read[place]);
  if (older !== undefined && inputs.every(({ against }) => against === undefined)) {
    const names = inputs.map(({ results }) => results.input.name).join(', ');
    throw new InputError(`${older}: has none of the inputs of ${dir}: ${names}`);
  }
  const [page, ...figures] = await writeReport(inputs, out);
  for (const { results, against } of older === undefined ? [] : inputs) {
    output.write(`${labelled('against', againstText(results.input.name, older ?? '', against), output)}\n`);
    const changed = against?.deltas.filter(({ change }) => change !== '=') ?? [];
    if (changed.length > 0) output.write(deltasText(changed, output));
  }
  const bytes = (count: number) => formatValue(count, 'bytes');
  const figureBytes = figures.reduce((sum, figure) => sum + figure.bytes, 0);
  const folder = printable(figuresFolder(page.file));
  output.write(
    `written      ${printable(page.file)}: ${bytes(page.bytes)}\n             ${folder}: ${figures.length} SVG files, ${bytes(figureBytes)}\n`,
  );
}

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

/**
 * Prints the figures over time of a page, and names policies without an event log on standard error. Throws InputError if no policy
 * has one, and for an unknown series.
 */
export async function reportCsv(dir: string, series: string | undefined, output: Output): Promise<void> {
  const wanted = seriesNamed(series);
  const read = await readHistories(dir, output);
  if (read.every(({ history }) => history === undefined)) {
    throw new InputError(`${dir}: there are no event logs, and --csv is made from them.`);
  }
  for (const { results, history } of read) {
    const logged = new Set(history?.runs.map(({ policy }) => policy));
    const without = results.policies.filter(({ policy }) => !logged.has(policy));
    if (without.length === 0) continue;
    const names = without.map(({ policy }) => printable(policy)).join(', ');
    output.tell(`decpool: ${printable(results.input.name)}: no event log of ${names}\n`);
  }
  const gone = new AbortController();
  const forget = onReaderGone(() => gone.abort());
  try {
    output.write(historyCsvHead());
    for (const { results, history } of read) {
      if (history === undefined) continue;
      for (const lines of historyCsv(results.input.name, history, wanted)) {
        await written(output, lines, gone.signal);
        if (gone.signal.aborted) return;
      }
    }
  } finally {
    forget();
  }
}

function seriesNamed(list: string | undefined): readonly HistorySeries[] {
  if (list === undefined) return HISTORY_SERIES;
  const known = HISTORY_SERIES.map(({ id }) => id);
  const ids = list.split(',').map((id) => id.trim());
  const given = ids.find((id) => !known.includes(id));
  if (given !== undefined) {
    throw unknownName({ kind: 'series', given, known, listedBy: 'decpool report --help', place: '--series' });
  }
  return HISTORY_SERIES.filter(({ id }) => ids.includes(id));
}
