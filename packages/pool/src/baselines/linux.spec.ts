import { allocationId, GFP, type PlatformName } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { FaultInjector } from '../faults.ts';
import { directMapOf, fragmented, freshBoot } from '../page-source/profiles.ts';
import { oneZone } from '../page-source/testing.ts';
import type { Pool } from '../pool.ts';
import {
  atomic,
  booted,
  expectServed,
  growthOf,
  lastFailure,
  MIB,
  soundness,
  steps,
  watched,
} from './testing.ts';

const BOTH = ['linux-6.12', 'linux-7.3'];
const CANNOT: PlatformName[] = ['tdx', 'cca', 'cca-bbml3', 'pkvm'];
const NETVSC = { owner: 'netvsc eth0 send_buf' };
const OTHER = { owner: 'somebody else' };

describe('netvsc that keeps the buffers of a NIC', () => {
  const policy = 'linux-7.3:kept-buffers';

  it('has them again without a conversion', () => {
    const { pool, events } = booted(policy);
    pool.free(expectServed(pool.vmalloc(255, NETVSC)).allocation);
    const { conversions } = pool.counters;
    expect(conversions).toBeGreaterThan(0);
    events.length = 0;
    expectServed(pool.vmalloc(255, NETVSC));
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['allocation-requested', 'pages-allocated', 'vm-area-mapped']),
    );
    expect(pool.counters.conversions).toBe(conversions);
    expect(soundness(pool)).toEqual([]);
  });

  it('frees them before it takes some of another size', () => {
    const { pool } = booted(policy);
    const before = pool.counters.sharedPages;
    pool.free(expectServed(pool.vmalloc(255, NETVSC)).allocation);
    pool.free(expectServed(pool.vmalloc(100, NETVSC)).allocation);
    expect(pool.counters.sharedPages).toBe(before + 100);
    expect(soundness(pool)).toEqual([]);
  });

  it('keeps nothing else', () => {
    const { pool } = booted(policy);
    const before = pool.counters.sharedPages;
    pool.free(expectServed(pool.alloc_pages(8, { owner: 'netvsc eth0 ring' })).allocation);
    pool.free(expectServed(pool.vmalloc(10, OTHER)).allocation);
    expect(pool.counters.sharedPages).toBe(before);
  });
});

describe('whole blocks without a pool', () => {
  const policy = 'linux-7.3:whole-blocks';

  it('take a block for a ring above 256 KiB, convert all of it, and split nothing', () => {
    const { pool, events } = booted(policy);
    const { splits2M } = pool.counters;
    const ring = expectServed(pool.alloc_pages(8, { owner: 'netvsc eth0 ring' }));
    pool.free(ring.allocation);
    expect(steps(events)).toEqual([
      'pages-claimed 512',
      'pages-decrypted 512',
      'pages-allocated 256',
      'pages-freed 256',
      'pages-encrypted 512',
      'pages-returned 512',
    ]);
    expect(pool.counters.splits2M).toBe(splits2M);
    expect(soundness(pool)).toEqual([]);
  });

  it('leave what is not larger to the slots of the boot pool, or to pages', () => {
    const { pool, events } = booted(policy);
    expectServed(pool.alloc_pages(6, OTHER));
    expect(steps(events)).toEqual(['pages-claimed 64', 'pages-decrypted 64', 'pages-allocated 64']);
  });

  it('give the end of a buffer a block of its own, keep it, and give back what they kept as a whole', () => {
    const { pool, events } = booted(policy);
    const pages = 1024 + 100;
    pool.free(expectServed(pool.vmalloc(pages, NETVSC)).allocation);
    expect(pool.counters.sharedPages).toBe(3 * 512);
    const { conversions } = pool.counters;
    pool.free(expectServed(pool.vmalloc(pages, NETVSC)).allocation);
    expect(pool.counters.conversions).toBe(conversions);
    events.length = 0;
    const other = expectServed(pool.vmalloc(512, NETVSC));
    expect(steps(events).filter((step) => /encrypted|returned/.test(step))).toEqual([
      'pages-encrypted 1024',
      'pages-returned 1024',
      'pages-encrypted 512',
      'pages-returned 512',
    ]);
    pool.free(other.allocation);
    expect(pool.counters.sharedPages).toBe(512);
    expect(soundness(pool)).toEqual([]);
  });

  it('take pages as before where no block is free as a whole', () => {
    const state = oneZone({ Unmovable: { 0: 4, 8: 4 } });
    const memory = { ...state, directMap: directMapOf(state.zones[0].ram) };
    const { pool, events } = booted(policy, { memory });
    const ring = expectServed(pool.alloc_pages(8, { owner: 'netvsc eth0 ring' }));
    expect(steps(events)).toEqual(['pages-claimed 256', 'pages-decrypted 256', 'pages-allocated 256']);
    pool.free(ring.allocation);
    expect(pool.counters.sharedPages).toBe(0);
  });
});

