/** The memory of a pool on a small guest, with a plain conversion. Blocks are of 64 pages. */
import { blockIndex, pfn as toPfn } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Conversion, NOTHING_LEAKED } from './conversion/conversion.ts';
import { FreeMap } from './placement/free-map.ts';
import { PoolMemory } from './pool-memory.ts';
import { Reserve } from './reserve.ts';
import { BLOCK, BLOCKS, PlainGuest } from './testing-guest.ts';

const PAGES = BLOCK * BLOCKS;
const ALL = { firstBlock: 0, endBlock: BLOCKS };

/** Converts nothing by itself, in units of so many pages; writes down what it is told of. */
function memoryOf({ unit = 1, hasReserve = false, ...changes }: Partial<Conversion> & Parts = {}) {
  const guest = new PlainGuest();
  const map = new FreeMap(guest.geometry);
  const reserve = hasReserve ? new Reserve(guest.geometry, unit) : undefined;
  const told: string[] = [];
  const memory = new PoolMemory(
    guest.view,
    map,
    {
      name: 'plain',
      place: () => -1,
      claimed: (start, pages) => told.push(`placed ${start}+${pages}`),
    },
    {
      name: 'plain',
      keepsShared: false,
      unitPages: () => unit,
      claimed(start, pages) {
        told.push(`claimed ${start}+${pages}`);
        return 'converted';
      },
      freed(start, pages) {
        told.push(`freed ${start}+${pages}`);
        return NOTHING_LEAKED;
      },
      ...changes,
    },
    reserve,
  );
  const takeTold = () => told.splice(0);
  const claim = (order: number, lowest = 0) => memory.claim(order, lowest, guest.record);
  const share = (start: number, pages: number) => memory.share(toPfn(start), pages, guest.record);
  return { guest, map, reserve, memory, takeTold, claim, share };
}

interface Parts {
  /** Pages that are converted together. */
  readonly unit?: number;
  readonly hasReserve?: boolean;
}

/** The free pages, as [start, pages] of each run. */
function runsOf(map: FreeMap): number[][] {
  const runs: number[][] = [];
  for (let block = 0; block < BLOCKS; block++)
    map.forEachRun(blockIndex(block), (start, pages) => runs.push([start, pages]));
  return runs;
}

const byRecord: Conversion['claimed'] = (start, pages, record) => record.decrypt(start, pages);

describe('a chunk that the pool claims', () => {
  it('is of the largest order there is, and its pages are free, block by block', () => {
    const { claim, map, takeTold, guest } = memoryOf();
    guest.othersTake(0, 256);
    guest.othersTake(320, 192);
    expect(claim(8)).toEqual({ start: 256, pages: 64 });
    expect(takeTold()).toEqual(['claimed 256+64', 'placed 256+64']);
    guest.othersFree(0, 128);
    expect(claim(7)).toEqual({ start: 0, pages: 128 });
    expect(takeTold()).toEqual(['claimed 0+128', 'placed 0+64', 'placed 64+64']);
    expect(runsOf(map)).toEqual([
      [0, 64],
      [64, 64],
      [256, 64],
    ]);
  });

  it('is of at least the lowest order, and of at least a unit', () => {
    const { claim, guest } = memoryOf({ unit: 4 });
    guest.othersTake(0, 8);
    guest.othersTake(12, PAGES - 12);
    expect(claim(6, 3)).toBe('out-of-memory');
    expect(claim(1, 0)).toBe('out-of-memory');
    expect(claim(2, 2)).toEqual({ start: 8, pages: 4 });
    guest.othersFree(20, 2);
    expect(claim(6, 0)).toBe('out-of-memory');
    guest.othersFree(20, 4);
    expect(claim(6, 0)).toEqual({ start: 20, pages: 4 });
  });

  it('goes back if it stayed private, and is lost if it leaked', () => {
    const { claim, guest, map, memory, takeTold } = memoryOf({ claimed: byRecord });
    guest.results = ['private', 'leaked'];
    expect(memory.hasFailed).toBe(false);
    expect(claim(6)).toBe('conversion-failed');
    expect([guest.takeLog(), memory.hasFailed]).toEqual([
      ['claim 0+64', 'share 0+64: private', 'back 0+64'],
      true,
    ]);
    expect(claim(6)).toBe('conversion-failed');
    expect(guest.takeLog()).toEqual(['claim 0+64', 'share 0+64: leaked']);
    expect([runsOf(map), takeTold()]).toEqual([[], []]);
    expect(claim(6)).toEqual({ start: 64, pages: 64 });
  });
});

