/** What a report shows of runs at its frames, as numbers for programs. */
import { BlocksAt, countByState } from './blocks-at.ts';
import { externalFragmentation, fragmentationIndex, unusableFreeIndex } from './kernel-indices.ts';
import { BLOCK_STATES, HISTOGRAM_BARS, type InputHistory, type SeriesName, seriesInfo } from './types.ts';

export interface SeriesValue {
  /** Empty if it is the same under every policy. */
  readonly policy: string;
  readonly frame: number;
  /** Tells the values of one frame apart: an order, the fewest pages of a bar, a state of blocks. */
  readonly at: string | number;
  readonly value: number;
}

export interface HistorySeries {
  readonly id: string;
  readonly unit: 'count' | 'bytes' | 'blocks' | 'thousandths' | 'percent';
  values(history: InputHistory): Generator<SeriesValue>;
}

function ofRun(name: SeriesName): HistorySeries {
  const { id, unit } = seriesInfo(name);
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

const ofRequests = (
  id: string,
  unit: HistorySeries['unit'],
  name: 'askedBytes' | 'leastBlocks',
): HistorySeries => ({
  id,
  unit,
  *values(history) {
    for (const [frame, value] of history[name].entries()) yield { policy: '', frame, at: '', value };
  },
});

/** Blocks by how many of their pages: from `at` up to the next; the last are full. */
const histogram = (id: string, bins: BinsName): HistorySeries =>
  binned(id, 'blocks', bins, (bars, bar, { pagesPerBlock }) => ({
    at: (bar * pagesPerBlock) / (HISTOGRAM_BARS - 1),
    value: bars[bar],
  }));

const index = (
  id: string,
  unit: HistorySeries['unit'],
  indexOf: (counts: readonly number[], order: number) => number,
): HistorySeries =>
  binned(id, unit, 'freeByOrder', (counts, order) => ({ at: order, value: indexOf(counts, order) }));

type BinsName = 'occupancy' | 'longestFree' | 'freeByOrder';

const binned = (
  id: string,
  unit: HistorySeries['unit'],
  name: BinsName,
  binOf: (bins: readonly number[], bin: number, history: InputHistory) => Pick<SeriesValue, 'at' | 'value'>,
): HistorySeries => ({
  id,
  unit,
  *values(history) {
    for (const run of history.runs) {
      for (const [frame, bins] of run[name].entries()) {
        for (const bin of bins.keys()) yield { policy: run.policy, frame, ...binOf(bins, bin, history) };
      }
    }
  },
});

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

/** In the order of the page, with the ids of its figures. */
export const HISTORY_SERIES: readonly HistorySeries[] = [
  { id: 'block-map', unit: 'blocks', values: blockStates },
  ofRun('splits2M'),
  ofRun('splits1G'),
  ofRun('sharedIdleBytes'),
  ofRun('liveBytes'),
  ofRequests('asked-for', 'bytes', 'askedBytes'),
  ofRun('sharedBlocks'),
  ofRequests('lower-bound', 'blocks', 'leastBlocks'),
  ofRun('mixedBlocks'),
  ofRun('directMap4k'),
  ofRun('directMap2M'),
  ofRun('directMap1G'),
  ofRun('failedRequests'),
  histogram('occupancy', 'occupancy'),
  histogram('longest-free', 'longestFree'),
  index('unusable-free-index', 'thousandths', unusableFreeIndex),
  index('fragmentation-index', 'thousandths', fragmentationIndex),
  index('extfrag', 'percent', externalFragmentation),
];