describe.each(BOTH)('%s', (policy) => {
  it('converts a ring of the page allocator by itself, and makes it private again when it is freed', () => {
    const { pool, events } = booted(policy);
    const ring = expectServed(pool.alloc_pages(8, { owner: 'netvsc eth0 ring' }));
    pool.free(ring.allocation);
    expect(steps(events)).toEqual([
      'pages-claimed 256',
      'pages-decrypted 256',
      'pages-allocated 256',
      'pages-freed 256',
      'pages-encrypted 256',
      'pages-returned 256',
    ]);
  });

  it('gives what an exact count leaves of its power of two back before it converts the rest', () => {
    const { pool, events } = booted(policy);
    const queue = expectServed(pool.alloc_pages_exact(5, OTHER));
    pool.free(queue.allocation);
    expect(steps(events)).toEqual([
      'pages-claimed 8',
      'pages-returned 1',
      'pages-returned 2',
      'pages-decrypted 5',
      'pages-allocated 5',
      'pages-freed 5',
      'pages-encrypted 5',
      'pages-returned 4',
      'pages-returned 1',
    ]);
  });

  it('converts the pages that a coherent buffer fills, and ties the rest of its power of two up', () => {
    const { pool, events } = booted(policy);
    const ring = expectServed(pool.dma_alloc_coherent(13_382 + 4096, { owner: 'virtio0 queue' }));
    expect(pool.counters.claimedPages - pool.counters.sharedPages).toBe(3);
    pool.free(ring.allocation);
    expect(steps(events)).toEqual([
      'pages-claimed 8',
      'pages-decrypted 5',
      'pages-allocated 5',
      'pages-freed 5',
      'pages-encrypted 5',
      'pages-returned 8',
    ]);
  });

  it('takes a whole page for a coherent buffer of some bytes, and whole pages for kmalloc', () => {
    const { pool, events } = booted(policy);
    pool.dma_alloc_coherent(8, { owner: 'virtio0 queue' });
    pool.kmalloc(64, { owner: 'hyperv cpu0 hypercall in/out' });
    pool.kmalloc(3 * 4096, OTHER);
    expect(steps(events).filter((step) => step.startsWith('pages-decrypted'))).toEqual([
      'pages-decrypted 1',
      'pages-decrypted 1',
      'pages-decrypted 4',
    ]);
  });

  it('packs interrupt translation tables in units of 256 bytes into pages that it never gives back', () => {
    const { pool } = booted(policy, { platform: 'cca' });
    const before = pool.counters.claimedPages;
    const tables = Array.from({ length: 17 }, (_, index) =>
      expectServed(pool.kmalloc(256, { owner: `its PCI function ${index} ITT`, align: 256 })),
    );
    expect(tables.map(({ object }) => object)).toEqual([
      ...Array.from({ length: 16 }, (_, unit) => ({ slab: 1, unit, units: 1 })),
      { slab: 2, unit: 0, units: 1 },
    ]);
    for (const { allocation } of tables) pool.free(allocation);
    expect(pool.counters).toMatchObject({ claimedPages: before + 2, liveSlabs: 2, liveObjects: 0 });
    expect(pool.view.slab(1)?.cache).toBe('its-itt-pool');
  });

  it('gives an interrupt translation table of a page or more pages of its own', () => {
    const { pool } = booted(policy, { platform: 'cca' });
    const table = expectServed(pool.kmalloc(4096, { owner: 'its PCI function 0 ITT', align: 256 }));
    expect(table.object).toBeUndefined();
    expect(table.extents).toHaveLength(1);
  });

  it('refuses what no chunk can hold as too large', () => {
    const { pool, events } = booted(policy);
    pool.alloc_pages_exact(1025, OTHER);
    expect(lastFailure(events)).toBe('too-large');
  });

  it('refuses what memory is short of, and gives back what it has got', () => {
    const { pool, events } = booted(policy, { memory: freshBoot(64 * MIB) });
    const before = pool.counters.claimedPages;
    for (const owner of [NETVSC, OTHER]) {
      pool.vmalloc(16_000, owner);
      expect(lastFailure(events)).toBe('out-of-memory');
      expect(pool.counters).toMatchObject({ claimedPages: before, livePages: 0, sharedPages: before });
    }
  });

  it('converts an area with one call on its vmalloc address, both ways', () => {
    const { pool, events } = booted(policy);
    const area = expectServed(pool.vmalloc(300, OTHER));
    const way = growthOf(pool, () => pool.free(area.allocation));
    expect(way).toMatchObject({ conversions: 1, convertedPages: 300, mappingChanges: 300, fullFlushes: 2 });
    expect(events.some(({ type }) => type === 'pages-decrypted' || type === 'pages-encrypted')).toBe(false);
    expect(pool.counters.claimedPages).toBe(pool.counters.sharedPages);
  });

  it('frees the pages of an area one by one, however they came', () => {
    const { pool, events } = booted(policy);
    pool.free(expectServed(pool.vmalloc(20, OTHER)).allocation);
    expect(steps(events).filter((step) => step.startsWith('pages-returned'))).toEqual(
      Array.from({ length: 20 }, () => 'pages-returned 1'),
    );
  });

  it('maps pages that follow one another as one run, whichever chunk they came from', () => {
    const { pool, events } = booted(policy, { memory: fragmented(128 * MIB, 1, 3) });
    const { extents } = expectServed(pool.vmalloc(600, OTHER));
    expect(extents.length).toBeGreaterThan(1);
    for (const [index, { pfn, pages }] of extents.entries()) {
      expect(extents[index + 1]?.pfn).not.toBe(pfn + pages);
    }
    const runs = events.flatMap((event) => (event.type === 'vm-area-decrypted' ? [event] : []));
    expect(runs.map(({ pfn, pages }) => ({ pfn, pages }))).toEqual(extents);
    // One of the area, and two of the page that booted() shares and frees.
    expect(pool.counters.conversions).toBe(3);
  });

  it.each(CANNOT)('refuses an area on %s, which converts nothing by its vmalloc address', (platform) => {
    const { pool, events } = booted(policy, { platform });
    pool.vmalloc(300, OTHER);
    expect(lastFailure(events)).toBe('unsupported');
    expect(steps(events)).toEqual([]);
  });

  it.each([4, 16] as const)('refuses an area where the host’s granule is %i pages', (granulePages) => {
    const { pool, events } = booted(policy, { granulePages });
    pool.vmalloc(300, OTHER);
    expect(lastFailure(events)).toBe('unsupported');
  });

  it.each([4, 16] as const)('rounds what it converts up to granules of %i pages', (granulePages) => {
    const { pool, events } = booted(policy, { granulePages });
    pool.dma_alloc_coherent(100, OTHER);
    pool.alloc_pages(0, OTHER);
    pool.alloc_pages_exact(granulePages + 1, OTHER);
    pool.kmalloc(256, { owner: 'its PCI function 0 ITT', align: 256 });
    expect(steps(events).filter((step) => step.startsWith('pages-decrypted'))).toEqual([
      `pages-decrypted ${granulePages}`,
      `pages-decrypted ${granulePages}`,
      `pages-decrypted ${2 * granulePages}`,
      `pages-decrypted ${granulePages}`,
    ]);
  });

  it('outside a confidential VM serves everything, converts nothing and holds nothing ready', () => {
    const { pool } = watched(policy, { platform: 'none' });
    const all = [
      pool.vmalloc(300, NETVSC),
      pool.vmalloc(300, OTHER),
      pool.dma_alloc_coherent(100, atomic('virtio0 queue')),
      pool.alloc_pages(3, atomic('its LPI property table')),
    ];
    expect(all.every(({ ok }) => ok)).toBe(true);
    for (const { allocation } of all) pool.free(allocation);
    expect(pool.counters).toMatchObject({ conversions: 0, hostCalls: 0, splits2M: 0, claimedPages: 0 });
  });
});

