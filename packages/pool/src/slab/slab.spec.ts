import { GFP, type PlatformName, platformNamed } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshBoot } from '../page-source/profiles.ts';
import type { AllocationResult } from '../pool.ts';
import { eventsOf, KIB, lastRefusal, MIB, type Watched, watched } from '../testing.ts';
import { cachePrefix, kmallocSize, slabCacheFor, slabOrder } from './slab-cache.ts';

const X86 = 8;
const ARM64 = 128;
const options = { owner: 'x' };

/** The slab that an object lies in. */
function slabOf({ pool }: Watched, result: AllocationResult) {
  const slab = result.ok && result.object !== undefined ? pool.view.slab(result.object.slab) : undefined;
  if (slab === undefined) throw new Error('no object');
  return slab;
}

/** Physical address of an object. */
function addressOf(run: Watched, result: AllocationResult): number {
  const { pfn, unitBytes } = slabOf(run, result);
  return pfn * 4096 + (result.ok && result.object ? result.object.unit * unitBytes : 0);
}

describe('the size classes of kmalloc', () => {
  const sizes = (dmaMinAlign: number) => [
    ...new Set(Array.from({ length: 8192 }, (_, bytes) => kmallocSize(bytes + 1, dmaMinAlign))),
  ];

  it('are powers of two from 8 bytes to 8 KiB, and 96 and 192', () => {
    expect(sizes(X86)).toEqual([8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192]);
  });

  it('lose what an alignment of DMA of 128 bytes rules out: all smaller ones, and 192', () => {
    expect(sizes(ARM64)).toEqual([128, 256, 512, 1024, 2048, 4096, 8192]);
  });

  it('end at 8 KiB: what is larger takes whole pages', () => {
    expect(kmallocSize(8193, X86)).toBeUndefined();
    expect(kmallocSize(8193, ARM64, 256)).toBeUndefined();
  });

  it('honour an alignment that is asked for', () => {
    // The tables of an ITS: 256 bytes at the least, at multiples of 256.
    expect(kmallocSize(100, ARM64, 256)).toBe(256);
    expect(kmallocSize(300, ARM64, 256)).toBe(512);
    expect(kmallocSize(180, X86, 64)).toBe(192);
    expect(kmallocSize(180, X86, 128)).toBe(256);
    expect(kmallocSize(1, X86, 4096)).toBe(4096);
  });

  it('hold what is asked for, at the alignment that is asked for, and waste the least', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8192 }),
        fc.constantFrom(X86, ARM64),
        fc.nat(12).map((order) => 2 ** order),
        (bytes, dmaMinAlign, align) => {
          const size = kmallocSize(bytes, dmaMinAlign, align) ?? 0;
          const isGood = (candidate: number) =>
            candidate >= bytes && candidate % align === 0 && candidate % dmaMinAlign === 0;
          expect(isGood(size)).toBe(true);
          expect(sizes(X86).filter((other) => isGood(Number(other)) && Number(other) < size)).toEqual([]);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a slab', () => {
  it('is of the smallest order that holds enough objects and wastes little', () => {
    const orders = [8, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192].map(slabOrder);
    expect(orders).toEqual([0, 0, 0, 0, 1, 2, 3, 3, 3, 3]);
    const run = watched('first-fit+block+immediate');
    expect([100, 500, 1000].map((bytes) => slabOf(run, run.pool.kmalloc(bytes, options)).pages)).toEqual([
      1, 4, 8,
    ]);
  });

  it('never has more units than a slab can count', () => {
    for (const size of [8, 16, 32, 64, 96])
      expect((4096 * 2 ** slabOrder(size)) / size).toBeLessThanOrEqual(512);
  });
});

describe('the name of a cache', () => {
  const cacheName = (bytes: number, platform: PlatformName = 'snp', gfp = 0) => {
    const run = watched('first-fit+block+immediate', { platform });
    return slabOf(run, run.pool.kmalloc(bytes, { ...options, gfp })).cache;
  };

  it('tells the size, in KiB from 1 KiB on', () => {
    expect(cacheName(90)).toBe('kmalloc-decrypted-96');
    expect(cacheName(90, 'cca')).toBe('kmalloc-decrypted-128');
    expect(cacheName(513)).toBe('kmalloc-decrypted-1k');
    expect(cacheName(8 * KIB)).toBe('kmalloc-decrypted-8k');
  });

  it('puts DMA before DECRYPTED, and DECRYPTED before RECLAIMABLE and ACCOUNT', () => {
    const { __GFP_DMA: dma, __GFP_RECLAIMABLE: reclaimable, __GFP_ACCOUNT: account } = GFP;
    expect(cachePrefix(dma | reclaimable | account)).toBe('dma-kmalloc-decrypted');
    for (const gfp of [0, reclaimable, account, reclaimable | account, GFP.GFP_ATOMIC, GFP.__GFP_DMA32]) {
      expect(cachePrefix(gfp)).toBe('kmalloc-decrypted');
    }
    expect(cacheName(100, 'snp', dma | account)).toBe('dma-kmalloc-decrypted-128');
    expect(cacheName(100, 'snp', reclaimable | account)).toBe('kmalloc-decrypted-128');
  });
});

