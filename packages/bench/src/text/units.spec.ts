import { expect, it } from 'vitest';
import { addressText, formatChange, formatPoints, formatRange, formatValue } from './units.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

it.each([
  [0, '0'],
  [999, '999'],
  [254_613, '254,613'],
  [1_234_567.5, '1,234,567.5'],
])('%d is counted as %s', (value, text) => {
  expect(formatValue(value, 'count')).toBe(text);
  expect(formatValue(value, 'pages')).toBe(text);
});

it.each([
  [0, '0 B'],
  [1023, '1,023 B'],
  [364 * KIB, '364 KiB'],
  [2 * MIB, '2 MiB'],
  [8.79 * MIB, '8.79 MiB'],
  [93.32 * MIB, '93.3 MiB'],
  [3042 * MIB, '3,042 MiB'],
  [4 * GIB, '4,096 MiB'],
  [16 * GIB, '16 GiB'],
  [1.5 * 1024 * GIB, '1.5 TiB'],
])('%d bytes are %s', (value, text) => {
  expect(formatValue(value, 'bytes')).toBe(text);
});

it('addresses are in GiB if that is a round number', () => {
  expect([0, 1.125 * GIB, GIB + 2 * MIB, 2 * MIB].map(addressText)).toEqual([
    '0',
    '1.125 GiB',
    '1026 MiB',
    '2 MiB',
  ]);
});

it('bytes over time carry both units', () => {
  expect(formatValue(283.4 * MIB, 'byte-seconds')).toBe('283 MiB.s');
});

it('blocks over time carry both units', () => {
  expect(formatValue(0.0123, 'block-seconds')).toBe('0.01 block.s');
  expect(formatValue(12_345.6, 'block-seconds')).toBe('12,346 block.s');
});

it.each([
  [0, '0 %'],
  [0.0123, '0.01 %'],
  [13.46, '13.5 %'],
  [100, '100 %'],
])('%d percent are %s', (value, text) => {
  expect(formatValue(value, 'percent')).toBe(text);
});

it('a range tells its unit once where it is one', () => {
  expect(formatRange(286, 1402, 'count')).toBe('286..1,402');
  expect(formatRange(116 * MIB, 124 * MIB, 'bytes')).toBe('116..124 MiB');
  expect(formatRange(512 * KIB, 2 * MIB, 'bytes')).toBe('512 KiB..2 MiB');
});

it.each([
  [undefined, 'new'],
  [0, '='],
  [-0.002, '~0%'],
  [0.49, '~0%'],
  [3.14, '+3%'],
  [-9.97, '-10%'],
  [-93.2, '-93%'],
  [99.4, '+99%'],
  [100, 'x2'],
  [290, 'x3.9'],
  [4224, 'x43'],
  [1_234_467, 'x12,346'],
  [-99.4, '-99%'],
  [-99.9999, '-99%'],
  [-100, '-100%'],
])('a change of %d percent is %s', (percent, text) => {
  expect(formatChange(percent)).toBe(text);
});

it.each([
  [0, '='],
  [-0.001, '~0pt'],
  [-0.25, '-0.25pt'],
  [12.34, '+12.3pt'],
])('a change of a percentage by %d is %s', (points, text) => {
  expect(formatPoints(points)).toBe(text);
});
