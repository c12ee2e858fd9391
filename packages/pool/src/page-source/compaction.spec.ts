import { type MemoryState, type Migratetype, type Pfn, spanOf, x86Geometry } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { TYPE } from '../page-allocator/migratetypes.ts';
import { ClaimedPages } from './claimed-pages.ts';
import { type CompactionMode, Compactor, compactGap, isCompactionSuitable } from './compaction.ts';
import { startFromCounts } from './counted-start.ts';
import { oneZone, sourceOf } from './testing.ts';
import { ZoneMap } from './zones.ts';

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
    expect(source.takeCompacted()).toEqual([{ block: FIRST, movedPages: 256 }]);
    // Half a pageblock is claimed that was free, half one that was in use; that half has filled the last one's.
    expect(source.freeChunks('Normal', 'Movable')[8]).toBe(6);
    expect(source.freePages).toBe(8 * 256 - 512);
  });

  it('goes on until there is too little room', () => {
    const source = compacting(halfFree);
    const blocks = Array.from({ length: 4 }, () => {
      source.claim(9, 'Unmovable');
      return source.takeCompacted().at(-1)?.block;
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
    expect(source.takeCompacted()).toEqual([{ block: FIRST, movedPages: 192 }]);
    expect(source.freePages).toBe(7 * 256 + 8 * 64 - 512);
    expect(source.freeChunks('Normal', 'Movable')[7]).toBe(1);
  });

  it('is for claims that find nothing only', () => {
    const source = compacting(halfFree);
    expect(source.claim(9, 'Movable')).not.toBe(-1);
    expect(source.takeCompacted()).toHaveLength(1);
    expect(source.claim(8, 'Movable')).not.toBe(-1);
    expect(source.takeCompacted()).toEqual([]);
  });

  it('serves smaller orders as well, but no single page, and none larger than a pageblock', () => {
    const memory = oneZone({ Movable: { 3: 256 } });
    const after = (order: number) => {
      const source = compacting(memory);
      return [source.claim(order, 'Unmovable') >= 0, source.takeCompacted().at(-1)?.block];
    };
    expect(after(4)).toEqual([true, FIRST]);
    expect(after(10)).toEqual([false, undefined]);
    const empty = compacting(oneZone({}));
    expect([empty.claim(0, 'Movable'), empty.takeCompacted()]).toEqual([-1, []]);
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
      expect(source.takeCompacted()).toEqual([]);
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
      expect(source.takeCompacted().at(-1)?.block).toBe(at / 512);
      expect(source.freeChunks('Normal', 'HighAtomic')[9]).toBe(1);
    }
    expect(neighbours).toBeGreaterThan(0);
  });

  it('never happens unless it is asked for', () => {
    const source = sourceOf(halfFree);
    expect([source.claim(9, 'Movable'), source.takeCompacted()]).toEqual([-1, []]);
  });

  it('stays inside the zones that a claim may use, and takes another where the first cannot', () => {
    const [normal] = halfFree.zones;
    const low = { ...normal, name: 'DMA32', ram: [[2 ** 18, 4096]] as const };
    const source = compacting({ name: 'two', zones: [low, normal], directMap: [] });
    source.claim(9, 'Movable', { highestZone: 'DMA32', node: -1 });
    expect(source.takeCompacted().at(-1)?.block).toBe(2 ** 9);
    const zones: number[] = [];
    for (let at = source.claim(9, 'Movable'); at !== -1; at = source.claim(9, 'Movable')) {
      zones.push(source.zoneIndexOf(at));
    }
    expect(zones).toEqual([1, 1, 1, 0, 0]);
  });
});

describe('compaction of small chunks', () => {
  it('leaves claimed pages where they are, and stops after the first pageblock with a chunk: __compact_finished(), since 5.1', () => {
    // In each pageblock every other chunk of 8 pages is free.
    const source = compacting(oneZone({ Movable: { 3: 256 } }));
    const pinned = Array.from({ length: 8 }, () => source.claim(0, 'Movable') as Pfn);
    const pinnedBlock = Math.floor(pinned[0] / 512);
    const got: number[] = [];
    for (let at = source.claim(4, 'Movable'); at !== -1; at = source.claim(4, 'Movable')) got.push(at);
    // Also from the pageblock with the claimed pages.
    expect(got.map((at) => Math.floor(at / 512))).toContain(pinnedBlock);
    for (const at of got) for (const page of pinned) expect(page < at || page >= at + 16).toBe(true);
    expect(source.takeCompacted().map(({ block }) => block)[0]).toBe(FIRST);
  });

  it('moves all that can move if there is no chunk in the end: the scanners meet', () => {
    const source = compacting(oneZone({ Movable: { 0: 1600 } }));
    const pinned: Pfn[] = [];
    // A page in each pageblock.
    for (let at = source.claim(0, 'Movable'); pinned.length < 400; at = source.claim(0, 'Movable')) {
      pinned.push(at as Pfn);
    }
    expect(new Set(pinned.map((page) => page >> 9)).size).toBe(8);
    expect(source.claim(9, 'Movable')).toBe(-1);
    expect(source.takeCompacted().length).toBeGreaterThan(1);
  });
});

