import { readFileSync } from 'node:fs';
import {
  InputError,
  InvariantError,
  type MemoryState,
  MIGRATETYPES,
  type Migratetype,
  type PageRun,
  type Pfn,
  pfn,
  spanOf,
  x86Geometry,
  type ZoneState,
} from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPageSource, type PageSource } from './buddy.ts';
import { guessPlacement } from './placement-guess.ts';
import { directMapOf, fragmented, freshBoot } from './profiles.ts';
import { randomFrom, shuffle } from './random.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const sourceOf = (memory: MemoryState, seed = 1) =>
  createPageSource(memory, x86Geometry(spanOf(memory)), seed);

/** Free pages that the counts of a memory state add up to. */
const freePagesOf = (memory: MemoryState) =>
  memory.zones
    .flatMap((zone) =>
      MIGRATETYPES.flatMap((type) => zone.free[type].map((count, order) => count * 2 ** order)),
    )
    .reduce((sum, pages) => sum + pages, 0);

const countsOf = (source: PageSource, memory: MemoryState) =>
  Object.fromEntries(
    memory.zones.map((zone) => [
      zone.name,
      Object.fromEntries(MIGRATETYPES.map((type) => [type, source.freeChunks(zone.name, type)])),
    ]),
  );
const givenCounts = (memory: MemoryState) =>
  Object.fromEntries(memory.zones.map((zone) => [zone.name, zone.free]));

const perType = <Value>(value: (type: Migratetype) => Value) =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value(type)])) as Record<Migratetype, Value>;

/** A recorded state of the bundled examples, read as plainly as will do. */
function recorded(name: string): MemoryState {
  const read = (file: string) =>
    readFileSync(new URL(`../../../../examples/traces/memory/${name}/${file}`, import.meta.url), 'utf8');
  const numbers = (text: string) =>
    text
      .trim()
      .split(/\s+/)
      .map((count) => Number(count.replace('>', '')));
  const text = read('pagetypeinfo');
  const totals = read('buddyinfo');
  const ram = [...read('iomem').matchAll(/^([0-9a-f]+)-([0-9a-f]+) : System RAM$/gm)].map(
    ([, first, last]): PageRun => {
      const start = Math.ceil(Number.parseInt(first, 16) / 4096);
      return [start, Math.floor((Number.parseInt(last, 16) + 1) / 4096) - start];
    },
  );
  const bounds: Record<string, readonly [number, number]> = {
    DMA: [0, 4096],
    DMA32: [4096, 2 ** 20],
    Normal: [2 ** 20, 2 ** 40],
  };
  const zones = Object.entries(bounds).map(([zone, [from, to]]): ZoneState => {
    const free = perType((type) =>
      numbers(
        new RegExp(`zone +${zone}, type +${type} +([>\\d ]+)$`, 'm').exec(text)?.[1] ??
          '0 0 0 0 0 0 0 0 0 0 0',
      ),
    );
    // pagetypeinfo stops counting at 100000: what is missing of buddyinfo's total is the capped type's.
    const total = numbers(new RegExp(`zone +${zone} +([\\d ]+)$`, 'm').exec(totals)![1]);
    for (const [order, count] of total.entries()) {
      const capped = MIGRATETYPES.find((type) => free[type][order] === 100000);
      if (capped !== undefined) {
        const others = MIGRATETYPES.reduce((sum, type) => sum + (type === capped ? 0 : free[type][order]), 0);
        free[capped][order] = count - others;
      }
    }
    const blocks = numbers(new RegExp(`^Node 0, zone +${zone} +([\\d ]+)$`, 'm').exec(text)![1]);
    const types = /^Number of blocks type +(.+)$/m.exec(text)![1].trim().split(/\s+/);
    return {
      name: zone,
      ram: ram
        .map(([start, pages]): PageRun => {
          const first = Math.max(start, from);
          return [first, Math.min(start + pages, to) - first];
        })
        .filter(([, pages]) => pages > 0),
      free,
      lowWatermark: 0,
      pageblocks: perType((type) => blocks[types.indexOf(type)] ?? 0),
    };
  });
  return { name, zones, directMap: [] };
}

