import { InputError, type MemoryState, spanOf, x86Geometry } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { aged } from './aged.ts';
import { directMapOf, fragmented, freshBoot, withReservation } from './profiles.ts';
import { countsOf, GIB, givenCounts, MIB, sourceOf } from './testing.ts';

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
    expect(memory.name).toBe('fresh boot 4 GiB (made up)');
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

  const heldOf = (memory: MemoryState) =>
    memory.zones.map(({ pageblocks, free }) => [
      pageblocks.Unmovable,
      pageblocks.Movable,
      free.Movable[9],
      free.Movable[10],
    ]);

  it('holds 64 MiB on node 0, and 64 bytes for each page on its node, in the highest zone; a block of zone DMA', () => {
    // 64 MiB for 2^20 pages: 64 blocks in all.
    expect(heldOf(freshBoot(4 * GIB))).toEqual([
      [1, 7, 1, 3],
      [0, 1528, 0, 764],
      [64, 448, 0, 224],
    ]);
    // 32 blocks for the pages of node 1.
    expect(heldOf(freshBoot(8 * GIB, 2))[3]).toEqual([32, 2016, 0, 1008]);
  });

  it('holds no more than half of a zone, and the rest in the next one below', () => {
    // 65 MiB are 33 blocks.
    expect(heldOf(freshBoot(64 * MIB))).toEqual([
      [1, 7, 1, 3],
      [12, 12, 0, 6],
    ]);
    // 112.6 MiB are 57 blocks, and there are 21 above 4 GiB.
    expect(heldOf(freshBoot(3 * GIB + 42 * MIB)).slice(1)).toEqual([
      [47, 1481, 1, 740],
      [10, 11, 1, 5],
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

describe('the boot reservation of made-up memory', () => {
  const reserved = (size: number, nodes = 1) => {
    const memory = withReservation(freshBoot(size * MIB, nodes));
    const free = memory.zones.map((zone) => 2 * zone.free.Movable[10] + zone.free.Movable[9]);
    return { first: memory.reserved[0] / 512, blocks: memory.reserved[1] / 512, free };
  };

  it('is what any platform has, at the end of zone DMA32; what is left free begins below a chunk of the highest order', () => {
    expect(reserved(4096)).toEqual({ first: 1536 - 128, blocks: 128, free: [7, 1528 - 128, 448] });
    // 21 blocks are free: half of the 32 blocks is wanted, and 17 reach down to a pair.
    expect(reserved(98)).toEqual({ first: 32, blocks: 17, free: [7, 4] });
  });

  it('is halved until it leaves a free block in its zone', () => {
    expect(reserved(64)).toEqual({ first: 24, blocks: 8, free: [7, 4] });
    // 16 blocks are free.
    expect(reserved(80)).toEqual({ first: 32, blocks: 8, free: [7, 8] });
  });

  it('is on the highest node with room for it', () => {
    expect(reserved(1024, 2)).toEqual({ first: 480, blocks: 32, free: [7, 212, 252 - 32] });
  });
});

describe('fragmented memory', () => {
  it('is the same in every version: a name of memory has nothing but its seed', () => {
    const [, dma32] = fragmented(128 * MIB, 0.3, 1).zones;
    expect(dma32.free).toMatchObject({
      Unmovable: [499, 252, 58, 5, 0, 0, 0, 0, 0, 0, 0],
      Movable: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4],
    });
    expect(dma32.pageblocks).toMatchObject({ Unmovable: 32, Movable: 24, Reclaimable: 0 });
  });

  it('with a fraction of 0 is as it was, and with 1 has no chunk of the highest order left above zone DMA', () => {
    const fresh = withReservation(freshBoot(GIB));
    expect(fragmented(GIB, 0, 1).zones).toEqual(fresh.zones);
    const all = fragmented(GIB, 1, 1).zones;
    expect(all[0]).toEqual(fresh.zones[0]);
    const blocks = 2 * fresh.zones[1].free.Movable[10];
    expect(all[1].free.Movable).toEqual(fresh.zones[1].free.Movable.with(10, 0));
    expect(all[1].pageblocks).toEqual({
      ...fresh.zones[1].pageblocks,
      Unmovable: fresh.zones[1].pageblocks.Unmovable + blocks,
      Movable: fresh.zones[1].pageblocks.Movable - blocks,
    });
  });

  it('has the chunks that come about if 60 % of the pages of each pageblock are free at random', () => {
    const [, { free, pageblocks }] = fragmented(2 * GIB, 1, 1).zones;
    const [, before] = freshBoot(2 * GIB).zones;
    const blocks = pageblocks.Unmovable - before.pageblocks.Unmovable;
    // Of two halves just one is free as a whole.
    for (let order = 0; order < 4; order++) {
      const isFree = 0.6 ** (2 ** order);
      const expected = 2 * isFree * (1 - isFree) * (256 / 2 ** order) * blocks;
      expect(Math.abs(free.Unmovable[order] / expected - 1)).toBeLessThan(order < 3 ? 0.02 : 0.1);
    }
    expect(free.Unmovable.slice(6)).toEqual([0, 0, 0, 0, 0]);
  });

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

describe('memory in NUMA nodes', () => {
  it('is split evenly, low memory going to node 0', () => {
    expect(freshBoot(8 * GIB, 2).zones.map(({ name, node = 0, ram }) => [name, node, ram])).toEqual([
      ['DMA', 0, [[0, 4096]]],
      ['DMA32', 0, [[4096, 3 * 2 ** 18 - 4096]]],
      ['Normal', 0, [[2 ** 20, 2 ** 18]]],
      ['Normal', 1, [[2 ** 20 + 2 ** 18, 2 ** 20]]],
    ]);
  });

  it('gives a node what lies below 4 GiB as its own DMA32 zone', () => {
    expect(freshBoot(4 * GIB, 2).zones.map(({ name, node = 0 }) => `${name} ${node}`)).toEqual([
      'DMA 0',
      'DMA32 0',
      'DMA32 1',
      'Normal 1',
    ]);
  });

  it('is the same memory, whatever the number of nodes', () => {
    for (const nodes of [1, 2, 3, 5]) {
      const memory = freshBoot(1026 * MIB, nodes);
      const ram = memory.zones.flatMap((zone) => zone.ram);
      expect(ram.reduce((sum, [, pages]) => sum + pages, 0) * 4096).toBe(1026 * MIB);
      expect(
        ram.every(([start], index) => index === 0 || start === ram[index - 1][0] + ram[index - 1][1]),
      ).toBe(true);
      expect(memory.directMap).toEqual(freshBoot(1026 * MIB).directMap);
    }
  });

  it.each([
    ['fresh boot', (nodes: number) => freshBoot(1026 * MIB, nodes)],
    ['fragmented', (nodes: number) => fragmented(1026 * MIB, 0.7, 2, nodes)],
    ['aged', (nodes: number) => aged(1026 * MIB, 2, nodes)],
  ])('loses no chunk: %s', (name, state) => {
    for (const nodes of [2, 3, 16]) {
      const memory = state(nodes);
      const source = sourceOf(memory, nodes);
      expect([source.dropped, source.misplaced]).toEqual([0, 0]);
      expect(countsOf(source, memory)).toEqual(givenCounts(memory));
      expect(memory.name).toContain(name);
      expect(memory.name).toContain(`, ${nodes} nodes`);
    }
  });

  it.each([0, -1, 1.5, 64, Number.NaN])('is refused for %d nodes', (nodes) => {
    expect(() => freshBoot(8 * GIB, nodes)).toThrow(InputError);
    expect(() => freshBoot(8 * GIB, nodes)).toThrow('must be a whole number from 1 to 63');
  });

  it('is refused for nodes of less than 64 MiB', () => {
    expect(() => freshBoot(128 * MIB, 2)).not.toThrow();
    expect(() => freshBoot(126 * MIB, 2)).toThrow(InputError);
  });
});
