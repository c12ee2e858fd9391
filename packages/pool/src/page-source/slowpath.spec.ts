/** What a request does that finds no chunk above the watermarks: __alloc_pages_slowpath(), mm/page_alloc.c. */
import { type MemoryState, type PageSourceSettings, type Pfn, pfn } from '@decpool/model';
import { PLAIN_PAGE_SOURCE, packChunks, type ZoneState } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import type { PageSource } from './page-source.ts';
import { exactly, oneZone, sourceOf } from './testing.ts';

const BLOCK = 512;
const BLOCKS = 8;
const pagesOf = (runs: readonly { pages: number }[]) => runs.reduce((sum, { pages }) => sum + pages, 0);
const settingsOf = (more: Partial<PageSourceSettings>): PageSourceSettings => ({
  ...PLAIN_PAGE_SOURCE,
  ...more,
});

/** With this seed pageblock 3 is reclaimed first, and then that of page 0. */
const SEED = 13;
const FIRST_RECLAIMED = 3;

/**
 * Eight pageblocks of page cache from page 0 on. In the one that is reclaimed first, one page of every `spacing` is free at the start,
 * and claimed here: so no chunk of so many pages comes about there. `pageCache`: pages of it there.
 */
function strewn(
  spacing: number,
  more: Partial<PageSourceSettings> = {},
  pageCache = BLOCK - BLOCK / spacing,
): PageSource {
  const [zone] = oneZone({}).zones;
  const first = FIRST_RECLAIMED * BLOCK;
  const pages = Array.from({ length: BLOCK / spacing }, (_, each) => first + each * spacing);
  const strewnZone: ZoneState = {
    ...zone,
    ram: [[0, BLOCKS * BLOCK]],
    watermarks: { min: 0, low: 0, high: 8, lowmemReserve: [] },
    positions: {
      chunks: [[0, packChunks(pages)]],
      pageblocks: [[0, BLOCKS, 'Movable']],
      movable: [
        [0, FIRST_RECLAIMED, BLOCK],
        [first, 1, pageCache],
        [first + BLOCK, BLOCKS - FIRST_RECLAIMED - 1, BLOCK],
      ],
    },
  };
  const memory = { name: 'strewn', zones: [strewnZone], directMap: [] };
  const source = sourceOf(memory, SEED, settingsOf({ reclaim: true, ...more }));
  for (const _ of pages) source.claim(0, 'Movable', undefined, 'none');
  expect([source.freePages, source.takeReclaimed()]).toEqual([0, []]);
  return source;
}

describe('direct reclaim', () => {
  it('of a request up to order 3 goes on, cluster by cluster, until there is a chunk', () => {
    const source = strewn(8);
    const at = source.claim(3, 'Movable');
    // kswapd has reclaimed a cluster of 32 pages. The pageblock has 448, and the next one gives a chunk at once.
    expect([source.directPages, source.stalls]).toEqual([448, 14]);
    const reclaimed = source.takeReclaimed();
    expect([pagesOf(reclaimed), reclaimed[0].pfn, at]).toEqual([480, FIRST_RECLAIMED * BLOCK + 1, 0]);
    expect(source.freePages).toBe(480 - 8);
    expect(source.claim(0, 'Movable', undefined, 'none')).not.toBe(-1);
    expect([source.directPages, source.stalls]).toEqual([0, 0]);
  });

  it('without a chunk has compaction move pages to those that it has reclaimed', () => {
    const source = strewn(8, { compaction: true });
    expect(source.claim(3, 'Movable')).toBe(0);
    expect([source.directPages, source.stalls]).toEqual([32, 2]);
    // kswapd has reclaimed a cluster, too.
    expect(source.takeCompacted()).toEqual([{ block: 0, movedPages: 64 }]);
    expect(source.freePages).toBe(64 - 8);
  });

  it('empties the per-CPU lists into which it has freed', () => {
    // kswapd reclaims the 64 pages there, compact_gap(5); then 32 pages are one chunk, but the last four are in a list of a CPU.
    const source = strewn(8, { perCpuLists: true }, 64);
    expect(source.claim(5, 'Movable')).toBe(0);
    expect([source.directPages, source.freePages]).toEqual([32, 64]);
  });

  it('takes page cache on, too, with per-CPU lists', () => {
    const source = strewn(8, { perCpuLists: true });
    expect(source.claim(3, 'Movable')).not.toBe(-1);
    expect(source.directPages).toBe(448);
  });

  it('with __GFP_NORETRY, or of a costly order, is one round', () => {
    const noretry = strewn(8);
    expect(noretry.claim(3, 'Movable', undefined, 'noretry')).toBe(-1);
    expect([noretry.directPages, noretry.stalls]).toEqual([32, 1]);
    const costly = strewn(16);
    expect(costly.claim(4, 'Movable')).toBe(-1);
    expect([costly.directPages, costly.stalls]).toEqual([32, 1]);
  });

  it('ends when nothing is left', () => {
    const source = strewn(8);
    let claimed = 0;
    while (source.claim(3, 'Movable') !== -1) claimed++;
    // Seven other pageblocks of 64 such chunks.
    expect(claimed).toBe(7 * 64);
    expect(source.directPages).toBe(0);
    expect(source.claim(3, 'Movable')).toBe(-1);
    expect(source.stalls).toBe(1);
  });
});