describe.each(BOTH)('%s on pkvm, where drivers do not convert their coherent buffers', (policy) => {
  const swiotlb = { bytes: 64 * MIB, dynamic: false };
  const onPkvm = () => booted(policy, { platform: 'pkvm', atomicPools: true, swiotlb });

  it('serves them from a restricted DMA pool, also callers that may not sleep, and calls no host', () => {
    const { pool } = onPkvm();
    const cost = growthOf(pool, () => {
      const ring = expectServed(pool.dma_alloc_coherent(13_000, { owner: 'virtio0 queue' }));
      expect(ring.object).toEqual({ slab: 1, unit: 0, units: 8 });
      const next = expectServed(pool.dma_alloc_coherent(100, atomic('virtio1 queue')));
      expect(next.object).toEqual({ slab: 1, unit: 8, units: 2 });
      expectServed(pool.kmalloc(100, atomic('nvme0 descriptor')));
    });
    expect(cost).toMatchObject({ conversions: 0, hostCalls: 0, claimedPages: 0, sharedPages: 0 });
  });

  it('refuses what is larger than a segment of 256 KiB, and what finds no slots', () => {
    const { pool, events } = onPkvm();
    pool.dma_alloc_coherent(256 * 1024 + 1, OTHER);
    expect(lastFailure(events)).toBe('too-large');
    for (let count = 0; count < 256; count++) expectServed(pool.dma_alloc_coherent(256 * 1024, OTHER));
    pool.dma_alloc_coherent(1, OTHER);
    expect(lastFailure(events)).toBe('swiotlb-full');
  });

  it('refuses them in a guest that has no such pool', () => {
    const { pool, events } = booted(policy, { platform: 'pkvm', atomicPools: true });
    pool.dma_alloc_coherent(100, OTHER);
    expect(lastFailure(events)).toBe('swiotlb-full');
  });

  it('still converts what a driver shares by itself: the tables of the interrupt controller', () => {
    const { pool } = booted(policy, { platform: 'pkvm' });
    const cost = growthOf(pool, () => {
      expectServed(pool.alloc_pages(4, { owner: 'its cpu0 pending table' }));
      expectServed(pool.kmalloc(256, { owner: 'its PCI function 0 ITT', align: 256 }));
    });
    expect(cost).toMatchObject({ conversions: 2, hostCalls: 17 });
  });
});

