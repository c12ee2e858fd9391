import { describe, expect, it } from 'vitest';
import { bytesOf, fieldOf, isNull, MAX_PAGES, pfnOf, wholeNumber } from './event-fields.ts';

describe('a field', () => {
  it('is found by its whole name, wherever it stands', () => {
    const fields = 'alloc_order=9 order=3 fallback_order=7 gfp_flags=GFP_KERNEL|__GFP_ZERO';
    expect(fieldOf(fields, 'order')).toBe('3');
    expect(fieldOf(fields, 'alloc_order')).toBe('9');
    expect(fieldOf(fields, 'gfp_flags')).toBe('GFP_KERNEL|__GFP_ZERO');
  });

  it('may be empty, or not there', () => {
    expect(fieldOf('attrs= size=1', 'attrs')).toBe('');
    expect(fieldOf('size=1', 'attrs')).toBeUndefined();
  });
});

it.each([
  ['970744', 970_744],
  ['0x113217', 0x113217],
  ['0', 0],
  ['0xffffffffff', 2 ** 40 - 1],
])('the pfn %s is decimal or hexadecimal', (text, pfn) => {
  expect(pfnOf(text)).toBe(pfn);
});

it.each(['', 'ff', '-1', '0x', '1e3', '0x10000000000', '99999999999999999', undefined])(
  '%j is no pfn',
  (text) => {
    expect(pfnOf(text)).toBeUndefined();
  },
);

it('a whole number is decimal and not above its limit', () => {
  expect(wholeNumber('10', 10)).toBe(10);
  expect(wholeNumber('11', 10)).toBeUndefined();
  expect(wholeNumber('1.5', 10)).toBeUndefined();
});

it('the most pages of a request are those below 4 GiB', () => {
  expect((MAX_PAGES + 1) * 4096).toBe(2 ** 32);
  expect(bytesOf(String(2 ** 32 - 1))).toBe(2 ** 32 - 1);
  expect(bytesOf(String(2 ** 32))).toBeUndefined();
});

it('a number of bytes is at least one', () => {
  expect(bytesOf('1')).toBe(1);
  expect(bytesOf('0')).toBeUndefined();
  expect(bytesOf('999999999999999')).toBeUndefined();
});

it('NULL is zeros, (null) or (nil)', () => {
  for (const text of ['0000000000000000', '0x0', '(null)', '(nil)']) expect(isNull(text)).toBe(true);
  for (const text of ['00000000d2be5665', '0x176a17', '', undefined]) expect(isNull(text)).toBe(false);
});
