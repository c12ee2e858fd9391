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

describe('a driver that converts by itself what a pool gave it', () => {
  it.each(PLATFORM_NAMES)(
    'on %s: decrypting what is shared already succeeds, and nothing happens',
    (platform) => {
      const { pool, events } = watched(POLICY, { platform });
      const { allocation } = pool.alloc_pages(2, { owner });
      const before = events.length;
      expect(() => pool.set_memory_decrypted(allocation, 0, 4)).not.toThrow();
      expect(() => pool.set_memory_decrypted(allocation, 1, 2)).not.toThrow();
      expect(events).toHaveLength(before);
    },
  );

  it('must not encrypt it: the pool does that when it is freed', () => {
    const { pool } = watched(POLICY);
    const { allocation } = pool.alloc_pages(0, { owner });
    expect(refusal(pool, () => pool.set_memory_encrypted(allocation, 0, 1))).toBe(
      'set_memory_encrypted() of 1 pages of allocation 1: the pool makes its memory private itself; free the allocation instead',
    );
  });

  it('may do as it likes outside a confidential VM, where it is a no-op', () => {
    const { pool } = watched(POLICY, { platform: 'none' });
    const { allocation } = pool.vmalloc(3, { owner });
    expect(refusal(pool, () => pool.set_memory_encrypted(allocation, 0, 3))).toBe('');
    expect(refusal(pool, () => pool.set_memory_decrypted(allocation, 0, 3))).toBe('');
  });

  it('must not convert while it is mapped into user space', () => {
    const { pool } = watched(POLICY);
    const { allocation } = pool.alloc_pages(0, { owner });
    pool.remap_pfn_range(allocation);
    expect(refusal(pool, () => pool.set_memory_decrypted(allocation, 0, 1))).toBe(
      'set_memory_decrypted() of 1 pages of allocation 1: it is mapped into user space, so its pages must not be converted; unmap it first',
    );
    pool.remove_user_mapping(allocation);
    expect(refusal(pool, () => pool.set_memory_decrypted(allocation, 0, 1))).toBe('');
  });

  it('must not convert a part of a vmalloc area', () => {
    const { pool } = watched(POLICY);
    const { allocation } = pool.vmalloc(5, { owner });
    expect(refusal(pool, () => pool.set_memory_decrypted(allocation, 1, 2))).toBe(
      'set_memory_decrypted() of 2 pages of allocation 1 from page 1: it is a vmalloc area; convert all of its 5 pages',
    );
    expect(refusal(pool, () => pool.set_memory_decrypted(allocation, 0, 5))).toBe('');
  });

  it.each([
    ['tdx', 'has no meaningful physical address for'],
    ['pkvm', 'has no meaningful physical address for'],
    ['cca', 'returns -EINVAL for'],
    ['cca-bbml3', 'returns -EINVAL for'],
  ] as const)('must not convert a vmalloc address on %s', (platform, why) => {
    const { pool } = watched(POLICY, { platform });
    const { allocation } = pool.vmalloc(5, { owner });
    expect(refusal(pool, () => pool.set_memory_decrypted(allocation, 0, 5))).toBe(
      `set_memory_decrypted() of 5 pages of allocation 1: it is a vmalloc area, and platform '${platform}' ${why} a vmalloc address`,
    );
  });

  it('must not convert an object, which shares its page with others', () => {
    const { pool } = watched(POLICY);
    const { allocation } = pool.kmalloc(100, { owner });
    expect(refusal(pool, () => pool.set_memory_decrypted(allocation, 0, 1))).toBe(
      'set_memory_decrypted() of 1 pages of allocation 1: it is an object in slab 1 and shares its page; convert whole pages only',
    );
  });

  it('must not convert pages that it does not have', () => {
    const { pool } = watched(POLICY);
    const { allocation } = pool.alloc_pages(1, { owner });
    for (const [first, pages] of [
      [0, 3],
      [1, 2],
      [-1, 1],
      [0, 0],
      [0.5, 1],
      [0, Number.NaN],
    ]) {
      expect(refusal(pool, () => pool.set_memory_decrypted(allocation, first, pages))).toBe(
        `set_memory_decrypted() of ${pages} pages of allocation 1 from page ${first}: expected a range within its 2 pages`,
      );
    }
  });

  it('must not convert what is not live', () => {
    const { pool } = watched(POLICY);
    const { allocation } = pool.alloc_pages(1, { owner });
    pool.free(allocation);
    for (const id of [allocation, allocationId(0), allocationId(9), allocationId(1.5)]) {
      expect(refusal(pool, () => pool.set_memory_encrypted(id, 0, 1))).toBe(
        `set_memory_encrypted() of 1 pages of allocation ${id}: it is not live`,
      );
    }
  });
});

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