describe.each(['k61-E7cc-before', 'k61-E1w-before'])('the recorded state %s', (name) => {
  const memory = recorded(name);

  it('is reproduced to the chunk: every zone, migratetype and order, none dropped', () => {
    for (const seed of [1, 2, 3]) {
      const source = sourceOf(memory, seed);
      expect(source.dropped).toBe(0);
      expect(countsOf(source, memory)).toEqual(givenCounts(memory));
      expect(source.freePages).toBe(freePagesOf(memory));
    }
  });

  it('puts every chunk naturally aligned into RAM, none over another, none beside a free buddy', () => {
    for (const zone of memory.zones) {
      const { chunks, pageblocks, misplaced } = guessPlacement(zone, x86Geometry(spanOf(memory)), 3);
      const isRam = new Uint8Array(spanOf(memory));
      for (const [start, pages] of zone.ram) isRam.fill(1, start, start + pages);
      const orders = new Map(chunks.map(({ pfn, order }) => [pfn, order]));
      let elsewhere = 0;
      for (const { pfn, order, type } of chunks) {
        const end = pfn + 2 ** order;
        if (pfn % 2 ** order !== 0) expect.fail(`page ${pfn} is not aligned to order ${order}`);
        for (let page = pfn; page < end; page++) {
          if (isRam[page] !== 1) expect.fail(`page ${page} is no RAM or in two chunks`);
          isRam[page] = 2;
        }
        const hasFreeBuddy = order < 10 && orders.get(pfn ^ (2 ** order)) === order;
        if (hasFreeBuddy) expect.fail(`page ${pfn} of order ${order} lies beside its free buddy`);
        if (pageblocks.get(Math.floor(pfn / 512)) !== type) elsewhere++;
      }
      expect(misplaced).toBe(elsewhere);
    }
  });

  it('keeps the recorded number of pageblocks of each migratetype', () => {
    for (const zone of memory.zones) {
      const { pageblocks } = guessPlacement(zone, x86Geometry(spanOf(memory)), 3);
      const found = MIGRATETYPES.map(
        (_, code) => [...pageblocks.values()].filter((type) => type === code).length,
      );
      expect(found).toEqual(MIGRATETYPES.map((type) => zone.pageblocks[type]));
    }
  });

  it('gives other places for another seed, and the same for the same', () => {
    const take = (seed: number) => {
      const source = sourceOf(memory, seed);
      return Array.from({ length: 50 }, () => source.claim(0, 'Unmovable'));
    };
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
  });
});

