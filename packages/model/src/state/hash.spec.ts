import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { batchOf, historyOf, SMALL_MAP, smallMachine, someChoices } from '../testing.ts';
import { allocationId, pfn } from '../units.ts';
import { Columns } from './columns.ts';
import { HASHED_COUNTER_NAMES } from './counters.ts';
import { records } from './hash.ts';
import { ALLOCATION, HASHED_ALLOCATION, leafWords } from './layout.ts';
import { DenseWords, type WordReader } from './word-table.ts';

const machine = smallMachine('snp', true);
const EVENTS = historyOf(machine, SMALL_MAP, someChoices(900));

const after = (events: typeof EVENTS): Columns => {
  const columns = new Columns(machine, SMALL_MAP);
  columns.fold(batchOf(events));
  return columns;
};

/** The words of each leaf of a table. */
const leavesOf = (table: WordReader, count: number, length: number): number[][] =>
  Array.from({ length: count }, (_, leaf) => {
    table.read(leaf);
    return Array.from({ length }, (_, word) => table.words[table.base + word]);
  });
/** Records that are not all zero, each behind its number. */
const used = (all: readonly number[][]): number[] =>
  all.flatMap((words, number) => (words.some((word) => word !== 0) ? [number, ...words] : []));

describe('the state hash', () => {
  it('is SHA-256 of the machine, the counters, the owners, and the records that are in use', () => {
    for (const at of [0, 50, 400, EVENTS.length]) {
      const columns = after(EVENTS.slice(0, at));
      const { counters, geometry, platform, owners } = columns;
      const words = leafWords(geometry);
      const { pageShift, pagesPerBlock, blocksPerRegion, spanPages } = geometry;
      const allocations = leavesOf(columns.allocations, counters.lastAllocation + 1, words.allocations).map(
        (record) => {
          // Unused, freed or failed: their records are no state.
          const isOver = [0, 4, 5].includes(record[ALLOCATION.status]);
          return isOver ? [] : HASHED_ALLOCATION.map((word) => record[word]);
        },
      );
      const extents = leavesOf(columns.extents, Math.ceil(counters.extents / 4), words.extents)
        .flatMap((leaf) => [0, 2, 4, 6].map((word) => leaf.slice(word, word + 2)))
        .slice(0, counters.extents);
      const expected = createHash('sha256');
      const parts = [
        { pageShift, pagesPerBlock, blocksPerRegion, spanPages },
        platform.name,
        HASHED_COUNTER_NAMES,
        owners,
      ];
      expected.update(JSON.stringify(parts));
      expected.update(
        new Uint8Array(Float64Array.from(HASHED_COUNTER_NAMES, (name) => counters[name]).buffer),
      );
      const add = (table: string, numbers: readonly number[]) => {
        expected.update(table);
        expected.update(new Uint8Array(Uint32Array.from(numbers).buffer));
      };
      add('blocks', used(leavesOf(columns.blocks, spanPages / pagesPerBlock, words.blocks)));
      add('mapping', used(leavesOf(columns.mapping, 3, words.mapping)));
      add('allocations', used(allocations));
      add('extents', used(extents));
      add('slabs', used(leavesOf(columns.slabs, counters.slabs + 1, words.slabs)));
      expect(columns.hash()).toBe(expected.digest('hex'));
    }
  });

  it('is the same in every version: logs hold it', () => {
    const first = { allocation: allocationId(1), request: 1 } as const;
    const second = { allocation: allocationId(2), request: 2 } as const;
    const columns = new Columns(machine, SMALL_MAP);
    columns.fold(
      batchOf([
        { type: 'owner-registered', owner: 0, name: 'nic' },
        { type: 'pages-claimed', pfn: pfn(0), pages: 32, migratetype: 'Unmovable' },
        { type: 'pages-decrypted', pfn: pfn(0), pages: 32 },
        {
          type: 'allocation-requested',
          ...first,
          api: 'alloc_pages',
          pages: 3,
          bytes: 12_288,
          owner: 0,
          node: 1,
        },
        { type: 'pages-allocated', ...first, pfn: pfn(4), pages: 2 },
        { type: 'pages-allocated', ...first, pfn: pfn(8), pages: 1 },
        { type: 'allocation-requested', ...second, api: 'kmalloc', pages: 1, bytes: 500, owner: 0 },
        { type: 'pages-allocated', ...second, pfn: pfn(12), pages: 1 },
        { type: 'slab-created', ...second, pfn: pfn(12), pages: 1, unitBytes: 512, cache: 0 },
        { type: 'object-allocated', ...second, slab: 1, unit: 3, bytes: 512 },
      ]),
    );
    expect(columns.hash()).toBe('95f9caa70dccbd66944c7c14e5f57649bc75830d36896b644fb604d6e12f3697');
  });
});

describe('the records of a table', () => {
  const shape = { table: 'slabs', words: [0, 2], stride: 3, perLeaf: 2, isLeftOut: () => false } as const;
  const tableOf = (leaves: number) => {
    const table = new DenseWords(6);
    for (let leaf = 0; leaf < leaves; leaf++) {
      table.write(leaf);
      for (let word = 0; word < 6; word++) table.words[table.base + word] = leaf * 10 + word;
    }
    return table;
  };
  /** Number, and words 0 and 2 of the record. */
  const record = (number: number) => {
    const first = Math.floor(number / 2) * 10 + (number % 2) * 3;
    return [number, first, first + 2];
  };

  it('come in their order, however many chunks they take', () => {
    for (const count of [1, 2, 3, 2730, 2731, 2732, 9001]) {
      const words: number[] = [];
      // A chunk is used again.
      for (const chunk of records(tableOf(Math.ceil(count / 2) + 1), { ...shape, count }))
        words.push(...chunk);
      expect(words).toEqual(Array.from({ length: count }, (_, number) => record(number)).flat());
    }
  });

  it('are at most 8,192 words at a time, whole leaves of them', () => {
    const sizes = [...records(tableOf(3000), { ...shape, count: 6000 })].map(({ length }) => length);
    // 1365 leaves of six words each are 8190.
    expect(sizes).toEqual([8190, 8190, 18_000 - 2 * 8190]);
  });

  it('are none if all are left out', () => {
    expect([...records(tableOf(5), { ...shape, count: 10, isLeftOut: () => true })]).toEqual([]);
    const odd = { ...shape, isLeftOut: (words: ArrayLike<number>, at: number) => words[at] % 2 === 1 };
    expect([...records(tableOf(2), { ...odd, count: 4 })].map((chunk) => [...chunk])).toEqual([
      [...record(0), ...record(2)],
    ]);
  });
});