describe('small objects of a pool', () => {
  it('share a slab until it is full, and then the next is made', () => {
    const run = watched('first-fit+block+immediate');
    const all = Array.from({ length: 33 }, () => run.pool.kmalloc(128, options));
    const slabs = all.map((result) => result.ok && result.object?.slab);
    expect(slabs).toEqual([...Array(32).fill(1), 2]);
    expect(new Set(all.map((result) => addressOf(run, result))).size).toBe(33);
  });

  it('lie in pages of the pool, in the same block as everything else', () => {
    const run = watched('first-fit+block+immediate');
    const page = run.pool.alloc_pages(0, options);
    const { pfn } = slabOf(run, run.pool.kmalloc(64, options));
    expect(page.ok && page.extents[0].pfn).toBe(pfn - 1);
    expect(run.pool.view.is('shared', pfn)).toBe(true);
    expect(run.pool.counters).toMatchObject({ conversions: 1, liveSlabs: 1, slabPages: 1, liveObjects: 1 });
  });

  it('take the place of one that was freed', () => {
    const run = watched('first-fit+page+immediate');
    const [first, second] = [run.pool.kmalloc(500, options), run.pool.kmalloc(500, options)];
    run.pool.free(first.allocation);
    const third = run.pool.kmalloc(400, options);
    expect(third.ok && third.object).toEqual(first.ok && first.object);
    expect(second.ok && run.pool.view.isLive(second.allocation)).toBe(true);
  });

  it('take their slab with them when the last of them goes: its pages go back where they came from', () => {
    const run = watched('first-fit+page+immediate');
    const [first, second] = [run.pool.kmalloc(500, options), run.pool.kmalloc(500, options)];
    const { pfn, pages } = slabOf(run, first);
    run.pool.free(first.allocation);
    expect(eventsOf(run.events, 'slab-destroyed')).toEqual([]);
    run.pool.free(second.allocation);
    expect(eventsOf(run.events, 'slab-destroyed')).toMatchObject([
      { slab: 1, allocation: second.allocation },
    ]);
    expect(eventsOf(run.events, 'pages-encrypted')).toMatchObject([{ pfn, pages }]);
    expect(run.pool.counters).toMatchObject({ liveSlabs: 0, slabPages: 0, claimedPages: 0, sharedPages: 0 });
  });

  it('never share a slab with those of another zone or node', () => {
    const run = watched('first-fit+block+immediate', { memory: freshBoot(128 * MIB, 2) });
    const { __GFP_DMA: dma, __GFP_DMA32: dma32 } = GFP;
    const wanted = [{}, { gfp: dma32 }, { gfp: dma }, { node: 0 }, { node: 1 }, { gfp: dma32, node: 1 }];
    const slabs = wanted.map((where) => {
      const result = run.pool.kmalloc(100, { ...options, ...where });
      return result.ok && result.object?.slab;
    });
    expect(slabs).toEqual([1, 2, 3, 4, 5, 6]);
    for (const [index, where] of wanted.entries()) {
      const again = run.pool.kmalloc(100, { ...options, ...where });
      expect(again.ok && again.object?.slab).toBe(index + 1);
    }
  });

  it('share a slab whoever they belong to, and whether their caller may sleep or not', () => {
    const run = watched('first-fit+block+immediate');
    run.pool.kmalloc(100, { owner: 'x' });
    const other = run.pool.kmalloc(100, { owner: 'y', gfp: GFP.GFP_ATOMIC });
    expect(other.ok && other.object).toMatchObject({ slab: 1, unit: 1 });
  });

  it('of more than 8 KiB are whole pages, contiguous', () => {
    const run = watched('first-fit+block+immediate');
    const result = run.pool.kmalloc(8 * KIB + 1, options);
    expect(result.ok && result.extents).toMatchObject([{ pages: 3 }]);
    expect(result.ok && result.object).toBeUndefined();
  });

  it('are refused when there is no page for a slab', () => {
    const run = watched('first-fit+block+immediate');
    while (run.pool.alloc_pages(9, options).ok);
    expect(run.pool.kmalloc(100, options).ok).toBe(false);
    expect(lastRefusal(run.events)).toBe('out-of-memory');
    expect(run.pool.counters).toMatchObject({ slabs: 0, liveObjects: 0 });
  });
});

describe('a coherent buffer of a pool', () => {
  it('of half a page or less is packed with others, aligned to the next power of two of its size', () => {
    for (const platform of ['snp', 'cca'] as const) {
      const run = watched('first-fit+block+immediate', { platform });
      for (const bytes of [1, 8, 16 * 64 + 4, 90, 130, 512, 1734, 2048]) {
        const result = run.pool.dma_alloc_coherent(bytes, options);
        const align = 2 ** Math.ceil(Math.log2(bytes));
        expect(addressOf(run, result) % align).toBe(0);
        expect(slabOf(run, result).unitBytes % align).toBe(0);
      }
    }
  });

  it('of more than half a page shares its pages with nobody', () => {
    expect(slabCacheFor({ ...request, bytes: 2048 }, platformNamed('snp'))?.unitBytes).toBe(2048);
    expect(slabCacheFor({ ...request, bytes: 2049 }, platformNamed('snp'))).toBeUndefined();
    const { pool } = watched('first-fit+page+immediate');
    const result = pool.dma_alloc_coherent(13382, options);
    expect(result.ok && result.extents).toMatchObject([{ pages: 4 }]);
  });

  const request = {
    kind: 'allocate',
    api: 'dma_alloc_coherent',
    pages: 1,
    owner: 'x',
  } as unknown as Parameters<typeof slabCacheFor>[0];
});
