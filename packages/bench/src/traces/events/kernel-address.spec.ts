import { expect, it } from 'vitest';
import { addressSpace, kernelAddress, pageNumber } from './kernel-address.ts';

const spaceOf = (address: string, base?: string) =>
  addressSpace(BigInt(address), base === undefined ? undefined : BigInt(base));

it.each([
  ['x86, 4-level paging, nokaslr', '0xffff88810dabf000', 'direct map'],
  ['x86, 5-level paging, nokaslr', '0xff11000104a31000', 'direct map'],
  ['arm64 with 48 bits', '0xffff00000a2c0000', 'direct map'],
  ['arm64 with 52 bits', '0xfff000000a2c0000', 'direct map'],
  ['the kernel image', '0xffffffff82a00000', 'direct map'],
  ['x86, 4-level paging, nokaslr', '0xffffc90000a01000', 'vmalloc'],
  ['x86, 5-level paging, nokaslr', '0xffa0000000a01000', 'vmalloc'],
  ['arm64', '0xffff800080a01000', 'vmalloc'],
  ['x86, 4-level paging, KASLR', '0xffff9b2f41a01000', 'either'],
  ['x86, 5-level paging, KASLR', '0xff2c001a41a01000', 'either'],
])('%s: %s is %s', (_, address, space) => {
  expect(spaceOf(address)).toBe(space);
});

/** Where an area begins, and what lies just below: Documentation/arch/x86/x86_64/mm.rst, Documentation/arch/arm64/memory.rst. */
it.each([
  ['x86, 5-level paging, 10 TiB above the direct map', '0xff110a0000000000', 'direct map', 'either'],
  ['x86, 5-level paging, vmalloc area', '0xffa0000000000000', 'either', 'vmalloc'],
  ['x86, 5-level paging, behind the vmalloc area', '0xffd2000000000000', 'vmalloc', 'direct map'],
  ['arm64, upper half of 48 bits', '0xffff800000000000', 'direct map', 'vmalloc'],
  ['x86, 4-level paging, direct map', '0xffff880000000000', 'vmalloc', 'direct map'],
  ['x86, 4-level paging, 10 TiB above the direct map', '0xffff928000000000', 'direct map', 'either'],
  ['x86, 4-level paging, vmalloc area', '0xffffc90000000000', 'either', 'vmalloc'],
  ['x86, 4-level paging, memory map', '0xffffea0000000000', 'vmalloc', 'direct map'],
])('%s begins at %s', (_, from, below, area) => {
  expect(addressSpace(BigInt(from) - 1n, undefined)).toBe(below);
  expect(spaceOf(from)).toBe(area);
});

it('the recorded vmalloc_base settles it', () => {
  const base = '0xffffae8fc0000000';
  expect(spaceOf('0xffff9b2f41a01000', base)).toBe('direct map');
  expect(spaceOf('0xffffae8fc0a01000', base)).toBe('vmalloc');
  expect(spaceOf('0xffffae8fbfffffff', base)).toBe('direct map');
  expect(spaceOf(base, base)).toBe('vmalloc');
  expect(spaceOf('0xffffe9ffffffffff', base)).toBe('vmalloc');
  expect(spaceOf('0xffffea0000000000', base)).toBe('direct map');
  expect(spaceOf('0xffffffff82a00000', base)).toBe('direct map');
});

it('an address of user space, a number of fewer bits or a hash is no kernel address', () => {
  expect(kernelAddress('0xff00000000000000')).toBe(0xff00000000000000n);
  for (const text of [
    '0xfeffffffffffffff',
    '0x00007f0000001000',
    '0xffff8881',
    'ffff88810dabf000',
    '(null)',
    undefined,
  ]) {
    expect(kernelAddress(text)).toBeUndefined();
  }
});

it('neighbouring pages have different numbers wherever they are', () => {
  const address = kernelAddress('0xffffffff82a00000') ?? 0n;
  expect(pageNumber(address + 4096n) - pageNumber(address)).toBe(1);
  expect(pageNumber(address + 4095n)).toBe(pageNumber(address));
});