describe('claiming and giving back', () => {
  const orders = fc.array(
    fc.record({
      order: fc.nat(10),
      type: fc.constantFrom<Migratetype>('Unmovable', 'Movable', 'Reclaimable'),
    }),
    { maxLength: 200, size: 'max' },
  );

  it('never hands out a page twice, loses none, and all given back is all free again', () => {
    const states = [freshBoot(64 * MIB), fragmented(64 * MIB, 1, 3), fragmented(128 * MIB, 0.5, 4)];
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        fc.nat(50),
        orders,
        fc.array(fc.nat()),
        (memory, seed, all, picks) => {
          const source = sourceOf(memory, seed);
          const total = source.freePages;
          const owner = new Uint8Array(spanOf(memory));
          const held: { at: Pfn; order: number }[] = [];
          let out = 0;
          const giveBack = (index: number) => {
            const [{ at, order }] = held.splice(index, 1);
            source.giveBack(at, order);
            owner.fill(0, at, at + 2 ** order);
            out -= 2 ** order;
          };
          for (const [index, { order, type }] of all.entries()) {
            const at = source.claim(order, type);
            if (at === -1) continue;
            expect(at % 2 ** order).toBe(0);
            expect(owner.subarray(at, at + 2 ** order).every((page) => page === 0)).toBe(true);
            owner.fill(1, at, at + 2 ** order);
            held.push({ at, order });
            out += 2 ** order;
            if (picks.length > 0 && index % 3 === 0) giveBack(picks[index % picks.length] % held.length);
            expect(source.freePages).toBe(total - out);
          }
          while (held.length > 0) giveBack(0);
          expect(source.freePages).toBe(total);
          // Coalesced as far as it goes: no more chunks than at the start, whatever lists they are in now.
          const chunks = (counts: Record<string, Record<string, readonly number[]>>) =>
            Array.from({ length: 11 }, (_, order) =>
              Object.values(counts)
                .flatMap((zone) => Object.values(zone))
                .reduce((sum, list) => sum + list[order], 0),
            );
          expect(chunks(countsOf(source, memory))).toEqual(chunks(givenCounts(memory)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('claims every free page there is, one by one, and then has none', () => {
    const memory = fragmented(64 * MIB, 1, 3);
    const source = sourceOf(memory);
    const seen = new Set<number>();
    for (let at = source.claim(0, 'Unmovable'); at !== -1; at = source.claim(0, 'Unmovable')) seen.add(at);
    expect(seen.size).toBe(freePagesOf(memory));
    expect(source.freePages).toBe(0);
    expect(source.claim(0, 'Movable')).toBe(-1);
  });

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

  it('refuses what is free already, and what is no RAM', () => {
    const source = sourceOf(freshBoot(64 * MIB));
    const at = source.claim(3, 'Unmovable') as Pfn;
    source.giveBack(at, 3);
    expect(() => source.giveBack(at, 3)).toThrow(InvariantError);
    expect(() => source.giveBack(at, 0)).toThrow(`page ${at} is given back, but it is free already`);
    expect(() => source.giveBack(pfn(at + 7), 0)).toThrow(InvariantError);
    expect(() => source.giveBack(pfn(2 ** 27), 0)).toThrow('it is no RAM');
    expect(() => sourceOf(freshBoot(5 * GIB)).giveBack(pfn(2 ** 20 - 512), 0)).toThrow('it is no RAM');
  });
});

describe('stealing from other migratetypes', () => {
  it('takes a whole pageblock over: what is left of it serves the thief', () => {
    const source = sourceOf(oneZone({ Movable: { 9: 1 } }));
    const at = source.claim(0, 'Unmovable') as Pfn;
    expect(source.freeChunks('Normal', 'Movable')).toEqual(new Array(11).fill(0));
    expect(source.freeChunks('Normal', 'Unmovable')).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    source.giveBack(at, 0);
    expect(source.freeChunks('Normal', 'Unmovable')[9]).toBe(1);
  });

  it('breaks up the largest chunk, so that the next need not be', () => {
    const source = sourceOf(oneZone({ Movable: { 2: 5, 10: 1 } }));
    source.claim(0, 'Unmovable');
    expect(source.freeChunks('Normal', 'Movable')).toEqual([0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('prefers reclaimable to movable for unmovable requests', () => {
    const source = sourceOf(oneZone({ Movable: { 9: 1 }, Reclaimable: { 9: 1 } }));
    source.claim(9, 'Unmovable');
    expect(source.freeChunks('Normal', 'Movable')[9]).toBe(1);
    expect(source.freeChunks('Normal', 'Reclaimable')[9]).toBe(0);
  });

  it('leaves a pageblock with its type while less than half of it is free', () => {
    const source = sourceOf(oneZone({ Reclaimable: { 5: 1 } }));
    const at = source.claim(5, 'Unmovable') as Pfn;
    source.giveBack(at, 5);
    expect(source.freeChunks('Normal', 'Reclaimable')[5]).toBe(1);
  });

  it('for movable requests breaks up the smallest chunk when the pageblock would not come along', () => {
    const source = sourceOf(oneZone({ Unmovable: { 1: 1, 3: 1 } }));
    source.claim(0, 'Movable');
    expect(source.freeChunks('Normal', 'Unmovable').slice(0, 4)).toEqual([0, 0, 0, 1]);
  });

  it('never touches CMA or reserved pageblocks', () => {
    const source = sourceOf(oneZone({ CMA: { 9: 1 }, HighAtomic: { 9: 1 } }));
    expect(source.claim(0, 'Unmovable')).toBe(-1);
  });
});

/** 16 MiB in zone Normal with these free chunks, by migratetype and order; the rest of its pageblocks in use. */
function oneZone(free: Partial<Record<Migratetype, Record<number, number>>>): MemoryState {
  const types = Object.keys(free) as Migratetype[];
  const zone: ZoneState = {
    name: 'Normal',
    ram: [[2 ** 20, 4096]],
    free: perType((type) => Array.from({ length: 11 }, (_, order) => free[type]?.[order] ?? 0)),
    lowWatermark: 0,
    pageblocks: perType((type) =>
      type === types[0] ? 8 - 3 * (types.length - 1) : types.includes(type) ? 3 : 0,
    ),
  };
  return { name: 'one zone', zones: [zone], directMap: [] };
}

describe('a memory state that contradicts itself', () => {
  it('has the chunks that fit nowhere reported as dropped', () => {
    const source = sourceOf(oneZone({ Movable: { 10: 5 } }));
    expect(source.dropped).toBe(1);
    expect(source.freePages).toBe(4096);
  });

  it('has the chunks in pageblocks of another migratetype reported as misplaced', () => {
    const memory = oneZone({ Unmovable: { 0: 10 } });
    const zones = memory.zones.map((zone) => ({
      ...zone,
      pageblocks: { ...zone.pageblocks, Unmovable: 0, Movable: 8 },
    }));
    expect(sourceOf({ ...memory, zones }).misplaced).toBe(10);
  });
});

describe('a fresh boot', () => {
  it.each([64, 98, 1024, 3072, 3074, 4096])('of %i MiB is reproduced to the chunk', (size) => {
    const memory = freshBoot(size * MIB);
    const source = sourceOf(memory);
    expect([source.dropped, source.misplaced]).toEqual([0, 0]);
    expect(countsOf(source, memory)).toEqual(givenCounts(memory));
    const ram = memory.zones.flatMap((zone) => zone.ram).reduce((sum, [, pages]) => sum + pages, 0);
    expect(ram * 4096).toBe(size * MIB);
    expect(memory.directMap.reduce((sum, [, pages]) => sum + pages, 0)).toBe(ram);
  });

  it('of 64 GiB works, and is nearly all free', () => {
    const memory = freshBoot(64 * GIB);
    const source = sourceOf(memory);
    expect(source.dropped).toBe(0);
    expect(source.freePages / (64 * GIB) / (1 / 4096)).toBeGreaterThan(0.98);
    expect(source.claim(10, 'Unmovable')).toBeGreaterThan(2 ** 20);
  });

  it('of the largest size still has a geometry', () => {
    expect(x86Geometry(spanOf(freshBoot(1023 * GIB))).spanPages).toBe(2 ** 28);
  });

  it('leaves the hole for devices below 4 GiB, and tells its size', () => {
    const memory = freshBoot(4 * GIB);
    expect(memory.name).toBe('fresh boot 4 GiB');
    expect(memory.zones.map(({ name, ram }) => [name, ram])).toEqual([
      ['DMA', [[0, 4096]]],
      ['DMA32', [[4096, 3 * 2 ** 18 - 4096]]],
      ['Normal', [[2 ** 20, 2 ** 18]]],
    ]);
    expect(memory.directMap).toEqual([
      [0, 512, 1],
      [512, 2 ** 18 - 512, 2],
      [2 ** 18, 2 ** 18, 3],
      [2 ** 19, 2 ** 18, 3],
      [2 ** 20, 2 ** 18, 3],
    ]);
  });

  it.each([0, 62 * MIB, 64 * MIB + 4096, 1024 * GIB, 64.5, Number.NaN])(
    'is refused for %d bytes',
    (bytes) => {
      expect(() => freshBoot(bytes)).toThrow(InputError);
      expect(() => freshBoot(bytes)).toThrow('must be from 64 MiB to 1023 GiB, a multiple of 2 MiB');
    },
  );
});

describe('fragmented memory', () => {
  it.each([0, 0.25, 0.5, 1])('with a fraction of %d loses no chunk', (fraction) => {
    for (const seed of [1, 2]) {
      const memory = fragmented(256 * MIB, fraction, seed);
      const source = sourceOf(memory, seed);
      expect(source.dropped).toBe(0);
      expect(countsOf(source, memory)).toEqual(givenCounts(memory));
    }
  });

  it('has fewer whole chunks the larger the fraction, and others with another seed', () => {
    const whole = (fraction: number) =>
      fragmented(256 * MIB, fraction, 1).zones.reduce((sum, zone) => sum + zone.free.Movable[10], 0);
    expect(whole(0)).toBeGreaterThan(whole(0.5));
    expect(whole(0.5)).toBeGreaterThan(whole(1));
    expect(fragmented(256 * MIB, 0.5, 1)).toEqual(fragmented(256 * MIB, 0.5, 1));
    expect(fragmented(256 * MIB, 0.5, 1).zones).not.toEqual(fragmented(256 * MIB, 0.5, 2).zones);
  });

  it.each([-0.1, 1.1, Number.NaN])('is refused for a fraction of %d', (fraction) => {
    expect(() => fragmented(256 * MIB, fraction, 1)).toThrow(InputError);
  });
});

describe('the direct map over RAM', () => {
  it('uses large pages only where RAM fills them', () => {
    expect(directMapOf([[2 ** 20 + 100, 2 ** 19]])).toEqual([
      [2 ** 20 + 100, 412, 1],
      [2 ** 20 + 512, 2 ** 18 - 512, 2],
      [2 ** 20 + 2 ** 18, 2 ** 18, 3],
      [2 ** 20 + 2 ** 19, 100, 1],
    ]);
    expect(
      directMapOf([
        [1, 158],
        [256, 100],
        [600, 40],
        [1024, 513],
      ]),
    ).toEqual([
      [1, 158, 1],
      [256, 100, 1],
      [600, 40, 1],
      [1024, 512, 2],
      [1536, 1, 1],
    ]);
  });
});

it('shuffling keeps every item, and depends on the seed alone', () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const shuffled = (seed: number) => shuffle([...items], randomFrom(seed));
  expect(shuffled(1)).toEqual(shuffled(1));
  expect(shuffled(1)).not.toEqual(shuffled(2));
  expect([...shuffled(1)].sort((a, b) => a - b)).toEqual(items);
});
