import { GFP, GFP_KERNEL, InputError, nanoseconds } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { aged } from '../page-source/aged.ts';
import { directMapOf, freshBoot } from '../page-source/profiles.ts';
import { oneZone } from '../page-source/testing.ts';
import {
  conversionsIn,
  eventsOf,
  KIB,
  lastRefusal,
  MIB,
  SOME_POLICIES,
  type Watched,
  watched,
} from '../testing.ts';

const owner = 'vda';
const POLICY = 'first-fit+block+immediate';
const DELAY = 1000;
const withBuffers = (
  bytes = 2 * MIB,
  dynamic = false,
  policy = POLICY,
  memory = freshBoot(64 * MIB),
): Watched => watched(policy, { memory, swiotlb: { bytes, dynamic }, workerDelay: DELAY });

describe('the boot pool of a confidential guest', () => {
  it('is shared in one call before the first request, as segments of 128 slots of 2 KiB', () => {
    const { pool, events } = withBuffers();
    pool.dma_map(1, { owner, at: 9 });
    expect(eventsOf(events, 'pages-decrypted')).toMatchObject([{ pages: 512, time: 0, request: 0 }]);
    const slabs = eventsOf(events, 'slab-created');
    expect(slabs).toHaveLength(8);
    for (const slab of slabs) {
      expect(slab).toMatchObject({ allocation: 0, pages: 64, unitBytes: 2 * KIB, time: 0, request: 0 });
      expect(pool.view.slab(1)).toMatchObject({ cache: 'swiotlb', units: 128 });
    }
    expect(pool.header.swiotlb).toEqual({ bytes: 2 * MIB, dynamic: false });
  });

  it('splits no large page', () => {
    const { pool } = withBuffers(8 * MIB);
    pool.dma_map(1, { owner });
    expect(pool.counters).toMatchObject({ splits2M: 0, splits1G: 0, mixedBlocks: 0 });
  });

  it('is one range, in memory in use where no free range is long enough, and stands in the header then', () => {
    const used = aged(256 * MIB, 1);
    for (const memory of [used, { ...used, reserved: undefined }].map(({ reserved, ...rest }) =>
      reserved === undefined ? rest : { ...rest, reserved },
    )) {
      const { pool, events } = withBuffers(32 * MIB, false, POLICY, memory);
      pool.dma_map(1, { owner });
      const { pfn, pages } = eventsOf(events, 'pages-decrypted')[0];
      expect([pfn, pages]).toEqual([2 ** 16 - 2 ** 13, 2 ** 13]);
      const [start = 0, length = 0] = pool.header.memory.reserved ?? [];
      expect(start + length).toBe(2 ** 16);
    }
  });

  it('cannot be made where every block is partly free', () => {
    const memory = oneZone({ Unmovable: { 8: 8 } });
    const directMap = directMapOf(memory.zones[0].ram);
    for (const error of [InputError, 'swiotlb boot pool: no 2 MiB block']) {
      const swiotlb = { bytes: 2 * MIB, dynamic: false };
      const { pool } = watched(POLICY, { memory: { ...memory, directMap }, swiotlb });
      expect(() => pool.dma_map(1, { owner })).toThrow(error);
    }
  });

  it('is not there unless it is asked for, and then nothing can be mapped', () => {
    const { pool, events } = watched(POLICY);
    expect(() => pool.dma_map(1, { owner })).toThrow('the pool has no bounce buffers');
    expect(events).toEqual([]);
  });
});