describe.each(BOTH)('%s, asked by a caller that may not sleep', (policy) => {
  it('refuses what is no coherent buffer', () => {
    const { pool, events } = booted(policy, { atomicPools: true });
    for (const ask of [
      () => pool.alloc_pages(4, { owner: 'its LPI property table', gfp: GFP.GFP_NOWAIT }),
      () => pool.kmalloc(4096, atomic('hyperv cpu1 hypercall in/out')),
      () => pool.vmalloc(10, atomic('netvsc eth0 recv_buf')),
    ]) {
      ask();
      expect(lastFailure(events.splice(0))).toBe('would-sleep');
    }
  });

  it('leaves the conversion of what is freed there to the worker', () => {
    const { pool, events } = booted(policy);
    const areas = [
      pool.alloc_pages(3, OTHER),
      pool.vmalloc(20, OTHER),
      pool.vmalloc(20, NETVSC),
      pool.alloc_pages_exact(3, OTHER),
    ];
    events.length = 0;
    for (const area of areas) pool.free(expectServed(area).allocation, 100, GFP.GFP_ATOMIC);
    const freed = events.length;
    expect(steps(events).some((step) => /encrypted|returned/.test(step))).toBe(false);
    pool.complete();
    expect(pool.counters.livePages).toBe(0);
    expect(events.slice(freed).every(({ time }) => time > 100)).toBe(true);
    expect(pool.counters).toMatchObject({ claimedPages: 0, sharedPages: 0 });
    expect(soundness(pool)).toEqual([]);
  });
});

