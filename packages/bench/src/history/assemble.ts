/** Puts what was recorded of the runs of one input together, at frames that they share. */
import { Columns, type LogHeader, machineOf, type OwnerFigures } from '@decpool/model';
import { formatValue } from '../text/units.ts';
import { blockRuns } from './blocks-at-boot.ts';
import { type Demand, demandAtStride } from './demand.ts';
import { FEWEST_STEPS, requestsAt, stepsOf } from './frames.ts';
import { holdsIn, NOTHING } from './owner-holds.ts';
import { atStride, type RunRecording } from './recording.ts';
import type { InputHistory, OwnerHold, OwnerRow, RunHistory } from './types.ts';

/** Rows and pins of all runs: at 4 to 5 bytes each, at most about 1.2 MB of a page. With more, frames are merged. */
const BUDGET = 200_000;

export interface NamedRecording {
  readonly policy: string;
  readonly log: string;
  readonly recording: RunRecording;
}

/** `header`: of any of the runs; `requests`: of the trace; `budget` for specs. */
export function inputHistory(
  header: LogHeader,
  requests: number,
  demand: Demand,
  recorded: readonly NamedRecording[],
  budget = BUDGET,
): InputHistory {
  const { stride, recordings } = inStep(recorded, requests, demand.stride, budget);
  const { leastBlocks, askedBytes, lifetimes } = demandAtStride(demand, stride);
  const frames = requestsAt(requests, stride);
  const times = recordings.map(({ recording }) => recording.values.times);
  const peakFrame = peakOf(askedBytes, recordings);
  const { pagesPerBlock, pageShift, spanPages } = header.geometry;
  const atBoot = new Columns(machineOf(header), header.memory.directMap).view();
  return {
    frames: {
      requests: frames,
      times: frames.map((_, frame) => Math.max(0, ...times.map((ofRun) => ofRun[frame]))),
    },
    binning: binningOf(requests, stride),
    blocks: spanPages / pagesPerBlock,
    pagesPerBlock,
    pageBytes: 2 ** pageShift,
    ram: blockRuns(atBoot, [1, 2, 3]),
    boot4K: blockRuns(atBoot, [1]),
    leastBlocks,
    askedBytes,
    peakFrame,
    lifetimes,
    runs: recordings.map((named) => runHistory(named, peakFrame)),
  };
}

/** All at one stride: the largest of the recordings, or a larger one that keeps within the budget. */
function inStep(
  recorded: readonly NamedRecording[],
  requests: number,
  finest: number,
  budget: number,
): { readonly stride: number; readonly recordings: readonly NamedRecording[] } {
  let stride = Math.max(finest, ...recorded.map(({ recording }) => recording.stride));
  for (;;) {
    const recordings = recorded.map((named) => ({ ...named, recording: atStride(named.recording, stride) }));
    const size = recordings.reduce((sum, { recording }) => sum + recording.values.changes.size, 0);
    if (size <= budget || stepsOf(requests, stride) <= FEWEST_STEPS) return { stride, recordings };
    recorded = recordings;
    stride *= 2;
  }
}

/** If only bounce slots are asked for, which the lower bound does not count: the peak of live memory in the first run. */
function peakOf(askedBytes: readonly number[], [first]: readonly NamedRecording[]): number {
  const isAsked = askedBytes.some((bytes) => bytes > 0);
  const live = isAsked ? askedBytes : (first?.recording.values.series.liveBytes ?? [0]);
  return live.indexOf(live.reduce((most, bytes) => Math.max(most, bytes), 0));
}

function binningOf(requests: number, stride: number): string {
  const count = (value: number) => formatValue(value, 'count');
  if (stride === 1) return `${count(requests)} requests, every request is a frame`;
  return (
    `${count(requests)} requests at ${count(stepsOf(requests, stride))} frames: one frame stands for ${count(stride)} requests; ` +
    'blocks are shown as they are after its last request, and peaks within a frame are kept in the curves of shared blocks, mixed blocks, ' +
    'shared-idle memory and the lower bound'
  );
}

function runHistory({ policy, log, recording }: NamedRecording, peakFrame: number): RunHistory {
  const { values, events, owners } = recording;
  const { changes, times: _, holds: __, ...shown } = values;
  const blocks = changes.byBlock();
  return { policy, log, events, owners, ...shown, blocks, ownerRows: ownerRows(recording, peakFrame) };
}

function ownerRows({ values, owners, byOwner }: RunRecording, peakFrame: number): OwnerRow[] {
  const atPeak = byName(owners, holdsIn(values.holds[peakFrame]));
  const atEnd = byName(owners, holdsIn(values.holds[values.holds.length - 1]));
  const caused = new Map(byOwner.map((figures) => [figures.owner, figures]));
  const nothing: OwnerFigures = { owner: '', splits2M: 0, splits1G: 0, leakedPages: 0 };
  return [...new Set([...caused.keys(), ...atPeak.keys(), ...atEnd.keys()])]
    .map((owner) => ({
      ...(caused.get(owner) ?? nothing),
      owner,
      atPeak: atPeak.get(owner) ?? NOTHING,
      atEnd: atEnd.get(owner) ?? NOTHING,
    }))
    .sort(
      (a, b) => b.splits2M - a.splits2M || b.atPeak.pages - a.atPeak.pages || (a.owner < b.owner ? -1 : 1),
    );
}

const byName = (owners: readonly string[], holds: ReadonlyMap<number, OwnerHold>): Map<string, OwnerHold> =>
  new Map([...holds].map(([owner, hold]) => [owners[owner] ?? '', hold]));