describe('direct compaction', () => {
  it('comes before reclaim for a costly order: what it finds is served, and nothing more is done', () => {
    const source = strewn(16, { compaction: true });
    const at = source.claim(4, 'Movable');
    // kswapd has reclaimed 32 pages: as many of the lowest pageblock have moved to them, which leaves two such chunks there.
    expect(at).toBe(0);
    expect([source.directPages, source.stalls]).toEqual([0, 1]);
    expect(source.takeCompacted()).toEqual([{ block: 0, movedPages: 32 }]);
    expect(source.freePages).toBe(16);
  });

  /** 200 single pages that nothing can move from or to. */
  const stuck = oneZone({ Unmovable: { 0: 200 } });
  const both = (kernel: PageSourceSettings['kernel'] = '6.x') =>
    sourceOf(stuck, 1, settingsOf({ kernel, compaction: true, reclaim: true }));

  it('comes before reclaim, too, for other migratetypes than Movable; else behind it only', () => {
    const stallsOf = (order: number, type: 'Movable' | 'Unmovable') => {
      const source = both();
      expect(source.claim(order, type)).toBe(-1);
      return source.stalls;
    };
    expect([stallsOf(2, 'Movable'), stallsOf(3, 'Movable'), stallsOf(4, 'Movable')]).toEqual([2, 2, 3]);
    expect([stallsOf(2, 'Unmovable'), stallsOf(4, 'Unmovable')]).toEqual([3, 3]);
  });

  it('that has failed is deferred; until 6.12 that counts as a stall. A costly order with __GFP_NORETRY gives up then', () => {
    for (const [kernel, counts] of [
      ['6.x', 1],
      ['7.x', 0],
    ] as const) {
      const source = both(kernel);
      expect(source.claim(4, 'Unmovable')).toBe(-1);
      expect(source.stalls).toBe(3);
      expect(source.claim(4, 'Unmovable', undefined, 'noretry')).toBe(-1);
      expect(source.stalls).toBe(counts);
    }
  });

  it('that a request was served by is no longer deferred: after the next failure one attempt is left out', () => {
    // Enough is free for compaction, but not in Movable pageblocks, where it moves pages to.
    const free = { 8: 3, 7: 3, 6: 3, 5: 3 };
    const source = sourceOf(
      oneZone({ Movable: { 8: 2 }, Unmovable: free }),
      1,
      settingsOf({ kernel: '7.x', compaction: true }),
    );
    const held = [source.claim(8, 'Movable') as Pfn, source.claim(8, 'Movable') as Pfn];
    const attempts = (count: number) =>
      Array.from({ length: count }, () => [source.claim(9, 'Movable') >= 0, source.stalls]);
    expect(attempts(3)).toEqual([
      [false, 1],
      [false, 0],
      [false, 1],
    ]);
    for (const at of held) source.giveBack(at, 8);
    // After two failures three attempts are left out.
    expect(attempts(4)).toEqual([
      [false, 0],
      [false, 0],
      [false, 0],
      [true, 1],
    ]);
    expect(attempts(3)).toEqual([
      [false, 1],
      [false, 0],
      [false, 1],
    ]);
  });

  it('with __GFP_NORETRY is asynchronous, so that it defers nothing', () => {
    const stallsAfter = (effort: 'reclaim' | 'noretry') => {
      const source = both('7.x');
      source.claim(3, 'Unmovable', undefined, effort);
      source.claim(3, 'Unmovable');
      return source.stalls;
    };
    expect(stallsAfter('noretry')).toBe(3);
    // The first of the two compactions is deferred.
    expect(stallsAfter('reclaim')).toBeLessThan(3);
  });

  it('serves pairs of pages, but no requests for pageblocks of other than ordinary migratetypes', () => {
    const compacting = (memory: MemoryState) => sourceOf(memory, 1, settingsOf({ compaction: true }));
    expect(compacting(oneZone({ Movable: { 0: 1024 } })).claim(1, 'Movable')).not.toBe(-1);
    const source = compacting(oneZone({ Movable: { 8: 8 } }));
    expect([source.claim(9, 'HighAtomic'), source.takeCompacted(), source.stalls]).toEqual([-1, [], 0]);
    const decrypted = compacting(oneZone({ Movable: { 8: 8 } }));
    decrypted.claim(9, 'Decrypted');
    expect(decrypted.takeCompacted()).not.toEqual([]);
  });
});

