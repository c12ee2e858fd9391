/**
 * Addresses that set_memory_decrypted() takes. Which part of the kernel's address space they are in tells the caller's
 * allocator: vmalloc(), or one that gives pages of the direct map.
 *
 * x86-64: Documentation/arch/x86/x86_64/mm.rst. arm64: Documentation/arch/arm64/memory.rst. With KASLR
 * (arch/x86/mm/kaslr.c) x86 moves direct map and vmalloc area, but keeps their order, and leaves 10 TiB
 * (CONFIG_RANDOMIZE_MEMORY_PHYSICAL_PADDING) between the RAM and the vmalloc area.
 */

type AddressSpace = 'direct map' | 'vmalloc' | 'either';

const KASLR_PADDING = 10n << 40n;
const KERNEL_HALF = 0xff00000000000000n;
/** __VMEMMAP_BASE_L4; above it are the memory map, the kernel image and modules. */
const ABOVE_VMALLOC = 0xffffea0000000000n;

/** From which address on an address is in which area, if `vmalloc_base` is not recorded. */
const AREAS: readonly (readonly [from: bigint, area: AddressSpace])[] = [
  [KERNEL_HALF, 'direct map'],
  // x86 with 5-level paging: __PAGE_OFFSET_BASE_L5, __VMALLOC_BASE_L5, and the end of the vmalloc area.
  [0xff11000000000000n + KASLR_PADDING, 'either'],
  [0xffa0000000000000n, 'vmalloc'],
  [0xffd2000000000000n, 'direct map'],
  // arm64: the upper half of 48 bits has modules and vmalloc, from below; x86 has nothing before its direct map.
  [0xffff800000000000n, 'vmalloc'],
  // x86 with 4-level paging: __PAGE_OFFSET_BASE_L4 (0xffff880000000000 before Linux 4.20), __VMALLOC_BASE_L4.
  [0xffff880000000000n, 'direct map'],
  [0xffff888000000000n + KASLR_PADDING, 'either'],
  [0xffffc90000000000n, 'vmalloc'],
  [ABOVE_VMALLOC, 'direct map'],
];

/** A kernel address; undefined for any other text. */
export function kernelAddress(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^0x[0-9a-f]{16}$/.test(text)) return undefined;
  const address = BigInt(text);
  return address >= KERNEL_HALF ? address : undefined;
}

/** `vmallocBase`: the kernel's variable of this name, if recorded. Without it KASLR leaves some addresses open. */
export function addressSpace(address: bigint, vmallocBase: bigint | undefined): AddressSpace {
  if (vmallocBase !== undefined) {
    return address >= vmallocBase && address < ABOVE_VMALLOC ? 'vmalloc' : 'direct map';
  }
  let found: AddressSpace = 'direct map';
  for (const [from, area] of AREAS) if (address >= from) found = area;
  return found;
}

/** The number of the page that holds an address. Exact: 52 bits. */
export const pageNumber = (address: bigint): number => Number(address >> 12n);
