import { InputError } from './errors.ts';

/**
 * How physical memory is cut into pages, blocks and regions. On x86 with 4 KiB pages a block is what one
 * PMD entry maps (2 MiB) and a region what one PUD entry maps (1 GiB): arch/x86/include/asm/pgtable_64_types.h.
 */
export interface Geometry {
  /** log2 of the page size in bytes; 12 for 4 KiB. */
  readonly pageShift: number;
  /** Pages in a block; 512. A multiple of 32, so that a block's bitmaps are whole words. */
  readonly pagesPerBlock: number;
  /** Blocks in a region; 512. */
  readonly blocksPerRegion: number;
  /** Page frame numbers run from 0 to spanPages - 1; a multiple of pagesPerBlock. Holes count. */
  readonly spanPages: number;
}

/** The x86 geometry over `spanPages` page frames, rounded up to whole blocks. */
export function x86Geometry(spanPages: number): Geometry {
  const geometry = {
    pageShift: 12,
    pagesPerBlock: 512,
    blocksPerRegion: 512,
    spanPages: Math.ceil(spanPages / 512) * 512,
  };
  return checkGeometry(Object.freeze(geometry));
}

/** Throws InputError for a geometry that no model can be built on. */
export function checkGeometry(geometry: Geometry): Geometry {
  const { pageShift, pagesPerBlock, blocksPerRegion, spanPages } = geometry;
  const isPowerOfTwo = (n: number) => Number.isInteger(n) && n > 0 && (n & (n - 1)) === 0;
  if (!Number.isInteger(pageShift) || pageShift < 12 || pageShift > 16) {
    throw new InputError(`geometry: pageShift is ${pageShift}; it must be 12 (4 KiB) to 16 (64 KiB)`);
  }
  if (!isPowerOfTwo(pagesPerBlock) || pagesPerBlock < 32 || pagesPerBlock > 8192) {
    throw new InputError(
      `geometry: pagesPerBlock is ${pagesPerBlock}; it must be a power of two from 32 to 8192`,
    );
  }
  if (!isPowerOfTwo(blocksPerRegion) || blocksPerRegion > 8192) {
    throw new InputError(
      `geometry: blocksPerRegion is ${blocksPerRegion}; it must be a power of two up to 8192`,
    );
  }
  if (
    !Number.isInteger(spanPages) ||
    spanPages <= 0 ||
    spanPages % pagesPerBlock !== 0 ||
    spanPages > 2 ** 28
  ) {
    throw new InputError(
      `geometry: spanPages is ${spanPages}; it must be a positive multiple of ${pagesPerBlock}, at most ${2 ** 28} (1 TiB)`,
    );
  }
  return geometry;
}

/** Blocks (2 MiB by default) of the guest. */
export const blockCount = (geometry: Geometry): number => geometry.spanPages / geometry.pagesPerBlock;

/** Regions (1 GiB by default) of the guest; the last may be incomplete. */
export const regionCount = (geometry: Geometry): number =>
  Math.ceil(blockCount(geometry) / geometry.blocksPerRegion);

/** Calls `visit` with each block that a range of pages lies in, and the pages of the range in it from page `first` of the block. */
export function forEachBlock(
  start: number,
  pages: number,
  pagesPerBlock: number,
  visit: (block: number, pages: number, first: number) => void,
): void {
  for (let at = start, end = start + pages; at < end; ) {
    const block = Math.floor(at / pagesPerBlock);
    const to = Math.min(end, (block + 1) * pagesPerBlock);
    visit(block, to - at, at - block * pagesPerBlock);
    at = to;
  }
}

/** Pages of [start, start + pages) that lie in [from, to). */
export const overlapPages = (start: number, pages: number, from: number, to: number): number =>
  Math.max(0, Math.min(start + pages, to) - Math.max(start, from));
