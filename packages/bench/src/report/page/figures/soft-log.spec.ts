import { expect, it } from 'vitest';
import { softLog } from './soft-log.ts';

const texts = (values: readonly number[], unit: 'count' | 'byte-seconds') => {
  const axis = softLog(values, unit);
  return axis.ticks.map((tick) => axis.text(tick));
};

it('ticks of bytes are powers of two, of units that are too, and not many', () => {
  expect(texts([0, 37e6], 'byte-seconds')).toEqual([
    '0 B.s',
    '1 MiB.s',
    '2 MiB.s',
    '4 MiB.s',
    '8 MiB.s',
    '16 MiB.s',
    '32 MiB.s',
  ]);
  expect(texts([20 * 2 ** 30], 'byte-seconds')).toEqual([
    '0 B.s',
    '1 MiB.s',
    '8 MiB.s',
    '64 MiB.s',
    '512 MiB.s',
    '4 GiB.s',
  ]);
});

it('ticks of counts are decades, with steps between where there are few', () => {
  expect(texts([0, 1], 'count')).toEqual(['0', '1']);
  expect(texts([44], 'count')).toEqual(['0', '1', '2', '5', '10', '20']);
  expect(texts([38_000], 'count')).toEqual(['0', '1', '10', '100', '1,000', '10,000']);
});

it('all values lie within the axis, also where all are 0', () => {
  for (const values of [[0], [0, 380], [1e12]]) {
    const { at, min, max } = softLog(values, 'byte-seconds');
    for (const value of values) expect(at(value) > min && at(value) < max).toBe(true);
  }
});