describe('a streaming mapping', () => {
  /** First slot and number of slots of a mapping of so many bytes in an empty pool. */
  const slots = (bytes: number) => {
    const { pool } = withBuffers();
    const result = pool.dma_map(bytes, { owner });
    return result.ok && result.object ? [result.object.unit, result.object.units] : lastRefusal([]);
  };

  it('takes as many slots as its bytes fill', () => {
    expect(slots(1)).toEqual([0, 1]);
    expect(slots(2048)).toEqual([0, 1]);
    expect(slots(2049)).toEqual([0, 2]);
    expect(slots(256 * KIB)).toEqual([0, 128]);
  });

  it('of a page or more begins with a page; a smaller one at any slot, unless the device keeps the offset in the page', () => {
    const { pool } = withBuffers();
    const firstOf = (bytes: number, owner: string) => {
      const result = pool.dma_map(bytes, { owner });
      return result.ok ? result.object?.unit : undefined;
    };
    expect(firstOf(1514, 'virtio-net eth0 map')).toBe(0);
    expect(firstOf(4095, 'virtio-net eth0 map')).toBe(1);
    expect(firstOf(4096, 'virtio-net eth0 map')).toBe(4);
    expect(firstOf(512, 'nvme0 map')).toBe(6);
    expect(firstOf(512, 'nvme0 map')).toBe(8);
    for (const owner of ['netvsc eth0 map', 'storvsc map']) expect(firstOf(512, owner)).toBeOneOf([10, 12]);
    // The next search begins where the last one ended.
    expect(firstOf(1, 'virtio-net eth0 map')).toBe(13);
  });

  it('of more than a segment, 256 KiB, is too large, however much is free', () => {
    const { pool, events } = withBuffers();
    expect(pool.dma_map(256 * KIB + 1, { owner }).ok).toBe(false);
    expect(lastRefusal(events)).toBe('too-large');
  });

  it('lies in one segment: where that has no room it begins the next', () => {
    const { pool } = withBuffers();
    const sizes = [100, 40, 28, 88].map((units) => units * 2 * KIB);
    const objects = sizes.map((bytes) => {
      const result = pool.dma_map(bytes, { owner });
      return result.ok ? result.object : undefined;
    });
    expect(objects).toEqual([
      { slab: 1, unit: 0, units: 100 },
      { slab: 2, unit: 0, units: 40 },
      { slab: 2, unit: 40, units: 28 },
      { slab: 3, unit: 0, units: 88 },
    ]);
  });

  it('begins in the area of its CPU, behind the last map there, even if slots before that are free', () => {
    const { pool } = watched(POLICY, {
      memory: freshBoot(64 * MIB),
      swiotlb: { bytes: 2 * MIB, dynamic: false, areas: 4 },
    });
    const place = (cpu: number) => {
      const result = pool.dma_map(4 * KIB, { owner, cpu });
      if (!result.ok || result.object === undefined) return [];
      pool.free(result.allocation);
      return [result.object.slab, result.object.unit];
    };
    expect([0, 0, 1, 3, 4, 7].map(place)).toEqual([
      [1, 0],
      [1, 2],
      [3, 0],
      [7, 0],
      [1, 4],
      [7, 2],
    ]);
    expect(pool.header.swiotlb).toEqual({ bytes: 2 * MIB, dynamic: false, areas: 4 });
  });

  it('has a number of areas that is a power of two', () => {
    const swiotlb = { bytes: 2 * MIB, dynamic: false, areas: 3 };
    expect(() => watched(POLICY, { swiotlb })).toThrow('a swiotlb pool of 3 areas: must be a power of two');
  });

  it('needs no conversion, and so no sleep; neither does its end', () => {
    const { pool, events } = withBuffers();
    pool.dma_map(1, { owner });
    const before = events.length;
    for (let round = 0; round < 50; round++) {
      const result = pool.dma_map(5000 * (round + 1), { owner, gfp: GFP.GFP_ATOMIC });
      expect(result.ok).toBe(true);
      pool.free(result.allocation, 0, GFP.GFP_ATOMIC);
    }
    pool.complete();
    expect(conversionsIn(events.slice(before))).toEqual([]);
    expect(eventsOf(events, 'object-freed')).toHaveLength(50);
    expect(eventsOf(events, 'slab-destroyed')).toEqual([]);
  });

  it('that finds no run of free slots is refused, and can be made when there is one again', () => {
    const { pool, events } = withBuffers();
    const all = Array.from({ length: 8 }, () => pool.dma_map(256 * KIB, { owner }));
    expect(all.every(({ ok }) => ok)).toBe(true);
    expect(pool.dma_map(1, { owner }).ok).toBe(false);
    expect(lastRefusal(events)).toBe('swiotlb-full');
    pool.complete();
    pool.free(all[5].allocation, 10 * DELAY);
    expect(pool.dma_map(1, { owner }).ok).toBe(true);
    expect(pool.counters.slabs).toBe(8);
  });

  it('lies at the same place under every policy that takes no slots, whatever that does meanwhile', () => {
    const play = (policy: string) => {
      const { pool } = withBuffers(2 * MIB, false, policy);
      return Array.from({ length: 120 }, (_, round) => {
        if (round % 3 === 0 && !policy.startsWith('swiotlb')) pool.vmalloc(1 + round, { owner });
        const result = pool.dma_map(1 + ((round * 7919) % 60_000), { owner });
        if (round % 4 === 1 && result.ok) pool.free(result.allocation);
        const slab = result.ok && result.object ? pool.view.slab(result.object.slab) : undefined;
        return result.ok ? [slab?.cache, result.object?.slab, result.object?.unit] : 'refused';
      });
    };
    const expected = play(POLICY);
    expect(expected).toContain('refused');
    const takingSlots = ['swiotlb:dynamic', 'decpool', 'linux-7.3:slots-first', 'linux-7.3:whole-blocks'];
    for (const policy of SOME_POLICIES.filter((name) => !takingSlots.includes(name))) {
      expect(play(policy)).toEqual(expected);
    }
  });
});

