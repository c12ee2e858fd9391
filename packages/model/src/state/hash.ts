/**
 * The state hash: SHA-256 over a canonical form, so that both backends, any batch size and any replay of the same
 * events give the same 64 hex digits. Blocks and extents that are all zero are left out, and so are allocations
 * that are freed or failed.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { blockCount, type Geometry, regionCount } from '../geometry.ts';
import { type Counters, HASHED_COUNTER_NAMES, valuesOf } from './counters.ts';
import type { Machine, StateTables } from './editor.ts';
import {
  ALLOCATION,
  ALLOCATION_WORDS,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  HASHED_ALLOCATION,
  leafWords,
  STATUS,
} from './layout.ts';
import { Sha256 } from './sha256.ts';
import type { WordReader, Words } from './word-table.ts';

/** 64 hex digits. */
export function hashTables(
  machine: Machine,
  tables: StateTables,
  counters: Counters,
  owners: readonly string[],
): string {
  const hash = new Sha256();
  // A geometry may name its parts in any order.
  const { pageShift, pagesPerBlock, blocksPerRegion, spanPages } = machine.geometry;
  const fixed = { pageShift, pagesPerBlock, blocksPerRegion, spanPages };
  hash.add(utf8ToBytes(JSON.stringify([fixed, machine.platform.name, HASHED_COUNTER_NAMES, owners])));
  hash.add(bytesOf(valuesOf(counters, HASHED_COUNTER_NAMES)));
  for (const shape of recordShapes(machine.geometry, counters)) {
    hash.add(utf8ToBytes(shape.table));
    for (const words of records(tables[shape.table], shape)) hash.add(bytesOf(words));
  }
  return hash.hex();
}

/** One of the tables as records of equal length, and which of them are state. */
export interface RecordShape {
  readonly table: keyof StateTables;
  /** The words of a record that count, in canonical order, and how many there are from one record to the next. */
  readonly words: readonly number[];
  readonly stride: number;
  readonly perLeaf: number;
  readonly count: number;
  readonly isLeftOut: LeavesOut;
}

/** The tables of a state that has these counters, in canonical order. */
export function recordShapes(geometry: Geometry, counters: Counters): readonly RecordShape[] {
  const wordsOf = leafWords(geometry);
  const leaf = (table: keyof StateTables, count: number) => {
    const stride = wordsOf[table];
    return { table, words: upTo(stride), stride, perLeaf: 1, count, isLeftOut: isZero };
  };
  return [
    leaf('blocks', blockCount(geometry)),
    leaf('mapping', regionCount(geometry)),
    {
      table: 'allocations',
      words: HASHED_ALLOCATION,
      stride: ALLOCATION_WORDS,
      perLeaf: 1,
      count: counters.lastAllocation + 1,
      isLeftOut: isFinished,
    },
    {
      table: 'extents',
      words: upTo(EXTENT_WORDS),
      stride: EXTENT_WORDS,
      perLeaf: EXTENTS_PER_LEAF,
      count: counters.extents,
      isLeftOut: isZero,
    },
    leaf('slabs', counters.slabs + 1),
  ];
}

/** All words of a record, in the order in which they lie there. */
const upTo = (words: number): readonly number[] => Array.from({ length: words }, (_, word) => word);

type LeavesOut = (words: Words, at: number, length: number) => boolean;

const isZero: LeavesOut = (words, at, length) => {
  for (let i = at; i < at + length; i++) if (words[i] !== 0) return false;
  return true;
};

/** What has become of a finished allocation is history, not state; the counters tell how many there were. */
const isFinished: LeavesOut = (words, at) => {
  const status = words[at + ALLOCATION.status];
  return status === STATUS.unused || status === STATUS.freed || status === STATUS.failed;
};

/** Words of a chunk of records, at least: a hash takes many at once faster than a few. */
const CHUNK_WORDS = 2 ** 13;

/** Records that are not left out, each led by its number, in chunks that are used again. */
export function* records(
  table: WordReader,
  { words: order, stride, perLeaf, count, isLeftOut }: RecordShape,
): Generator<Uint32Array> {
  const leafWords = (order.length + 1) * perLeaf;
  const chunk = new Uint32Array(Math.max(CHUNK_WORDS, leafWords));
  const leaves = Math.ceil(count / perLeaf);
  let used = 0;
  for (let leaf = table.nextInUse(0); leaf < leaves; leaf = table.nextInUse(leaf + 1)) {
    table.read(leaf);
    const { words, base } = table;
    const first = leaf * perLeaf;
    if (used + leafWords > chunk.length) {
      yield chunk.subarray(0, used);
      used = 0;
    }
    for (let i = 0; i < perLeaf && first + i < count; i++) {
      const at = base + i * stride;
      if (isLeftOut(words, at, stride)) continue;
      chunk[used++] = first + i;
      for (let word = 0; word < order.length; word++) chunk[used++] = words[at + order[word]];
    }
  }
  if (used > 0) yield chunk.subarray(0, used);
}

/** The words as little-endian bytes, as every machine that Node runs on has them. */
export const bytesOf = (values: Uint32Array | Float64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
