/** What a report shows of runs at its frames, as numbers for programs. */
import { BlocksAt, countByState } from './blocks-at.ts';
import { externalFragmentation, fragmentationIndex, unusableFreeIndex } from './kernel-indices.ts';
import { BLOCK_STATES, HISTOGRAM_BARS, type InputHistory, type RunHistory, type Series } from './types.ts';

/** One value at one frame. */
export interface SeriesValue {
  /** Empty where it is of the requests, whoever serves them. */
  readonly policy: string;
  /** Index of the frame. */
  readonly frame: number;
  /** What of, where a frame has several values: an order, the fewest pages of a bar, a state of blocks. */
  readonly at: string | number;
  readonly value: number;
}

export interface HistorySeries {
  readonly id: string;
  readonly unit: 'count' | 'bytes' | 'blocks' | 'thousandths' | 'percent';
  values(history: InputHistory): Generator<SeriesValue>;
}

/** In the order of the page, with the ids of its figures. */
export const HISTORY_SERIES: readonly HistorySeries[] = [
  { id: 'block-map', unit: 'blocks', values: blockStates },
  ofRun('splits-2m', 'count', 'splits2M'),
  ofRun('splits-1g', 'count', 'splits1G'),
  ofRun('shared-idle', 'bytes', 'sharedIdleBytes'),
  ofRun('live', 'bytes', 'liveBytes'),
  ofRequests('asked-for', 'bytes', (history) => history.askedBytes),
  ofRun('shared-blocks', 'blocks', 'sharedBlocks'),
  ofRequests('lower-bound', 'blocks', (history) => history.leastBlocks),
  ofRun('mixed-blocks', 'blocks', 'mixedBlocks'),
  ofRun('direct-map-4k', 'bytes', 'directMap4k'),
  ofRun('direct-map-2m', 'bytes', 'directMap2M'),
  ofRun('direct-map-1g', 'bytes', 'directMap1G'),
  ofRun('failures', 'count', 'failedRequests'),
  histogram('occupancy', (run) => run.occupancy),
  histogram('longest-free', (run) => run.longestFree),
  index('unusable-free-index', 'thousandths', unusableFreeIndex),
  index('fragmentation-index', 'thousandths', fragmentationIndex),
  index('extfrag', 'percent', externalFragmentation),
];

function ofRun(id: string, unit: HistorySeries['unit'], name: keyof Series): HistorySeries {
  return {
    id,
    unit,
    *values({ runs }) {
      for (const { policy, series } of runs) {
        for (const [frame, value] of series[name].entries()) yield { policy, frame, at: '', value };
      }
    },
  };
}

function ofRequests(
  id: string,
  unit: HistorySeries['unit'],
  pick: (history: InputHistory) => readonly number[],
): HistorySeries {
  return {
    id,
    unit,
    *values(history) {
      for (const [frame, value] of pick(history).entries()) yield { policy: '', frame, at: '', value };
    },
  };
}

/** Blocks by how many of their pages: from `at` up to the next; the last are full. */
function histogram(id: string, pick: BinsOf): HistorySeries {
  return binned(id, 'blocks', pick, (bars, bar, { pagesPerBlock }) => ({
    at: (bar * pagesPerBlock) / (HISTOGRAM_BARS - 1),
    value: bars[bar],
  }));
}

/** By order. */
function index(
  id: string,
  unit: HistorySeries['unit'],
  of: (counts: readonly number[], order: number) => number,
): HistorySeries {
  const pick: BinsOf = ({ freeByOrder }) => freeByOrder;
  return binned(id, unit, pick, (counts, order) => ({ at: order, value: of(counts, order) }));
}

/** What a run has several of at each frame. */
type BinsOf = (run: RunHistory) => readonly (readonly number[])[];

function binned(
  id: string,
  unit: HistorySeries['unit'],
  pick: BinsOf,
  told: (bins: readonly number[], bin: number, history: InputHistory) => Pick<SeriesValue, 'at' | 'value'>,
): HistorySeries {
  return {
    id,
    unit,
    *values(history) {
      for (const run of history.runs) {
        for (const [frame, bins] of pick(run).entries()) {
          for (const bin of bins.keys()) yield { policy: run.policy, frame, ...told(bins, bin, history) };
        }
      }
    },
  };
}

/** Blocks of RAM by state. */
function* blockStates(history: InputHistory): Generator<SeriesValue> {
  for (const { policy, blocks } of history.runs) {
    const index = new BlocksAt(blocks);
    for (const frame of history.frames.times.keys()) {
      const changed = index.rowsAt(frame).map((row) => BLOCK_STATES[blocks.state[row]]);
      const counts = countByState(history, changed);
      for (const state of BLOCK_STATES) yield { policy, frame, at: state, value: counts[state] };
    }
  }
}