describe('sharing a free run', () => {
  it('converts its private pages, in whole units', () => {
    const { claim, share, guest, memory } = memoryOf({ unit: 4 });
    claim(6);
    guest.takeLog();
    expect(share(6, 7)).toBe(true);
    expect(share(2, 20)).toBe(true);
    expect(guest.takeLog()).toEqual(['share 4+12', 'share 0+4', 'share 16+8']);
    expect([share(3, 20), guest.takeLog(), memory.hasFailed]).toEqual([true, [], false]);
  });

  it('that fails loses the pages that leaked, and no others', () => {
    const { claim, share, guest, map, memory } = memoryOf();
    claim(6);
    guest.results = ['private', 'leaked'];
    expect([share(4, 4), memory.hasFailed, runsOf(map)]).toEqual([false, true, [[0, 64]]]);
    expect(share(4, 4)).toBe(false);
    expect(runsOf(map)).toEqual([
      [0, 4],
      [8, 56],
    ]);
    expect(share(8, 4)).toBe(true);
  });

  it('is not needed if free pages are kept shared, until something failed', () => {
    const { claim, share, guest, memory } = memoryOf({ keepsShared: true, claimed: byRecord });
    claim(6);
    guest.is.shared.fill(false);
    guest.takeLog();
    expect([share(0, 4), guest.takeLog()]).toEqual([true, []]);
    memory.forget({ start: toPfn(63), pages: 1 });
    expect(memory.hasFailed).toBe(true);
    expect([share(0, 4), guest.takeLog()]).toEqual([true, ['share 0+4']]);
  });
});

describe('the rest of a block', () => {
  /** Pages 0 to 15 and 32 to 39 are used. */
  const used = (changes: Partial<Conversion> = {}, leastUsed = 24) => {
    const pool = memoryOf({ sharesRest: (pages, of) => of === BLOCK && pages >= leastUsed, ...changes });
    pool.claim(7);
    for (const [start, pages] of [
      [0, 16],
      [32, 8],
      [64, 40],
    ]) {
      pool.share(start, pages);
      pool.map.take(toPfn(start), pages);
      pool.guest.is.allocated.fill(true, start, start + pages);
    }
    pool.guest.takeLog();
    const shareRest = () => {
      pool.memory.shareRest(blockIndex(0), pool.guest.record);
      return pool.guest.takeLog();
    };
    return { ...pool, shareRest };
  };

  it('is shared, run by run, if the conversion says that so much of it is used', () => {
    const { shareRest } = used();
    expect(shareRest()).toEqual(['share 16+16', 'share 40+24']);
    expect(shareRest()).toEqual([]);
    expect(used({}, 25).shareRest()).toEqual([]);
  });

  it('stays private if the conversion has no such rule, or the caller may not sleep', () => {
    const { memory, guest, claim } = memoryOf();
    claim(6);
    guest.takeLog();
    memory.shareRest(blockIndex(0), guest.record);
    expect(guest.takeLog()).toEqual([]);
    const atomic = used();
    atomic.guest.mayConvert = false;
    expect(atomic.shareRest()).toEqual([]);
  });

  it('is not looked at if the block is wholly shared, although pages of it are free', () => {
    const { shareRest, guest, map } = used();
    guest.is.shared.fill(true, 0, BLOCK);
    const before = runsOf(map);
    expect([shareRest(), runsOf(map)]).toEqual([[], before]);
  });

  it('is lost where it leaks, and what lies above it is shared all the same', () => {
    const { shareRest, guest, map } = used();
    guest.results = ['leaked'];
    expect(shareRest()).toEqual(['share 16+16: leaked', 'share 40+24']);
    expect(runsOf(map)).toEqual([
      [40, 24],
      [104, 24],
    ]);
  });
});

