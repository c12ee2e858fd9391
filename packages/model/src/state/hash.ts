/**
 * The state hash: SHA-256 over a canonical form, so that both backends, any batch size and any replay of the same
 * events give the same 64 hex digits. Blocks and allocation records that are all zero are left out.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { blockCount, regionCount } from '../geometry.ts';
import { C, COUNTER_NAMES } from './counters.ts';
import type { Frame, StateTables } from './editor.ts';
import {
  ALLOCATION_WORDS,
  ALLOCATIONS_PER_LEAF,
  blockLayout,
  EXTENT_WORDS,
  EXTENTS_PER_LEAF,
  mappingLeafWords,
} from './layout.ts';
import type { WordReader } from './word-table.ts';

/** 64 hex digits; `counters` by the indices in C. */
export function hashTables(
  frame: Frame,
  tables: StateTables,
  counters: Float64Array,
  owners: readonly string[],
): string {
  const hasher = sha256.create();
  const { geometry } = frame;
  hasher.update(utf8ToBytes(JSON.stringify([geometry, frame.platform.name, COUNTER_NAMES, owners])));
  hasher.update(bytesOf(counters));
  const addLeaves = (table: WordReader, leafWords: number, leaves: number) => {
    const record = new Uint32Array(leafWords + 1);
    for (let leaf = 0; leaf < leaves; leaf++) {
      table.read(leaf);
      const { words, base } = table;
      let used = 0;
      for (let i = 0; i < leafWords; i++) used |= words[base + i];
      if (used === 0) continue;
      record[0] = leaf;
      for (let i = 0; i < leafWords; i++) record[i + 1] = words[base + i];
      hasher.update(bytesOf(record));
    }
    hasher.update(bytesOf(Uint32Array.of(0xffffffff, leaves)));
  };
  addLeaves(tables.blocks, blockLayout(geometry).leafWords, blockCount(geometry));
  addLeaves(tables.mapping, mappingLeafWords(geometry), regionCount(geometry));
  const leavesFor = (items: number, perLeaf: number) => Math.ceil(items / perLeaf);
  addLeaves(
    tables.allocations,
    ALLOCATION_WORDS * ALLOCATIONS_PER_LEAF,
    leavesFor(counters[C.lastAllocation] + 1, ALLOCATIONS_PER_LEAF),
  );
  addLeaves(
    tables.extents,
    EXTENT_WORDS * EXTENTS_PER_LEAF,
    leavesFor(counters[C.extents], EXTENTS_PER_LEAF),
  );
  return bytesToHex(hasher.digest());
}

/** The words as little-endian bytes, whatever the machine. */
function bytesOf(values: Uint32Array | Float64Array): Uint8Array {
  const bytes = new Uint8Array(values.byteLength);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    if (values instanceof Float64Array) view.setFloat64(i * 8, values[i], true);
    else view.setUint32(i * 4, values[i], true);
  }
  return bytes;
}
