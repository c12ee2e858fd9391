/** Bitmaps over ranges of pages. A range may cross blocks; inside a block it is handled a word at a time. */
import type { StateTables } from './editor.ts';
import { BITMAP, BITMAPS, type BlockLayout } from './layout.ts';
import type { WordTable } from './word-table.ts';

export type BitmapName = keyof typeof BITMAP;
/** A bitmap by its index: a lookup by name for every event would be slow. */
export type Bitmap = (typeof BITMAP)[BitmapName];

/** Mask of the bits [from, to) that fall into word `word` of a bitmap. */
function maskOf(word: number, from: number, to: number): number {
  const low = from <= word * 32 ? -1 : -1 << (from & 31);
  const high = to >= word * 32 + 32 ? -1 : ~(-1 << (to & 31));
  return low & high;
}

/** A set of bitmaps, as bits by their index in BITMAP. */
export const setOf = (...names: readonly BitmapName[]): number =>
  names.reduce((set, name) => set | (1 << BITMAP[name]), 0);

/** Whether every page of a range has all bits of `required` and none of `forbidden`, sets made by setOf(). */
export function holds(
  tables: StateTables,
  layout: BlockLayout,
  start: number,
  pages: number,
  required: number,
  forbidden: number,
): boolean {
  const { bitmapWords, blockShift, counts } = layout;
  const perBlock = bitmapWords * 32;
  const end = start + pages;
  const { blocks } = tables;
  for (let at = start; at < end; ) {
    const from = at & (perBlock - 1);
    const to = Math.min(from + end - at, perBlock);
    blocks.read(at >>> blockShift);
    const { words, base } = blocks;
    for (let index = 0; index < BITMAPS; index++) {
      const isRequired = (required & (1 << index)) !== 0;
      if (!isRequired && (forbidden & (1 << index)) === 0) continue;
      // Most bitmaps are full or empty: their counts say so without a look at the bits.
      if (words[base + counts + index] === (isRequired ? perBlock : 0)) continue;
      const bits = base + index * bitmapWords;
      for (let word = from >>> 5; word * 32 < to; word++) {
        const mask = maskOf(word, from, to);
        if ((words[bits + word] & mask) !== (isRequired ? mask : 0)) return false;
      }
    }
    at += to - from;
  }
  return true;
}

/** First page of [start, start + pages) whose bit in the bitmap is not `set`, or -1 when all agree. */
export function firstDisagreement(
  tables: StateTables,
  layout: BlockLayout,
  bitmap: Bitmap,
  start: number,
  pages: number,
  set: boolean,
): number {
  const perBlock = layout.bitmapWords * 32;
  const end = start + pages;
  for (let at = start; at < end; ) {
    const from = at & (perBlock - 1);
    const blockStart = at - from;
    const to = Math.min(end - blockStart, perBlock);
    tables.blocks.read(at >>> layout.blockShift);
    const words = tables.blocks.words;
    const base = tables.blocks.base + bitmap * layout.bitmapWords;
    for (let word = from >>> 5; word * 32 < to; word++) {
      const mask = maskOf(word, from, to);
      const wrong = (words[base + word] ^ (set ? mask : 0)) & mask;
      if (wrong !== 0) return blockStart + word * 32 + (31 - Math.clz32(wrong & -wrong));
    }
    at = blockStart + to;
  }
  return -1;
}

/** Sets or clears [from, to) of a bitmap of the block that the cursor may write. Returns by how many pages its count changed. */
export function fillBits(
  table: WordTable,
  layout: BlockLayout,
  bitmap: Bitmap,
  from: number,
  to: number,
  set: boolean,
): number {
  const { words, base } = table;
  const bits = base + bitmap * layout.bitmapWords;
  let changed = 0;
  for (let word = from >>> 5; word * 32 < to; word++) {
    const mask = maskOf(word, from, to);
    const before = words[bits + word];
    const after = set ? before | mask : before & ~mask;
    words[bits + word] = after;
    changed += bitCount(before ^ after);
  }
  words[base + layout.counts + bitmap] += set ? changed : -changed;
  return set ? changed : -changed;
}

/** Number of set bits of a 32-bit word. */
function bitCount(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

export function bitAt(tables: StateTables, layout: BlockLayout, bitmap: Bitmap, page: number): boolean {
  const bit = page & (layout.bitmapWords * 32 - 1);
  tables.blocks.read(page >>> layout.blockShift);
  const word = tables.blocks.words[tables.blocks.base + bitmap * layout.bitmapWords + (bit >>> 5)];
  return ((word >>> (bit & 31)) & 1) === 1;
}
