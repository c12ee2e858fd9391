/** What was recorded of a run at its frames, and how frames are merged. */
import type { OwnerFigures } from '@decpool/model';
import type { ChangeRows } from './change-rows.ts';
import { laterOf, mostOf } from './frames.ts';
import type { HoldSnapshot } from './owner-holds.ts';
import type { Series } from './types.ts';

type Mutable<Table> = { -readonly [Name in keyof Table]: number[] };

/** One value for each frame, but for the changes of blocks. */
export interface FrameValues {
  /** Simulated ns of the last event. */
  times: number[];
  series: Mutable<Series>;
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

/** Words of a snapshot that weigh as much as a row. */
const WORDS_A_ROW = 4;

/** Rows, pins and what else grows with frames and blocks: what memory and the size of a page go by. */
export const sizeOf = ({ changes, holds }: FrameValues): number =>
  changes.size + holds.reduce((words, snapshot) => words + snapshot.length, 0) / WORDS_A_ROW;

/** The same with half the frames: the state of the later of two, and the larger of two peaks. */
export const coarserValues = (values: FrameValues): FrameValues => ({
  times: laterOf(values.times),
  series: seriesOf((name) => MERGED[name](values.series[name])),
  occupancy: laterOf(values.occupancy),
  longestFree: laterOf(values.longestFree),
  freeByOrder: laterOf(values.freeByOrder),
  holds: laterOf(values.holds),
  changes: values.changes.coarser(),
});

/** By series, its value where two frames become one. */
const MERGED: Readonly<Record<keyof Series, (values: readonly number[]) => number[]>> = {
  splits2M: laterOf,
  splits1G: laterOf,
  failedRequests: laterOf,
  directMap4k: laterOf,
  directMap2M: laterOf,
  directMap1G: laterOf,
  sharedIdleBytes: mostOf,
  liveBytes: laterOf,
  sharedBlocks: mostOf,
  mixedBlocks: mostOf,
};

const seriesOf = (valuesOf: (name: keyof Series) => number[]): Mutable<Series> =>
  Object.fromEntries(
    (Object.keys(MERGED) as (keyof Series)[]).map((name) => [name, valuesOf(name)]),
  ) as Mutable<Series>;

export const emptySeries = (): Mutable<Series> => seriesOf(() => []);

/** The recording at a stride that is a power of two times its own. */
export function atStride(recording: RunRecording, stride: number): RunRecording {
  let { stride: own, values } = recording;
  for (; own < stride; own *= 2) values = coarserValues(values);
  return { ...recording, stride: own, values };
}
