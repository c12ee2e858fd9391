import { describe, expect, it } from 'vitest';
import { compactNumber, compactUnit, compactValue } from './compact.ts';

const [KIB, MIB, GIB] = [2 ** 10, 2 ** 20, 2 ** 30];

it.each([
  [0, '0'],
  [0.00391, '0.0039'],
  [0.5, '0.5'],
  [1.0234, '1.02'],
  [9.999, '10'],
  [83.58, '83.6'],
  [99.96, '100'],
  [1410, '1,410'],
  [65_287, '65,287'],
  [99_999, '99,999'],
  [100_000, '100k'],
  [422_732, '423k'],
  [999_600, '1M'],
  [1_234_467, '1.23M'],
  [45_000_000, '45M'],
  [123_456_789, '123M'],
  [4_500_000_000, '4.5G'],
  [-93.25, '-93.3'],
])('%d is %s, in at most six characters', (value, text) => {
  expect(compactNumber(value)).toBe(text);
  expect(text.length).toBeLessThanOrEqual(6);
});

describe('a row of bytes has one unit', () => {
  it.each([
    [[512 * KIB, 84 * MIB], 'MiB'],
    [[0, 4 * KIB], 'KiB'],
    [[0, 11 * GIB, 40 * GIB], 'GiB'],
    [[4 * KIB, 40 * GIB], 'MiB'],
    [[0, 0], 'MiB'],
  ])('%j: %s', (values, name) => expect(compactUnit('bytes', values).suffix).toBe(name));

  it('of bytes over time too; plain numbers have none', () => {
    expect(compactUnit('byte-seconds', [64 * MIB]).suffix).toBe('MiB.s');
    expect(compactUnit('count', [9e9])).toEqual({ suffix: '', divisor: 1 });
  });

  it('and its values are in that unit', () => {
    const unit = compactUnit('bytes', [512 * KIB, 84 * MIB]);
    expect([512 * KIB, 84 * MIB].map((value) => compactValue(value, unit))).toEqual(['0.5', '84']);
  });
});
