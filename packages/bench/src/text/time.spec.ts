import { expect, it } from 'vitest';
import { clock, durationText, parseTime, timeText } from './time.ts';

it.each([
  ['1.5s', 1_500_000_000],
  ['200ms', 200_000_000],
  ['17us', 17_000],
  ['0.1us', 100],
  ['1200', 1200],
  ['3 ns', 3],
  ['2min', 120_000_000_000],
  ['24h', 86_400_000_000_000],
])('reads %s', (text, ns) => {
  expect(parseTime(text)).toBe(ns);
});

it.each(['', '-1s', '1.5.2s', 's', '1 week', '1e9', '99999999h'])(
  'refuses %j, and says what would be right',
  (text) => {
    expect(() => parseTime(text)).toThrow(/expected one as in 1\.5s, 200ms, 17us/);
  },
);

it('shows times as seconds with all decimals, or in the largest unit', () => {
  expect([0, 269_129, 51_812_345_678].map(clock)).toEqual(['0.000000000', '0.000269129', '51.812345678']);
  expect([0, 999, 1500, 269_129, 1_500_000_000, 86_400_000_000_000].map(timeText)).toEqual([
    '0 ns',
    '999 ns',
    '1.5 us',
    '269.129 us',
    '1.5 s',
    '24 h',
  ]);
  expect([24_471_000, 46_600_000_000].map((ns) => timeText(ns, 1))).toEqual(['24.5 ms', '46.6 s']);
});

it('shows wall-clock time as people say it', () => {
  expect([0.4, 59.2, 60, 3540, 7500].map(durationText)).toEqual([
    '1 s',
    '60 s',
    '1 min',
    '59 min',
    '2 h 5 min',
  ]);
});
