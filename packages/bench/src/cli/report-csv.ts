import { dirname } from 'node:path';
import { InputError } from '@decpool/model';
import { eventsInLogs, readInputHistory } from '../history/read.ts';
import { HISTORY_SERIES, type HistorySeries } from '../history/series.ts';
import { historyCsv, historyCsvHead } from '../report/history-csv.ts';
import { readResults } from '../report/read-results.ts';
import type { Output } from './command-context.ts';
import { onReaderGone, written } from './reader.ts';
import { allRead } from './reading.ts';

/** Prints what the page of these results shows over time. Throws InputError where there are no event logs, and for an unknown series. */
export async function reportCsv(dir: string, series: string | undefined, output: Output): Promise<void> {
  const wanted = seriesNamed(series);
  const all = readResults(dir);
  const reading = allRead(
    'report',
    all.reduce((sum, { results }) => sum + eventsInLogs(results), 0),
    output,
  );
  const gone = new AbortController();
  const forget = onReaderGone(() => gone.abort());
  let isBegun = false;
  try {
    for (const { results, file } of all) {
      const history = await readInputHistory(dirname(file), results, reading.onRead);
      if (history === undefined) continue;
      if (!isBegun) output.write(historyCsvHead());
      isBegun = true;
      for (const lines of historyCsv(results.input.name, history, wanted)) {
        await written(output, lines, gone.signal);
        if (gone.signal.aborted) return;
      }
    }
  } finally {
    reading.stop();
    forget();
  }
  if (!isBegun) throw new InputError(`${dir}: there are no event logs, which --csv is made from`);
}

function seriesNamed(list: string | undefined): readonly HistorySeries[] {
  if (list === undefined) return HISTORY_SERIES;
  const known = HISTORY_SERIES.map(({ id }) => id);
  const ids = list.split(',').map((id) => id.trim());
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new InputError(`--series names '${unknown}'; there are ${known.join(', ')}`);
  return HISTORY_SERIES.filter(({ id }) => ids.includes(id));
}