describe('dynamic bounce buffers', () => {
  it('grow by the worker after a mapping was refused, by 4 MiB, and stay', () => {
    const { pool, events } = withBuffers(2 * MIB, true);
    const all = Array.from({ length: 8 }, () => pool.dma_map(256 * KIB, { owner }));
    expect(pool.dma_map(1, { owner, at: 50 }).ok).toBe(false);
    expect(pool.dma_map(1, { owner, at: 50 + DELAY - 1 }).ok).toBe(false);
    const before = events.length;
    expect(pool.dma_map(1, { owner, at: 50 + DELAY }).ok).toBe(true);
    const grown = events.slice(before);
    expect(conversionsIn(grown)).toMatchObject([{ type: 'pages-decrypted', pages: 1024, time: 50 + DELAY }]);
    expect(eventsOf(grown, 'slab-created')).toHaveLength(16);
    for (const { allocation } of all) pool.free(allocation);
    pool.request({ kind: 'background-free', key: 0, time: nanoseconds(100 * DELAY) });
    expect(pool.counters).toMatchObject({ liveSlabs: 24, sharedPages: 1536 });
  });

  const full = (policy: string, atomicPools: boolean) => {
    const made = watched(policy, {
      ...{ memory: freshBoot(64 * MIB), workerDelay: DELAY, atomicPools },
      swiotlb: { bytes: 2 * MIB, dynamic: true },
    });
    for (let count = 0; count < 8; count++) made.pool.dma_map(256 * KIB, { owner });
    return made;
  };

  it.each(['linux-7.3', POLICY])(
    'have a map that finds no slots use the atomic DMA pools under %s',
    (policy) => {
      for (const gfp of [GFP_KERNEL, GFP.GFP_ATOMIC]) {
        const { pool, events } = full(policy, true);
        const before = events.length;
        const map = pool.dma_map(5000, { owner, gfp });
        expect(map.ok && map.extents).toMatchObject([{ pages: 2 }]);
        expect(conversionsIn(events.slice(before))).toEqual([]);
        const free = pool.view.counter('livePages');
        pool.free(map.allocation, 0, GFP.GFP_ATOMIC);
        expect(pool.view.counter('livePages')).toBe(free - 2);
        expect(conversionsIn(events.slice(before))).toEqual([]);
      }
    },
  );

  it('have it use what replaces these pools', () => {
    const { pool, events } = full('first-fit+block+reserve:64:512+immediate', true);
    const before = events.length;
    expect(pool.dma_map(5000, { owner }).ok).toBe(true);
    expect(conversionsIn(events.slice(before))).toEqual([]);
  });

  it('refuse it if these have no room, or are not there', () => {
    for (const [policy, maps] of [
      ['linux-7.3', 3],
      ['swiotlb:dynamic', 1],
    ] as const) {
      const { pool, events } = full(policy, true);
      for (let count = 0; count < maps; count++) pool.dma_map(256 * KIB, { owner });
      expect(lastRefusal(events)).toBe('swiotlb-full');
    }
    const { pool, events } = full('linux-7.3', false);
    pool.dma_map(1, { owner });
    expect(lastRefusal(events)).toBe('swiotlb-full');
  });

  it('are tried once to be made private after a failure, however often a pool would retry', () => {
    for (const retries of [0, 3]) {
      const { pool, events } = watched(POLICY, {
        ...{ swiotlb: { bytes: 2 * MIB, dynamic: true }, workerDelay: DELAY },
        faults: { seed: 1, decrypt: 1, encrypt: 1, converted: 0.5, retries },
      });
      expect(pool.dma_map(1, { owner }).ok).toBe(false);
      pool.complete();
      const tries = eventsOf(events, 'conversion-failed').map(({ direction, pages }) => [direction, pages]);
      expect(tries).toEqual([
        ...[
          ['decrypt', 512],
          ['encrypt', 512],
        ],
        ...[
          ['decrypt', 1024],
          ['encrypt', 1024],
        ],
      ]);
      expect(pool.counters.leakedPages).toBe(512 + 1024);
    }
  });

  it('do not grow for a mapping that is too large for any pool', () => {
    const { pool } = withBuffers(2 * MIB, true);
    pool.dma_map(MIB, { owner });
    pool.complete();
    expect(pool.counters.liveSlabs).toBe(8);
  });
});

