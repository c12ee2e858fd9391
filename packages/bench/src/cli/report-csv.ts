import { InputError, unknownName } from '@decpool/model';
import { HISTORY_SERIES, type HistorySeries } from '../history/series.ts';
import { historyCsv, historyCsvHead } from '../report/history-csv.ts';
import { printable } from '../text/printable.ts';
import { readHistories, type WithHistory } from './histories.ts';
import type { Output } from './output.ts';
import { onReaderGone, written } from './reader.ts';

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
  for (const each of read) {
    const names = withoutLog(each);
    if (names.length === 0) continue;
    output.tell(`decpool: ${printable(each.results.input.name)}: no event log of ${names.join(', ')}\n`);
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

function withoutLog({ results, history }: WithHistory): string[] {
  const logged = new Set(history?.runs.map(({ policy }) => policy));
  return results.policies.flatMap(({ policy }) => (logged.has(policy) ? [] : [printable(policy)]));
}

function seriesNamed(list: string | undefined): readonly HistorySeries[] {
  if (list === undefined) return HISTORY_SERIES;
  const known = HISTORY_SERIES.map(({ id }) => id);
  const ids = list.split(',').map((id) => id.trim());
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown !== undefined) {
    throw unknownName({
      kind: 'series',
      given: unknown,
      known,
      listedBy: 'decpool report --help',
      place: '--series',
    });
  }
  return HISTORY_SERIES.filter(({ id }) => ids.includes(id));
}
