/**
 * Which pages of a block are used, as a bitmap of 32-bit words: page p is bit p % 32 of word p / 32. Pages beyond the
 * block's last, in the last word of a block of fewer than 32, count as used.
 */
export const wordsFor = (pagesPerBlock: number): number => Math.ceil(pagesPerBlock / 32);

export function emptyMask(pagesPerBlock: number): Int32Array {
  const mask = new Int32Array(wordsFor(pagesPerBlock));
  if (pagesPerBlock < 32) mask[0] = -1 << pagesPerBlock;
  return mask;
}

/** Bits [from, from + count) of a word; count from 1 to 32. */
const bits = (from: number, count: number): number => (count === 32 ? -1 : ((1 << count) - 1) << from);

/** Sets or clears the pages [first, first + pages). */
export function mark(mask: Int32Array, first: number, pages: number, used: boolean): void {
  const end = first + pages;
  for (let at = first; at < end; ) {
    const bit = at & 31;
    const count = Math.min(32 - bit, end - at);
    if (used) mask[at >>> 5] |= bits(bit, count);
    else mask[at >>> 5] &= ~bits(bit, count);
    at += count;
  }
}

/** Lowest multiple of `align` from which `pages` pages are free, or -1. `align`: the power of two next to the pages. */
export function findFree(mask: Int32Array, pagesPerBlock: number, pages: number, align: number): number {
  if (align <= 32) return findInWord(mask, pages, align);
  for (let first = 0; first + pages <= pagesPerBlock; first += align) {
    if (isFree(mask, first, pages)) return first;
  }
  return -1;
}

/** By log2 of the alignment: the bits of a word at its multiples. */
const MULTIPLES = [-1, 0x5555_5555, 0x1111_1111, 0x0101_0101, 0x0001_0001, 1];

function findInWord(mask: Int32Array, pages: number, align: number): number {
  const multiples = MULTIPLES[Math.log2(align)];
  for (let word = 0; word < mask.length; word++) {
    /** The pages from which `run` pages are free. */
    let starts = ~mask[word];
    for (let run = 1; run < pages; ) {
      const more = Math.min(run, pages - run);
      starts &= starts >>> more;
      run += more;
    }
    starts &= multiples;
    if (starts !== 0) return word * 32 + 31 - Math.clz32(starts & -starts);
  }
  return -1;
}

function isFree(mask: Int32Array, first: number, pages: number): boolean {
  const end = first + pages;
  for (let at = first; at < end; ) {
    const bit = at & 31;
    const count = Math.min(32 - bit, end - at);
    if ((mask[at >>> 5] & bits(bit, count)) !== 0) return false;
    at += count;
  }
  return true;
}

/** Calls `each` with the lowest free runs until they hold `pages` pages, or all free pages of the block. */
export function takeFree(
  mask: Int32Array,
  pagesPerBlock: number,
  pages: number,
  each: (first: number, pages: number) => void,
): void {
  let left = pages;
  for (let first = 0; first < pagesPerBlock && left > 0; ) {
    if (mask[first >>> 5] === -1) {
      first = ((first >>> 5) + 1) << 5;
      continue;
    }
    let end = first;
    while (end < pagesPerBlock && end - first < left && isFree(mask, end, 1)) end++;
    if (end > first) each(first, end - first);
    left -= end - first;
    first = end + 1;
  }
}
