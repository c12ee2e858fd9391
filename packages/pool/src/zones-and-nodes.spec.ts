import { GFP, type MemoryState } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './page-source/profiles.ts';
import type { AllocationResult, Pool } from './pool.ts';
import { GIB, lastRefusal, MIB, SOME_POLICIES, watched } from './testing.ts';

const owner = 'x';
const { __GFP_DMA, __GFP_DMA32 } = GFP;
const POOLS = ['first-fit+block+never-return', 'best-fit+page+never-return'];
const POLICIES = SOME_POLICIES.filter((name) => !name.startsWith('swiotlb'));

/** Zone and node of a page. */
function placeOf(memory: MemoryState, page: number): string {
  const zone = memory.zones.find(({ ram }) =>
    ram.some(([start, pages]) => page >= start && page < start + pages),
  );
  return `${zone?.name} of node ${zone?.node ?? 0}`;
}

/** Where the pages of an allocation lie, each place once. */
function placesOf(pool: Pool, memory: MemoryState, result: AllocationResult): string[] {
  if (!result.ok) return ['refused'];
  const slab = result.object === undefined ? undefined : pool.view.slab(result.object.slab);
  const runs = slab === undefined ? result.extents : [slab];
  const pages = runs.flatMap((run) => [run.pfn, run.pfn + run.pages - 1]);
  return [...new Set(pages.map((page) => placeOf(memory, page)))];
}

/** The kinds of requests for pages that are bound like all others. */
const everyKind = (
  pool: Pool,
  where: { readonly gfp?: number; readonly node?: number },
): AllocationResult[] => [
  pool.alloc_pages(3, { owner, ...where }),
  pool.alloc_pages_exact(5, { owner, ...where }),
  pool.kmalloc(100, { owner, ...where }),
  pool.dma_alloc_coherent(9000, { owner, ...where }),
  pool.vmalloc(700, { owner: 'netvsc 1 recv_buf', ...where }),
];

describe.each(POLICIES)('with %s a request', (policy) => {
  const memory = freshBoot(8 * GIB, 2);

  it('lies in no higher zone than it may', () => {
    const { pool } = watched(policy, { memory });
    for (const result of everyKind(pool, {})) expect(placesOf(pool, memory, result)).not.toContain('refused');
    for (const result of everyKind(pool, { gfp: __GFP_DMA32 })) {
      expect(placesOf(pool, memory, result)).toEqual(['DMA32 of node 0']);
    }
    for (const result of everyKind(pool, { gfp: __GFP_DMA })) {
      expect(placesOf(pool, memory, result)).toEqual(['DMA of node 0']);
    }
  });

  it('for a node lies on that node, whatever the pool holds of another', () => {
    const { pool } = watched(policy, { memory });
    for (const result of everyKind(pool, { node: 0 })) {
      expect(placesOf(pool, memory, result)[0]).toContain('of node 0');
    }
    for (const result of everyKind(pool, { node: 1 })) {
      expect(placesOf(pool, memory, result)).toEqual(['Normal of node 1']);
    }
  });

  it('for a node or a zone that is not there is refused', () => {
    const { pool, events } = watched(policy, { memory });
    for (const where of [{ node: 7 }, { node: 1, gfp: __GFP_DMA32 }, { node: 1, gfp: __GFP_DMA }]) {
      for (const result of everyKind(pool, where)) {
        expect(result.ok).toBe(false);
        expect(lastRefusal(events)).toBe('out-of-memory');
      }
    }
  });
});

describe('a block of a pool', () => {
  it.each(POOLS)('%s: belongs to one zone and one node', (policy) => {
    const memory = freshBoot(128 * MIB, 2);
    const { pool, events } = watched(policy, { memory });
    for (let round = 0; round < 12; round++) {
      for (const where of [{}, { node: 1 }, { gfp: __GFP_DMA }, { node: 0 }]) everyKind(pool, where);
    }
    for (const event of events) {
      if (event.type !== 'pages-claimed') continue;
      expect(placeOf(memory, event.pfn)).toBe(placeOf(memory, event.pfn + event.pages - 1));
    }
  });

  it.each(POOLS)(
    '%s: in a lower zone also serves those who may lie higher, when it has free pages',
    (policy) => {
      const memory = freshBoot(8 * GIB);
      const { pool } = watched(policy, { memory });
      pool.alloc_pages(0, { owner, gfp: __GFP_DMA32 });
      expect(placesOf(pool, memory, pool.alloc_pages(0, { owner }))).toEqual(['DMA32 of node 0']);
      expect(pool.counters.claimedPages).toBe(512);
    },
  );

  it.each(POOLS)('%s: is not made of the free pages that lie out of reach', (policy) => {
    const memory = freshBoot(8 * GIB);
    const { pool } = watched(policy, { memory });
    pool.alloc_pages(0, { owner });
    expect(placesOf(pool, memory, pool.alloc_pages(0, { owner, gfp: __GFP_DMA }))).toEqual(['DMA of node 0']);
    expect(pool.counters.claimedPages).toBe(1024);
  });
});