describe('pages that are free again', () => {
  it('are made private by the conversion, and those that leak are lost', () => {
    const { memory, guest, claim, map, takeTold } = memoryOf({
      freed: (start, pages) => [
        { start, pages: 1 },
        { start: toPfn(start + pages - 1), pages: 1 },
      ],
    });
    claim(7);
    takeTold();
    memory.unshare(toPfn(60), 8, guest.record);
    expect([runsOf(map), memory.hasFailed]).toEqual([
      [
        [0, 60],
        [61, 3],
        [64, 3],
        [68, 60],
      ],
      true,
    ]);
  });

  it('that leak may lie in several blocks', () => {
    const { memory, claim, map } = memoryOf();
    claim(7);
    memory.forget({ start: toPfn(32), pages: 64 });
    expect(runsOf(map)).toEqual([
      [0, 32],
      [96, 32],
    ]);
  });

  it('are the conversion’s as a whole without a reserve, or with units of one page', () => {
    const noReserve = memoryOf({ unit: 4 });
    noReserve.memory.unshare(toPfn(2), 20, noReserve.guest.record);
    expect(noReserve.takeTold()).toEqual(['freed 2+20']);
    const byPage = memoryOf({ hasReserve: true });
    byPage.reserve?.put(toPfn(4), 1);
    byPage.memory.unshare(toPfn(2), 20, byPage.guest.record);
    expect(byPage.takeTold()).toEqual(['freed 2+20']);
  });

  it('become the reserve’s in units that it has pages of; the runs of others are the conversion’s', () => {
    const range = fc
      .tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: 80 }))
      .map(([start, pages]) => ({ start, end: Math.min(PAGES, start + pages) }));
    fc.assert(
      fc.property(
        range,
        fc.constantFrom(2, 4, 16),
        fc.array(fc.nat(PAGES - 1), { maxLength: 20 }),
        ({ start, end }, unit, held) => {
          const { memory, guest, claim, reserve, map, takeTold } = memoryOf({ unit, hasReserve: true });
          claim(9);
          takeTold();
          const isIn = (page: number) => page >= start && page < end;
          const inReserve = new Set(held.filter((page) => !isIn(page)));
          const heldUnits = new Set([...inReserve].map((page) => Math.floor(page / unit)));
          for (const page of inReserve) memory.putAside(toPfn(page), 1);
          memory.unshare(toPfn(start), end - start, guest.record);

          const own = Array.from({ length: end - start }, (_, at) => start + at);
          const goesBack = own.filter((page) => !heldUnits.has(Math.floor(page / unit)));
          const runs: { first: number; pages: number }[] = [];
          for (const page of goesBack) {
            const last = runs.at(-1);
            if (last !== undefined && last.first + last.pages === page) last.pages++;
            else runs.push({ first: page, pages: 1 });
          }
          expect(takeTold()).toEqual(runs.map(({ first, pages }) => `freed ${first}+${pages}`));
          const kept = own.length - goesBack.length;
          expect(reserve?.freePages).toBe(inReserve.size + kept);
          expect(map.freePages).toBe(PAGES - inReserve.size - kept);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('pages that are put aside', () => {
  it('are the reserve’s and not free, in each block', () => {
    const { memory, claim, map, reserve, guest } = memoryOf({ hasReserve: true });
    claim(7);
    memory.putAside(toPfn(60), 10);
    expect(runsOf(map)).toEqual([
      [0, 60],
      [70, 58],
    ]);
    expect([reserve?.freePagesIn(0, 1), reserve?.freePagesIn(1, 2)]).toEqual([4, 6]);
    expect(reserve?.take(4, 4, guest.zones)).toBe(60);
  });

  it('are those that a caller that may not sleep can have; without a reserve all free pages are', () => {
    const { memory, claim } = memoryOf({ hasReserve: true });
    claim(7);
    memory.putAside(toPfn(60), 10);
    const plain = memoryOf();
    plain.claim(7);
    const ranges = [ALL, { firstBlock: 1, endBlock: 4 }, { firstBlock: 2, endBlock: 4 }];
    expect(ranges.map((range) => memory.sharedFreePages(range))).toEqual([10, 6, 0]);
    expect(ranges.map((range) => plain.memory.sharedFreePages(range))).toEqual([128, 64, 0]);
  });
});
