import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressesOf,
  addressOf,
  bytesOf,
  dmaTargetOf,
  fieldOf,
  isNull,
  MAX_PAGES,
  pfnOf,
  wholeNumber,
} from './event-fields.ts';

describe('a field', () => {
  it('is found by its whole name, wherever it stands', () => {
    const fields = 'alloc_order=9 order=3 fallback_order=7 gfp_flags=GFP_KERNEL|__GFP_ZERO';
    expect(fieldOf(fields, 'order')).toBe('3');
    expect(fieldOf(fields, 'alloc_order')).toBe('9');
    expect(fieldOf(fields, 'gfp_flags')).toBe('GFP_KERNEL|__GFP_ZERO');
  });

  it('is the first of its name', () => {
    expect(fieldOf('order=3 pfn=1 order=4', 'order')).toBe('3');
    expect(fieldOf('pfn=1 order=3 order=4', 'order')).toBe('3');
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

describe('an address', () => {
  it('is in decimal, without its top bit if that is bit 39 or a higher one: the bit of shared memory', () => {
    for (let top = 0; top < 64; top++) {
      const address = (1n << BigInt(top)) + (top > 0 ? 1n : 0n);
      const expected = String(top < 39 ? address : 1n);
      expect(addressOf(address.toString(16))).toBe(expected);
      expect(addressOf(`0x${address.toString(16)}`)).toBe(expected);
      expect(addressesOf(`phys_addrs=${address}`, 'phys_addrs')).toEqual([expected]);
    }
    expect(addressOf('0')).toBe('0');
  });

  it.each(['', '0x', '12345678901234567', '-1', 'what', undefined])('is not %j', (text) => {
    expect(addressOf(text)).toBeUndefined();
  });

  it('is part of a target with the device before it, and neither is one alone', () => {
    expect(dmaTargetOf('eth0 dir=TO_DEVICE dma_addr=1000 size=1')).toEqual({
      device: 'eth0',
      address: '4096',
    });
    for (const fields of ['dir=TO_DEVICE dma_addr=1000', 'eth0 size=1', 'eth0 dma_addr=(null)'])
      expect(dmaTargetOf(fields)).toBeUndefined();
  });
});

describe('a list of addresses', () => {
  const addresses = fc.array(fc.bigInt({ min: 0n, max: 2n ** 39n - 1n }), { minLength: 1, maxLength: 5 });

  it('is read as tracefs and as other tools print it, wherever it stands', () => {
    fc.assert(
      fc.property(
        addresses,
        fc.constantFrom('', 'eth0 '),
        fc.constantFrom('', ' attrs='),
        (all, before, after) => {
          const listed = all.map(String);
          const read = (list: string) => addressesOf(`${before}phys_addrs=${list}${after}`, 'phys_addrs');
          expect(read(`{${all.map((address) => `0x${address.toString(16)}`).join(',')}}`)).toEqual(listed);
          expect(read(listed.join(' '))).toEqual(listed);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('may end with a comma', () => {
    expect(addressesOf('phys_addrs={0x1000,}', 'phys_addrs')).toEqual(['4096']);
  });

  it.each(['dma_addrs={0x1000}', '1 2 3 4 5 6 7', 'phys_addrs=', 'phys_addrs={}', 'phys_addrs=0x1000'])(
    'is none in %j',
    (fields) => {
      expect(addressesOf(fields, 'phys_addrs')).toBeUndefined();
    },
  );
});