describe('a request below the low watermark', () => {
  it('that found page 0 is served with it, and takes nothing else', () => {
    const memory = exactly(1, [[0, 'Movable', packChunks([0, 2, 4])]], [[]], {
      low: 50,
      high: 60,
      freeCounter: 3,
    });
    const source = sourceOf(memory, 1, settingsOf({ reclaim: true, compaction: true }));
    expect(source.claim(0, 'Movable')).toBe(0);
    expect([source.isLow, source.freePages, source.stalls]).toEqual([true, 2, 0]);
  });

  it('empties the per-CPU lists, whose pages may form a chunk', () => {
    const source = sourceOf(oneZone({ Movable: { 1: 1 } }), 1, settingsOf({ perCpuLists: true }));
    const pages = [source.claim(0, 'Movable') as Pfn, source.claim(0, 'Movable') as Pfn];
    for (const page of pages) source.giveBack(page, 0);
    expect(source.pcpPages).toBe(2);
    expect(source.claim(1, 'Movable')).toBe(Math.min(...pages));
    expect(source.freePages).toBe(0);
  });

  it('of a single page, too, wakes kswapd without waiting', () => {
    const source = strewn(8);
    expect(source.claim(0, 'Movable', undefined, 'nowait')).toBe(-1);
    expect(source.takeReclaimed()).toEqual([]);
    expect(source.claim(0, 'Movable', undefined, 'none')).not.toBe(-1);
    expect(pagesOf(source.takeReclaimed())).toBe(32);
    // It is woken once.
    for (let each = 0; each < 31; each++) source.claim(0, 'Movable', undefined, 'none');
    expect(source.claim(0, 'Movable', undefined, 'none')).toBe(-1);
    expect(source.takeReclaimed()).toEqual([]);
  });

  it('that fails claims nothing', () => {
    const source = sourceOf(exactly(4, [[0, 'Movable', `${3 * BLOCK}`]]));
    expect(source.claim(10, 'Movable')).toBe(-1);
    expect(() => source.giveBack(pfn(0), 9)).toThrow('it was not claimed');
  });
});

it('of a boot pool that begins with page 0 the rest of the reservation is not given out, nor is the pageblock behind it', () => {
  const [zone] = oneZone({ Movable: { 10: 1 } }).zones;
  const memory: MemoryState = {
    name: 'from 0',
    zones: [{ ...zone, ram: [[0, BLOCKS * BLOCK]] }],
    reserved: [0, 2 * BLOCK],
    directMap: [],
  };
  const source = sourceOf(memory);
  expect(source.claimContiguous(2)).toBe(0);
  expect(() => source.giveBack(pfn(2 * BLOCK), 9)).toThrow(/it was not claimed|it is free already/);
  const next = source.claimContiguous(1);
  expect(next).toBeGreaterThanOrEqual(2 * BLOCK);
});