describe('the two compactions of a request', () => {
  const compactorOf = (memory: MemoryState) => {
    const geometry = x86Geometry(spanOf(memory));
    const { allocator } = startFromCounts(memory, geometry, 1, PLAIN_PAGE_SOURCE);
    const zones = new ZoneMap(memory, geometry);
    const claimed = new ClaimedPages(geometry);
    const zonelist = zones.zonelist(undefined);
    const claim = () => claimed.add(allocator.claim(0, 0, TYPE.Movable, zonelist), 0);
    const compactor = new Compactor(allocator, zones, claimed);
    const compact = (type: Migratetype, mode: CompactionMode) =>
      compactor.compact(zonelist, 9, TYPE[type], mode);
    return { claim, compact, moves: () => compactor.takeBlocks().length };
  };

  it('the first, before reclaim, looks at pageblocks of the own migratetype only: suitable_migration_source()', () => {
    const { compact, moves } = compactorOf(halfFree);
    expect([compact('Unmovable', 'async'), moves()]).toEqual(['complete', 0]);
    expect([compact('Unmovable', 'sync'), moves()]).toEqual(['success', 1]);
    expect([compact('Movable', 'async'), moves()]).toEqual(['success', 1]);
  });

  it('the first leaves a chunk that cannot be emptied: isolate_migratepages_block(), skip_on_failure', () => {
    const pinned = compactorOf(oneZone({ Movable: { 0: 1600 } }));
    for (let each = 0; each < 400; each++) pinned.claim();
    expect([pinned.compact('Movable', 'async'), pinned.moves()]).toEqual(['complete', 0]);
    expect(pinned.compact('Movable', 'sync')).toBe('complete');
    expect(pinned.moves()).toBeGreaterThan(1);
    // Only the second one's failure counts.
    expect(pinned.compact('Movable', 'async')).toBe('deferred');
  });
});

describe('compaction that failed', () => {
  /** Nothing can move until pages of the first pageblock can. Zones: one for each of so many. */
  const failing = (zoneCount = 1) => {
    const [zone] = halfFree.zones;
    const zones = Array.from({ length: zoneCount }, (_, node) => ({
      ...zone,
      ...(node === 0 ? {} : { node }),
      ram: [[2 ** 20 + node * 4096, 4096]] as const,
      pageCache: 0,
    }));
    const memory = { ...halfFree, zones };
    const geometry = x86Geometry(spanOf(memory));
    const { allocator } = startFromCounts(memory, geometry, 1, PLAIN_PAGE_SOURCE);
    const compactor = new Compactor(allocator, new ZoneMap(memory, geometry), new ClaimedPages(geometry));
    const compact = (order: number, ...indexes: number[]) =>
      compactor.compact(
        { zones: indexes, highestZone: 2, localZones: 1, isNofragment: false },
        order,
        TYPE.Movable,
        'sync',
      );
    const attemptsLeftOut = (order: number) => {
      let count = 0;
      while (compact(order, 0) === 'deferred') count++;
      return count;
    };
    const setMovable = (pages: number) => {
      allocator.buddy.movableIn[FIRST] = pages;
    };
    return { compactor, compact, attemptsLeftOut, setMovable };
  };

  it('is tried again at once for orders of which it has made a chunk since: compaction_defer_reset()', () => {
    const { compact, attemptsLeftOut, setMovable } = failing();
    expect(compact(9, 0)).toBe('complete');
    setMovable(1);
    expect([compact(4, 0), compact(4, 0)]).toEqual(['deferred', 'success']);
    setMovable(0);
    // The second and the third failure.
    expect([compact(9, 0), compact(4, 0)]).toEqual(['complete', 'complete']);
    expect(attemptsLeftOut(9)).toBe(7);
  });

  it('counts as the first failure once a request got its chunk', () => {
    const { compactor, compact, attemptsLeftOut } = failing();
    expect([compact(9, 0), attemptsLeftOut(9), attemptsLeftOut(9)]).toEqual(['complete', 1, 3]);
    compactor.served(0, 9);
    expect([compact(9, 0), attemptsLeftOut(9)]).toEqual(['complete', 1]);
  });

  it('of several zones: that one was tried tells more than that one was left out', () => {
    const { compact } = failing(3);
    expect(compact(9, 2)).toBe('complete');
    expect(compact(9, 1, 2)).toBe('complete');
    expect(failing(3).compact(9)).toBe('skipped');
    expect([compact(9, 0), compact(9, 0, 1)]).toEqual(['complete', 'deferred']);
  });
});

it('compaction needs twice the pages of the chunk above the min watermark, for more than order 3 above low: compaction_suitable()', () => {
  const memory = oneZone({});
  const marks = { min: 10, low: 20, high: 30, lowmemReserve: [] };
  const { allocator } = startFromCounts(
    { ...memory, zones: [{ ...memory.zones[0], watermarks: marks }] },
    x86Geometry(spanOf(memory)),
    1,
    PLAIN_PAGE_SOURCE,
  );
  const leastFree = (order: number) => {
    const [zone] = allocator.zones;
    zone.freeCounter = 0;
    while (!isCompactionSuitable(zone, order, 2)) zone.freeCounter++;
    return zone.freeCounter;
  };
  expect([1, 3, 4].map(leastFree)).toEqual([10 + 4, 10 + 16, 20 + 32]);
});
