/** What a report shows at its frames, as tidy CSV: one value a line, of the first seed; unrounded. */
import { stringify } from 'csv-stringify/sync';
import type { HistorySeries, SeriesValue } from '../history/series.ts';
import type { InputHistory } from '../history/types.ts';

const COLUMNS = ['input', 'series', 'unit', 'policy', 'time_ns', 'requests', 'at', 'value'] as const;
const LINES_AT_ONCE = 10_000;

export const historyCsvHead = (): string => stringify([[...COLUMNS]]);

/** The lines of an input, some thousand at a time; RFC 4180, with LF at line ends. */
export function* historyCsv(
  input: string,
  history: InputHistory,
  wanted: readonly HistorySeries[],
): Generator<string> {
  for (const series of wanted) {
    let lines: unknown[][] = [];
    for (const value of series.values(history)) {
      lines.push(lineOf(input, series, value, history));
      if (lines.length < LINES_AT_ONCE) continue;
      yield stringify(lines);
      lines = [];
    }
    yield stringify(lines);
  }
}

const lineOf = (
  input: string,
  { id, unit }: HistorySeries,
  { policy, frame, at, value }: SeriesValue,
  { frames: { times, requests } }: InputHistory,
): unknown[] => [input, id, unit, policy, times[frame], requests[frame], at, value];
