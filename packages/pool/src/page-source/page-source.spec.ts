import {
  InvariantError,
  type MemoryState,
  type Migratetype,
  type PageSourceSettings,
  type Pfn,
  pfn,
  spanOf,
} from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aged } from './aged.ts';
import type { Reach } from './page-source.ts';
import { fragmented, freshBoot } from './profiles.ts';
import {
  type Counts,
  countsOf,
  exactly,
  freePagesOf,
  GIB,
  givenCounts,
  MIB,
  oneZone,
  sourceOf,
} from './testing.ts';

/** Every combination of options. */
const OPTIONS = (['6.x', '7.x'] as const).flatMap((kernel) =>
  [false, true].flatMap((perCpuLists) =>
    [false, true].map((compaction): PageSourceSettings => ({ kernel, perCpuLists, compaction })),
  ),
);

describe.each(OPTIONS)('claiming and giving back with %o', (options) => {
  const states = [
    freshBoot(64 * MIB),
    fragmented(64 * MIB, 1, 3),
    fragmented(128 * MIB, 0.5, 4, 2),
    aged(128 * MIB, 5),
    aged(192 * MIB, 6, 3),
    oneZone({ Movable: { 5: 16, 7: 16 } }),
  ];
  const claims = fc.array(
    fc.record({
      order: fc.oneof(fc.nat(10), fc.constant(9)),
      type: fc.constantFrom<Migratetype>('Unmovable', 'Movable', 'Reclaimable'),
      reach: fc.option(
        fc.record<Reach>({
          highestZone: fc.constantFrom('DMA', 'DMA32', 'Normal'),
          node: fc.integer({ min: -1, max: 2 }),
        }),
        { nil: undefined },
      ),
    }),
    { maxLength: 200, size: 'max' },
  );

  it('never hands out a page twice nor from elsewhere, loses none, and all given back is all free again', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        fc.nat(50),
        claims,
        fc.array(fc.nat()),
        (memory, seed, all, picks) => {
          const source = sourceOf(memory, seed, options);
          const total = source.freePages;
          const owner = new Uint8Array(spanOf(memory));
          const held: { at: Pfn; order: number }[] = [];
          let out = 0;
          let compactions = 0;
          const giveBack = (index: number) => {
            const [{ at, order }] = held.splice(index, 1);
            source.giveBack(at, order);
            owner.fill(0, at, at + 2 ** order);
            out -= 2 ** order;
          };
          for (const [index, { order, type, reach }] of all.entries()) {
            const at = source.claim(order, type, reach);
            compactions += source.takeCompacted().length;
            if (at === -1) continue;
            expect(at % 2 ** order).toBe(0);
            expect(owner.subarray(at, at + 2 ** order).every((page) => page === 0)).toBe(true);
            const zone = memory.zones[source.zoneIndexOf(at)];
            expect(source.zoneIndexOf(at + 2 ** order - 1)).toBe(source.zoneIndexOf(at));
            if (reach !== undefined && reach.node >= 0) expect(zone.node ?? 0).toBe(reach.node);
            if (reach !== undefined) {
              const names = ['DMA', 'DMA32', 'Normal'];
              expect(names.indexOf(zone.name)).toBeLessThanOrEqual(names.indexOf(reach.highestZone));
            }
            owner.fill(1, at, at + 2 ** order);
            held.push({ at, order });
            out += 2 ** order;
            if (picks.length > 0 && index % 3 === 0) giveBack(picks[index % picks.length] % held.length);
            expect(source.freePages).toBe(total - out);
          }
          while (held.length > 0) giveBack(0);
          expect(source.freePages).toBe(total);
          // Coalesced as far as it goes: no more chunks than at the start, whatever lists they are in now.
          if (options.perCpuLists || compactions > 0) return;
          const chunks = (counts: Counts) =>
            Array.from({ length: 11 }, (_, order) =>
              Object.values(counts)
                .flatMap((zone) => Object.values(zone))
                .reduce((sum, list) => sum + list[order], 0),
            );
          expect(chunks(countsOf(source, memory))).toEqual(chunks(givenCounts(memory)));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('claims every free page there is, one by one, and then has none', () => {
    const memory = fragmented(64 * MIB, 1, 3);
    const source = sourceOf(memory, 1, options);
    const seen = new Set<number>();
    for (let at = source.claim(0, 'Unmovable'); at !== -1; at = source.claim(0, 'Unmovable')) seen.add(at);
    // The counter that watermarks are compared with lags by up to two pages (calculate_normal_threshold(), mm/vmstat.c).
    expect(freePagesOf(memory) - seen.size).toBe(source.freePages);
    expect(source.freePages).toBeLessThanOrEqual(2);
    expect(source.claim(0, 'Movable')).toBe(-1);
  });

  it('refuses what is free already, what was never claimed, and what is no RAM', () => {
    const source = sourceOf(freshBoot(64 * MIB), 1, options);
    const at = source.claim(3, 'Unmovable') as Pfn;
    source.giveBack(at, 3);
    expect(() => source.giveBack(at, 3)).toThrow(InvariantError);
    expect(() => source.giveBack(at, 0)).toThrow(`page ${at} is given back, but it is free already`);
    expect(() => source.giveBack(pfn(at + 7), 0)).toThrow(InvariantError);
    expect(() => source.giveBack(pfn(2 ** 27), 0)).toThrow('it is no RAM');
    expect(() => sourceOf(freshBoot(5 * GIB), 1, options).giveBack(pfn(2 ** 20 - 512), 0)).toThrow(
      'it is no RAM',
    );
    const used = sourceOf(oneZone({ Unmovable: { 8: 8 } }), 1, options);
    const free = Array.from({ length: 8 }, () => used.claim(8, 'Unmovable') as Pfn);
    used.giveBack(free[0], 8);
    expect(() => used.giveBack(pfn(free[0] ^ 256), 8)).toThrow('it was not claimed');
  });

  it('does the same again with the same seed', () => {
    const take = () => {
      const source = sourceOf(aged(128 * MIB, 5), 7, options);
      return Array.from({ length: 60 }, (_, index) => source.claim(index % 10, 'Unmovable'));
    };
    expect(take()).toEqual(take());
  });
});

it('by default the rules are those of 6.x, without per-CPU lists and compaction', () => {
  const memory = aged(128 * MIB, 5);
  const take = (options?: PageSourceSettings) => {
    const source = sourceOf(memory, 7, options);
    return Array.from({ length: 300 }, () => source.claim(0, 'Unmovable'));
  };
  expect(PLAIN_PAGE_SOURCE).toEqual({ kernel: '6.x', perCpuLists: false, compaction: false });
  expect(take()).toEqual(take(PLAIN_PAGE_SOURCE));
});

describe('the free lists', () => {
  it('splits the smallest chunk that suffices, and coalesces again', () => {
    const source = sourceOf(oneZone({ Unmovable: { 3: 1, 10: 1 } }));
    const at = source.claim(1, 'Unmovable') as Pfn;
    expect(source.freeChunks('Normal', 'Unmovable')).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    source.giveBack(at, 1);
    expect(source.freeChunks('Normal', 'Unmovable')).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('serves the last chunk given back first', () => {
    const source = sourceOf(fragmented(64 * MIB, 1, 3));
    const held = Array.from({ length: 20 }, () => source.claim(0, 'Unmovable') as Pfn);
    source.giveBack(held[7], 0);
    expect(source.claim(0, 'Unmovable')).toBe(held[7]);
  });

  it('takes from a lower zone once the highest is down to its low watermark, and below it only when all are', () => {
    const fresh = freshBoot(5 * GIB);
    const inNormal = (page: number) => page >= 2 ** 20;
    const zones = fresh.zones.map((zone) => ({
      ...zone,
      lowWatermark: zone.name === 'Normal' ? 300_000 : 700_000,
    }));
    const source = sourceOf({ ...fresh, zones });
    const before = source.freePages;
    const claimed: number[] = [];
    for (let at = source.claim(10, 'Movable'); at !== -1; at = source.claim(10, 'Movable')) claimed.push(at);
    const runs = claimed.map(inNormal).filter((isNormal, i, all) => isNormal !== all[i - 1]);
    // Normal to its watermark, the zones below to theirs, then Normal again to its end, and what is left below.
    expect(runs).toEqual([true, false, true, false]);
    expect(before - source.freePages).toBe(claimed.length * 1024);
  });

  it('takes from the highest zone first, and from a lower one when that is empty', () => {
    const memory = freshBoot(5 * GIB);
    const source = sourceOf(memory);
    const zoneOf = (page: number) => (page < 4096 ? 'DMA' : page < 2 ** 20 ? 'DMA32' : 'Normal');
    const order: string[] = [];
    for (let at = source.claim(10, 'Unmovable'); at !== -1; at = source.claim(10, 'Unmovable')) {
      if (order.at(-1) !== zoneOf(at)) order.push(zoneOf(at));
    }
    expect(order).toEqual(['Normal', 'DMA32', 'DMA']);
  });
});

describe('a source', () => {
  it('of exactly known memory has misplaced and dropped nothing', () => {
    const source = sourceOf(exactly(8, [[3, 'Movable', '16']], [[[0, '5 1']]]), 1, {
      ...PLAIN_PAGE_SOURCE,
      kernel: '6.x',
    });
    expect([source.misplaced, source.dropped]).toEqual([0, 0]);
    expect([source.freePages, source.pcpPages]).toEqual([10, 2]);
    expect([...source.freePagesByBlock()].slice(0, 2)).toEqual([8, 0]);
  });

  it('is low from the first claim on that finds no zone above its low watermark, until one does', () => {
    const [zone] = oneZone({ Movable: { 9: 2 } }).zones;
    const source = sourceOf({ name: 'low', zones: [{ ...zone, lowWatermark: 600 }], directMap: [] });
    expect(source.isLow).toBe(false);
    const first = source.claim(8, 'Movable') as Pfn;
    expect(source.isLow).toBe(false);
    // 768 pages were left.
    const second = source.claim(8, 'Movable') as Pfn;
    expect([first > 0, second > 0, source.isLow]).toEqual([true, true, true]);
    source.giveBack(second, 8);
    source.claim(0, 'Movable');
    expect(source.isLow).toBe(false);
  });

  it('says of the last claim alone what it has waited for and reclaimed', () => {
    const [zone] = oneZone({ Movable: { 9: 1 } }).zones;
    const watermarks = { min: 100, low: 200, high: 300, lowmemReserve: [] };
    const zones = [{ ...zone, watermarks, pageCache: 7 * 512 }];
    const source = sourceOf({ name: 'full', zones, directMap: [] }, 1, {
      ...PLAIN_PAGE_SOURCE,
      reclaim: true,
    });
    expect([source.directPages, source.stalls]).toEqual([0, 0]);
    while (source.claim(10, 'Movable') !== -1);
    expect(source.stalls).toBeGreaterThan(0);
    source.claim(0, 'Movable', undefined, 'none');
    expect([source.directPages, source.stalls]).toEqual([0, 0]);
  });
});

describe('a claim that does not wait', () => {
  const [zone] = oneZone({ Movable: { 9: 1 } }).zones;
  const watermarks = { min: 100, low: 200, high: 300, lowmemReserve: [] };
  const full = { name: 'full', zones: [{ ...zone, watermarks, pageCache: 7 * 512 }], directMap: [] };
  /** Pages that kswapd reclaims after claims of these orders in one loop. */
  const reclaimedAfter = (orders: readonly number[]) => {
    const source = sourceOf(full, 1, { ...PLAIN_PAGE_SOURCE, reclaim: true });
    for (const order of orders) source.claim(order, 'Unmovable', undefined, 'nowait');
    const meanwhile = source.takeReclaimed().length;
    source.claim(0, 'Unmovable');
    return [meanwhile, source.takeReclaimed().reduce((sum, { pages }) => sum + pages, 0)];
  };

  it('wakes kswapd for the largest order of a loop, which begins after it: wakeup_kswapd()', () => {
    const [, forTen] = reclaimedAfter([10]);
    // It goes on until two pageblocks side by side are free, or compact_gap(10) pages were reclaimed: 2048.
    expect(forTen).toBeGreaterThan(512);
    expect(forTen).toBeLessThanOrEqual(2048);
    // More than 300 pages have to be left behind a chunk of 512: 512 and ten clusters of 32 are free then.
    expect(reclaimedAfter([9])).toEqual([0, 320]);
    expect(reclaimedAfter([10, 10])).toEqual([0, forTen]);
    expect(reclaimedAfter([10, 9])).toEqual([0, forTen]);
    expect(reclaimedAfter([9, 10])).toEqual([0, forTen]);
    expect(reclaimedAfter([])).toEqual([0, 0]);
  });
});

describe('a boot pool', () => {
  const memory: MemoryState = { ...oneZone({ Movable: { 10: 2 } }), reserved: [2 ** 20, 4 * 512] };

  it('lies at the end of what is reserved, and not elsewhere if it is larger; the next one is free memory', () => {
    const source = sourceOf(memory);
    expect(source.claimContiguous(5)).toBe(-1);
    expect(source.claimContiguous(3)).toBe(2 ** 20 + 512);
    const next = source.claimContiguous(1);
    expect(next).toBeGreaterThanOrEqual(2 ** 20 + 4 * 512);
    expect(source.freePages).toBe(3 * 512);
  });

  it('can be given back block by block, also if it begins with the first page', () => {
    const source = sourceOf(memory);
    expect(source.claimContiguous(4)).toBe(2 ** 20);
    for (let block = 0; block < 4; block++) source.giveBack(pfn(2 ** 20 + block * 512), 9);
    expect(source.freePages).toBe(8 * 512);
    const whole = exactly(1, [[9, 'Movable', '0']]);
    const small = sourceOf(whole);
    expect(small.claimContiguous(1)).toBe(0);
    expect(() => small.giveBack(pfn(0), 9)).not.toThrow();
    expect(() => small.giveBack(pfn(0), 9)).toThrow('it is free already');
  });
});
