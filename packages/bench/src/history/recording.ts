/** What was recorded of a run at its frames, and how frames are merged. */
import type { OwnerFigures } from '@decpool/model';
import { ChangeRows } from './change-rows.ts';
import { laterOf, mostOf } from './frames.ts';
import type { HoldSnapshot } from './owner-holds.ts';
import { RUN_SERIES, type SeriesName, seriesInfo } from './types.ts';

type MutableSeries = Record<SeriesName, number[]>;

/** One value for each frame, but for the changes of blocks. */
export interface FrameValues {
  /** Simulated ns of the last event. */
  times: number[];
  series: MutableSeries;
  occupancy: (readonly number[])[];
  longestFree: (readonly number[])[];
  freeByOrder: (readonly number[])[];
  holds: HoldSnapshot[];
  changes: ChangeRows;
}

export interface RunRecording {
  /** Requests that a frame stands for. */
  readonly stride: number;
  readonly values: FrameValues;
  readonly events: number;
  readonly owners: readonly string[];
  readonly byOwner: readonly OwnerFigures[];
}

/** Words of a snapshot that count as a row. */
const WORDS_A_ROW = 4;

/** What grows with frames and blocks, in rows: the memory of a recording and the size of a page depend on it. */
export const sizeOf = ({ changes, holds }: FrameValues): number =>
  changes.size + holds.reduce((words, snapshot) => words + snapshot.length, 0) / WORDS_A_ROW;

/** The same with half the frames: the state of the later of two, and the larger of two peaks. */
export const coarserValues = (values: FrameValues): FrameValues => ({
  times: laterOf(values.times),
  series: seriesOf((name) => (seriesInfo(name).isPeak === true ? mostOf : laterOf)(values.series[name])),
  occupancy: laterOf(values.occupancy),
  longestFree: laterOf(values.longestFree),
  freeByOrder: laterOf(values.freeByOrder),
  holds: laterOf(values.holds),
  changes: values.changes.coarser(),
});

const NAMES = Object.keys(RUN_SERIES) as SeriesName[];

const seriesOf = (valuesOf: (name: SeriesName) => number[]): MutableSeries =>
  Object.fromEntries(NAMES.map((name) => [name, valuesOf(name)])) as MutableSeries;

export const emptyValues = (mappingsAtBoot: Uint8Array): FrameValues => ({
  times: [],
  series: seriesOf(() => []),
  occupancy: [],
  longestFree: [],
  freeByOrder: [],
  holds: [],
  changes: new ChangeRows(mappingsAtBoot),
});

/** The recording at a stride that is a power of two times its own. */
export function atStride(recording: RunRecording, stride: number): RunRecording {
  let { stride: own, values } = recording;
  for (; own < stride; own *= 2) values = coarserValues(values);
  return { ...recording, stride: own, values };
}