describe.each(BOTH)('%s, when conversions fail', (policy) => {
  const asks = (pool: Pool) => [
    () => pool.alloc_pages(3, OTHER),
    () => pool.alloc_pages_exact(5, OTHER),
    () => pool.dma_alloc_coherent(5 * 4096, OTHER),
    () => pool.vmalloc(20, OTHER),
    () => pool.vmalloc(20, NETVSC),
  ];

  it('leaks the pages at once and refuses the request, however often a pool would retry', () => {
    const { pool, events } = watched(policy, {
      faults: { seed: 1, decrypt: 1, encrypt: 0, converted: 0.5, retries: 3 },
    });
    for (const [index, ask] of asks(pool).entries()) {
      expect(ask().ok).toBe(false);
      expect(lastFailure(events)).toBe('conversion-failed');
      expect(pool.counters).toMatchObject({ failedConversions: index + 1, conversions: 0, livePages: 0 });
      expect(pool.counters.claimedPages).toBe(pool.counters.leakedPages);
    }
    expect(pool.counters.leakedPages).toBeGreaterThan(8 + 5 + 5 + 20);
    expect(soundness(pool)).toEqual([]);
  });

  /** Half of the decryptions fail, but not the first two. */
  const halfFail = (seed: number) => ({ seed, decrypt: 0.5, encrypt: 1, converted: 0.5, retries: 0 });
  const begins = (seed: number) => {
    const injector = new FaultInjector(halfFail(seed));
    return [injector.draw('decrypt'), injector.draw('decrypt')];
  };
  let seed = 1;
  while (begins(seed).some((outcome) => outcome !== 'works')) seed++;
  const firstWorks = halfFail(seed);

  it('and nobody knows the pages’ state, leaks those, gives back the rest and refuses the request', () => {
    const { pool, events } = booted(policy, { faults: firstWorks });
    for (const ask of asks(pool)) {
      const leaksBefore = pool.counters.leakedPages;
      while (ask().ok);
      expect(lastFailure(events)).toBe('conversion-failed');
      expect(pool.counters.leakedPages).toBeGreaterThan(leaksBefore);
    }
    const { leakedPages, claimedPages, sharedPages, liveAllocations } = pool.counters;
    const isTailKept = (id: number) => pool.view.allocation(allocationId(id)).api === 'dma_alloc_coherent';
    const live = Array.from({ length: pool.counters.lastAllocation }, (_, index) => index + 1).filter((id) =>
      pool.view.isLive(allocationId(id)),
    );
    expect(live).toHaveLength(liveAllocations);
    expect(claimedPages).toBe(leakedPages + sharedPages + 3 * live.filter(isTailKept).length);
    expect(soundness(pool)).toEqual([]);
  });

  it('on the way back, leaks what was freed, and no page of it is given back or handed out again', () => {
    const { pool, events } = watched(policy, {
      faults: { seed: 1, decrypt: 0, encrypt: 1, converted: 0.5, retries: 0 },
    });
    for (const ask of asks(pool)) pool.free(expectServed(ask()).allocation);
    const leaked = events.flatMap((event) => (event.type === 'pages-leaked' ? [event] : []));
    expect(leaked.reduce((sum, { pages }) => sum + pages, 0)).toBe(pool.counters.leakedPages);
    for (const ask of asks(pool)) expectServed(ask());
    for (const { pfn, pages } of leaked) {
      expect(pool.view.firstWhereNot('leaked', true, pfn, pages)).toBe(-1);
    }
    expect(pool.counters.leakedPages).toBe(8 + 5 + 5 + 20 + 20);
    expect(soundness(pool)).toEqual([]);
  });
});