describe('outside a confidential VM', () => {
  it('the bounce buffers are there, but nothing is converted', () => {
    const { pool, events } = watched(POLICY, {
      platform: 'none',
      swiotlb: { bytes: 2 * MIB, dynamic: false },
    });
    expect(pool.dma_map(1, { owner }).ok).toBe(true);
    expect(conversionsIn(events)).toEqual([]);
    expect(pool.counters.sharedPages).toBe(0);
  });
});

describe('a boot pool', () => {
  it.each([0, 100, 2 ** 19, 2 ** 20 + 1])('of %i bytes is refused', (bytes) => {
    expect(() => watched('gfp-decrypted', { swiotlb: { bytes, dynamic: false } })).toThrow(
      'must be a multiple of 256 KiB, at least 1 MiB',
    );
  });

  it('serves no device that does not reach it, where it serves every request', () => {
    const { pool, events } = watched('swiotlb', { memory: freshBoot(5 * 1024 * MIB) });
    expect(pool.alloc_pages(0, { owner: 'x' }).ok).toBe(true);
    expect(pool.alloc_pages(0, { owner: 'x', gfp: GFP.__GFP_DMA32 }).ok).toBe(true);
    expect(pool.alloc_pages(0, { owner: 'x', gfp: GFP.__GFP_DMA }).ok).toBe(false);
    expect(lastRefusal(events)).toBe('out-of-memory');
  });
});

describe('a block that a pool shares with bounce buffers that grew', () => {
  // Where the halves and quarters of blocks lie is a guess: with some seeds the pool has one beside the buffers.
  const seeds = Array.from({ length: 24 }, (_, seed) => seed);

  it.each(['immediate', 'hysteresis:0.000001', 'reserve:1:1+immediate'])(
    'loses the pages of the pool, and none of the bounce buffers (%s)',
    (supply) => {
      // The single pages are for page tables, so that they break up none of the chunks.
      const zone = oneZone({ Movable: { 7: 8, 8: 2, 9: 1 }, Unmovable: { 0: 30 } });
      const memory = { ...zone, directMap: directMapOf(zone.zones.flatMap(({ ram }) => ram)) };
      let shared = 0;
      for (const seed of seeds) {
        const { pool } = watched(`first-fit+block+${supply}`, {
          memory,
          seed,
          swiotlb: { bytes: 2 * MIB, dynamic: true },
        });
        const maps = Array.from({ length: 9 }, () => pool.dma_map(256 * KIB, { owner }));
        expect(maps.map(({ ok }) => ok)).toEqual([...new Array(8).fill(true), false]);
        const { allocation } = pool.dma_map(4 * KIB, { owner, at: 1e8 });
        const { slabPages } = pool.counters;
        const all = Array.from({ length: 16 }, () => pool.alloc_pages(7, { owner }));
        const held = new Set(all.flatMap((each) => (each.ok ? [Math.floor(each.extents[0].pfn / 512)] : [])));
        if (held.has(Math.floor((pool.view.slab(pool.view.slabOf(allocation))?.pfn ?? 0) / 512))) shared++;
        for (const { ok, allocation: own } of all) if (ok) pool.free(own, 2e8);
        pool.dma_map(KIB, { owner, at: 1e9 });
        expect(pool.counters.slabPages).toBe(slabPages);
        expect(pool.counters.sharedPages).toBeGreaterThanOrEqual(slabPages);
      }
      expect(shared).toBeGreaterThan(0);
    },
  );
});
