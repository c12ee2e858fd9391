import { readFileSync } from 'node:fs';
import { type MemoryState, spanOf, x86Geometry } from '@decpool/model';
import { MIGRATETYPES, type PageRun, type ZoneState } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { guessPlacement } from './placement-guess.ts';
import { countsOf, freePagesOf, givenCounts, oneZone, perType, sourceOf } from './testing.ts';

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
