import { type AllocationId, allocationId, InputError, PLATFORM_NAMES, platformNamed } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import type { Pool } from './pool.ts';
import { conversionsIn, eventsOf, watched } from './testing.ts';

const owner = 'uio0';
const POLICY = 'first-fit+block+immediate';

/** The message of the InputError that a call is refused with; nothing must happen. */
function refusal(pool: Pool, call: () => void): string {
  const hash = pool.hash();
  let message = '';
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    message = (error as Error).message;
  }
  expect(pool.hash()).toBe(hash);
  return message;
}

describe('a vmalloc area of a pool', () => {
  it.each(PLATFORM_NAMES)(
    'on %s: maps pages that are shared already, and no vmalloc address is converted',
    (name) => {
      for (const policy of [POLICY, 'first-fit+page+immediate']) {
        const { pool, events } = watched(policy, { platform: name });
        const { allocation } = pool.vmalloc(700, { owner });
        expect(eventsOf(events, 'vm-area-mapped')).toMatchObject([{ allocation, pages: 700 }]);
        expect(pool.counters.vmAreaPages).toBe(700);
        pool.free(allocation);
        expect(eventsOf(events, 'vm-area-unmapped')).toMatchObject([{ allocation, pages: 700 }]);
        const types = new Set(conversionsIn(events).map(({ type }) => type));
        const isConfidential = platformNamed(name).confidential;
        expect(types).toEqual(new Set(isConfidential ? ['pages-decrypted', 'pages-encrypted'] : []));
      }
    },
  );

  it('is unmapped before its pages are freed', () => {
    const { pool, events } = watched(POLICY);
    pool.free(pool.vmalloc(3, { owner }).allocation);
    const types = events.map(({ type }) => type);
    expect(types.indexOf('vm-area-unmapped')).toBeLessThan(types.indexOf('pages-freed'));
    expect(pool.counters.vmAreaPages).toBe(0);
  });
});

describe('what must be zeroed', () => {
  it('is every page that was decrypted, once for each conversion, and not again for each use', () => {
    const { pool } = watched(POLICY);
    for (let i = 0; i < 5; i++) pool.alloc_pages(0, { owner });
    pool.kmalloc(100, { owner });
    expect(pool.counters.zeroedPages).toBe(512);
    const single = watched('first-fit+page+immediate').pool;
    const { allocation } = single.alloc_pages(3, { owner });
    single.free(allocation);
    single.alloc_pages(3, { owner });
    expect(single.counters.zeroedPages).toBe(16);
  });
});

describe('a mapping into user space', () => {
  const mapped = (times: number): { readonly pool: Pool; readonly id: AllocationId } => {
    const { pool } = watched('first-fit+page+immediate');
    const { allocation: id } = pool.vmalloc(2, { owner });
    for (let i = 0; i < times; i++) pool.remap_pfn_range(id, i);
    return { pool, id };
  };

  it('keeps the allocation from being freed until the last one is gone', () => {
    const { pool, id } = mapped(2);
    for (const left of [2, 1]) {
      expect(pool.counters.userMappings).toBe(left);
      expect(refusal(pool, () => pool.free(id))).toBe(
        'free of allocation 1: it is mapped into user space, so its pages must not be converted; unmap it first',
      );
      pool.remove_user_mapping(id);
    }
    pool.free(id);
    expect(pool.counters).toMatchObject({ liveAllocations: 0, claimedPages: 0, userMappings: 0 });
  });

  it('is a request and an event, both when it comes and when it goes', () => {
    const { pool, events } = watched(POLICY);
    const { allocation } = pool.alloc_pages(0, { owner });
    pool.remap_pfn_range(allocation, 5);
    pool.remove_user_mapping(allocation, 7);
    expect(events.slice(-2)).toMatchObject([
      { type: 'user-mapped', allocation, request: 2, time: 5 },
      { type: 'user-unmapped', allocation, request: 3, time: 7 },
    ]);
  });

  it('that is not there cannot be removed', () => {
    const { pool, id } = mapped(0);
    expect(refusal(pool, () => pool.remove_user_mapping(id))).toBe(
      'unmap-user of allocation 1: it is not mapped into user space',
    );
  });

  it('may be of an object that fills its pages, but not of a bounce buffer', () => {
    const swiotlb = { bytes: 2 ** 21, dynamic: false };
    const { pool } = watched(POLICY, { swiotlb });
    pool.remap_pfn_range(pool.kmalloc(4096, { owner }).allocation);
    pool.remap_pfn_range(pool.kmalloc(8192, { owner }).allocation);
    expect(pool.counters.userMappings).toBe(2);
    const { allocation } = pool.dma_map(4096, { owner });
    expect(refusal(pool, () => pool.remap_pfn_range(allocation))).toContain('an object in a slab');
  });

  it('cannot be made of an object that shares its page, nor of what is not live', () => {
    const { pool } = mapped(0);
    const { allocation } = pool.kmalloc(10, { owner });
    expect(refusal(pool, () => pool.remap_pfn_range(allocation))).toBe(
      'map-user of allocation 2: it is an object in a slab and shares its page; map whole pages',
    );
    expect(refusal(pool, () => pool.remap_pfn_range(allocationId(9)))).toBe(
      'map-user of allocation 9: it is not live',
    );
    expect(refusal(pool, () => pool.remove_user_mapping(allocationId(9)))).toBe(
      'unmap-user of allocation 9: it is not live',
    );
  });
});
