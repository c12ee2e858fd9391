import type { MemoryState, Migratetype, Pfn } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { compactGap } from './compaction.ts';
import { oneZone, sourceOf } from './testing.ts';

const compacting = (memory: MemoryState, seed = 1) =>
  sourceOf(memory, seed, { ...PLAIN_PAGE_SOURCE, compaction: true });

/** First block of zone Normal. */
const FIRST = 2 ** 11;

/** Eight Movable pageblocks, half of each free in one chunk. */
const halfFree = oneZone({ Movable: { 8: 8 } });

describe('compaction', () => {
  it('empties the lowest pageblock into the highest, and counts the pages moved', () => {
    const source = compacting(halfFree);
    expect(source.claim(9, 'Unmovable')).toBe(FIRST * 512);
    expect(source.lastCompaction).toEqual({ block: FIRST, movedPages: 256 });
    // Half a pageblock is claimed that was free, half one that was in use; that half has filled the last one's.
    expect(source.freeChunks('Normal', 'Movable')[8]).toBe(6);
    expect(source.freePages).toBe(8 * 256 - 512);
  });

  it('goes on until there is too little room', () => {
    const source = compacting(halfFree);
    const blocks = Array.from({ length: 4 }, () => {
      source.claim(9, 'Unmovable');
      return source.lastCompaction?.block;
    });
    // 512 free pages are left, less than compaction asks for.
    expect(blocks).toEqual([FIRST, FIRST + 1, FIRST + 2, undefined]);
    expect([source.freePages, compactGap(9)]).toEqual([512, 1024]);
    expect(source.freeChunks('Normal', 'Movable')).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
  });

  it('takes free pages one by one, and leaves of a chunk what it does not need', () => {
    // 64 pages free in the last pageblock, 320 in each other. 192 move: 64 to the last, 128 to the one before.
    const source = compacting(oneZone({ Movable: { 8: 7, 6: 8 } }));
    source.claim(9, 'Movable');
    expect(source.lastCompaction).toEqual({ block: FIRST, movedPages: 192 });
    expect(source.freePages).toBe(7 * 256 + 8 * 64 - 512);
    expect(source.freeChunks('Normal', 'Movable')[7]).toBe(1);
  });

  it('is for claims that find nothing only', () => {
    const source = compacting(halfFree);
    expect(source.claim(9, 'Movable')).not.toBe(-1);
    expect(source.lastCompaction).toBeDefined();
    expect(source.claim(8, 'Movable')).not.toBe(-1);
    expect(source.lastCompaction).toBeUndefined();
  });

  it('serves smaller orders as well, but no single page, and none larger than a pageblock', () => {
    const memory = oneZone({ Movable: { 3: 256 } });
    const after = (order: number) => {
      const source = compacting(memory);
      return [source.claim(order, 'Unmovable') >= 0, source.lastCompaction?.block];
    };
    expect(after(4)).toEqual([true, FIRST]);
    expect(after(10)).toEqual([false, undefined]);
    const empty = compacting(oneZone({}));
    expect([empty.claim(0, 'Movable'), empty.lastCompaction]).toEqual([-1, undefined]);
  });

  it('never empties a pageblock that a claimed page lies in, until that is given back', () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const source = compacting(halfFree, seed);
      const pinned = source.claim(0, 'Movable') as Pfn;
      const got: number[] = [];
      for (let at = source.claim(9, 'Movable'); at !== -1; at = source.claim(9, 'Movable')) got.push(at);
      expect(got.length).toBeGreaterThan(0);
      expect(got).not.toContain(pinned & ~511);
    }
    const source = compacting(oneZone({ Movable: { 8: 8 } }));
    const all = Array.from({ length: 8 }, () => source.claim(8, 'Movable') as Pfn);
    for (const at of all) source.giveBack(at, 8);
    expect(source.claim(9, 'Movable')).toBe(FIRST * 512);
  });

  it.each<Migratetype>(['Unmovable', 'Reclaimable'])(
    'moves nothing out of %s pageblocks, nor into them',
    (type) => {
      const source = compacting(oneZone({ [type]: { 8: 8 } }));
      expect(source.claim(9, type)).toBe(-1);
      expect(source.lastCompaction).toBeUndefined();
      expect(source.freeChunks('Normal', type)[8]).toBe(8);
      // Two Movable pageblocks, one of them to move to, are enough only where the other needs no more than that.
      const mixed = compacting(oneZone({ [type]: { 8: 5 }, Movable: { 7: 3 } }));
      expect(mixed.claim(9, type)).toBe(-1);
      expect(mixed.freeChunks('Normal', type)[8]).toBe(5);
    },
  );

  it('leaves a pageblock that it empties apart from a reserved one beside it', () => {
    let neighbours = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const source = compacting(oneZone({ Movable: { 8: 5 }, HighAtomic: { 9: 1 } }), seed);
      const reserved = source.freePagesByBlock().indexOf(512) * 512;
      const at = source.claim(9, 'Movable');
      if (at === (reserved ^ 512)) neighbours++;
      expect(source.lastCompaction?.block).toBe(at / 512);
      expect(source.freeChunks('Normal', 'HighAtomic')[9]).toBe(1);
    }
    expect(neighbours).toBeGreaterThan(0);
  });

  it('never happens unless it is asked for', () => {
    const source = sourceOf(halfFree);
    expect([source.claim(9, 'Movable'), source.lastCompaction]).toEqual([-1, undefined]);
  });

  it('stays inside the zones that a claim may use, and takes another where the first cannot', () => {
    const [normal] = halfFree.zones;
    const low = { ...normal, name: 'DMA32', ram: [[2 ** 18, 4096]] as const };
    const source = compacting({ name: 'two', zones: [low, normal], directMap: [] });
    source.claim(9, 'Movable', { highestZone: 'DMA32', node: -1 });
    expect(source.lastCompaction?.block).toBe(2 ** 9);
    const zones: number[] = [];
    for (let at = source.claim(9, 'Movable'); at !== -1; at = source.claim(9, 'Movable')) {
      zones.push(source.zoneIndexOf(at));
    }
    expect(zones).toEqual([1, 1, 1, 0, 0]);
  });
});
