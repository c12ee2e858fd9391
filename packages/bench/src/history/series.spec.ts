import { expect, it } from 'vitest';
import { HISTORY_SERIES, type SeriesValue } from './series.ts';
import { madeHistory } from './testing-made.ts';
import { BLOCK_STATES } from './types.ts';

const history = madeHistory({ kernel: [0, 2, 2], other: [0, 0, 1] });
const valuesOf = (id: string): SeriesValue[] => [
  ...HISTORY_SERIES.find((series) => series.id === id)!.values(history),
];

it('a series of runs has a value of each policy at each frame', () => {
  expect(valuesOf('splits-2m')).toEqual([
    { policy: 'kernel', frame: 0, at: '', value: 0 },
    { policy: 'kernel', frame: 1, at: '', value: 2 },
    { policy: 'kernel', frame: 2, at: '', value: 2 },
    { policy: 'other', frame: 0, at: '', value: 0 },
    { policy: 'other', frame: 1, at: '', value: 0 },
    { policy: 'other', frame: 2, at: '', value: 1 },
  ]);
});

it('a series of the requests is of no policy', () => {
  expect(valuesOf('lower-bound').map(({ policy, value }) => [policy, value])).toEqual([
    ['', 0],
    ['', 1],
    ['', 1],
  ]);
});

it('blocks of RAM are counted by state, and all of them at every frame', () => {
  const values = valuesOf('block-map').filter(({ policy }) => policy === 'kernel');
  expect(values.filter(({ value }) => value > 0)).toEqual([
    { policy: 'kernel', frame: 0, at: 'private', value: 128 },
    { policy: 'kernel', frame: 1, at: 'private', value: 127 },
    { policy: 'kernel', frame: 1, at: 'mixed', value: 1 },
    { policy: 'kernel', frame: 2, at: 'private', value: 127 },
    { policy: 'kernel', frame: 2, at: 'mixed', value: 1 },
  ]);
  expect(values).toHaveLength(3 * BLOCK_STATES.length);
});

it('a bar is named by the fewest pages in it, an index by the order', () => {
  expect(
    valuesOf('longest-free')
      .slice(0, 17)
      .map(({ at }) => at),
  ).toEqual(Array.from({ length: 17 }, (_, bar) => bar * 32));
  // One free chunk of eight pages: of order 3, and of no use above.
  expect(
    valuesOf('unusable-free-index')
      .slice(0, 11)
      .map(({ at, value }) => [at, value]),
  ).toEqual(Array.from({ length: 11 }, (_, order) => [order, order <= 3 ? 0 : 1000]));
});
