/** What a report shows at its frames, as tidy CSV: one value a line, of the first seed; unrounded. */
import { stringify } from 'csv-stringify/sync';
import type { HistorySeries } from '../history/series.ts';
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
  const { times, requests } = history.frames;
  for (const { id, unit, values } of wanted) {
    let lines: unknown[][] = [];
    for (const { policy, frame, at, value } of values(history)) {
      lines.push([input, id, unit, policy, times[frame], requests[frame], at, value]);
      if (lines.length < LINES_AT_ONCE) continue;
      yield stringify(lines);
      lines = [];
    }
    yield stringify(lines);
  }
}