describe('linux-6.12', () => {
  it('takes the pages of an area one by one', () => {
    const { pool, events } = booted('linux-6.12');
    const cost = growthOf(pool, () => pool.vmalloc(20, NETVSC));
    expect(steps(events).slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 'pages-claimed 1'));
    expect(cost).toMatchObject({ conversions: 1, livePages: 20, sharedPages: 20 });
  });
});

describe('linux-7.3', () => {
  it.each<PlatformName>([...CANNOT, 'snp'])('makes buffers of a network adapter on %s', (platform) => {
    const { pool } = booted('linux-7.3', { platform });
    const { allocation } = expectServed(pool.vmalloc(255, NETVSC));
    const before = pool.counters.claimedPages;
    pool.free(allocation);
    expect(before - pool.counters.claimedPages).toBe(255);
  });

  it('goes one order lower where there is no chunk, and stays there', () => {
    const { pool } = booted('linux-7.3', { memory: freshBoot(64 * MIB) });
    // Leaves single blocks free, and no chunk of order 10.
    const held = [];
    for (;;) {
      const chunk = pool.alloc_pages(9, OTHER);
      if (!chunk.ok) break;
      held.push(chunk);
    }
    for (const chunk of held.filter(({ extents }) => (extents[0].pfn / 512) % 2 === 0))
      pool.free(chunk.allocation);
    const { extents } = expectServed(pool.vmalloc(1536, NETVSC));
    expect(extents.map(({ pages }) => pages)).toEqual([512, 512, 512]);
  });

  it.each([
    [4, [128, 64, 32, 16, 8, 4, 3]],
    [16, [128, 64, 32, 16, 15]],
  ] as const)('makes no chunk smaller than a granule of %i pages', (granulePages, chunks) => {
    const { pool } = booted('linux-7.3', { granulePages });
    const held = pool.counters.claimedPages;
    const { extents, allocation } = expectServed(pool.vmalloc(255, NETVSC));
    expect(extents.map(({ pages }) => pages)).toEqual(chunks);
    expect(pool.counters).toMatchObject({ claimedPages: held + 256, sharedPages: held + 256 });
    pool.free(allocation);
    expect(pool.counters).toMatchObject({ claimedPages: held, sharedPages: held });
  });

  it('takes the pages of any other area in chunks as large as there are, and still splits what they lie in', () => {
    const { pool, events } = booted('linux-7.3');
    const cost = growthOf(pool, () => expectServed(pool.vmalloc(1024 + 24, OTHER)));
    expect(steps(events).filter((step) => step.startsWith('pages-claimed'))).toEqual([
      'pages-claimed 1024',
      'pages-claimed 16',
      'pages-claimed 8',
    ]);
    expect(cost).toMatchObject({ conversions: 1, mappingChanges: 1048 });
    expect(cost.splits2M).toBeGreaterThanOrEqual(2);
  });
});
