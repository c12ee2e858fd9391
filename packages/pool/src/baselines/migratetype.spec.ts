import { blockIndex, nanoseconds } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { aged } from '../page-source/aged.ts';
import { oneZone, sourceOf } from '../page-source/testing.ts';
import type { AllocationResult, Pool } from '../pool.ts';
import { expectServed, GIB, watched } from './testing.ts';

const OWNER = { owner: 'x' };

/** Blocks in which allocations lie. */
const blocksOf = (results: readonly AllocationResult[]): Set<number> =>
  new Set(results.flatMap((result) => expectServed(result).extents.map(({ pfn }) => Math.floor(pfn / 512))));

describe('migratetype', () => {
  const memory = aged(4 * GIB, 1);
  const requests = (pool: Pool) =>
    Array.from({ length: 200 }, (_, round) => pool.alloc_pages(round % 3, OWNER));

  it('groups requests in fewer blocks than gfp-decrypted, and converts each alone as that does', () => {
    const [grouped, scattered] = ['migratetype', 'gfp-decrypted'].map((policy) => {
      const { pool } = watched(policy, { memory });
      const blocks = blocksOf(requests(pool)).size;
      expect(pool.counters).toMatchObject({ conversions: 200, liveAllocations: 200 });
      return { blocks, splits: pool.counters.splits2M };
    });
    expect(grouped.blocks).toBeLessThan(scattered.blocks);
    expect(grouped.splits).toBeLessThan(scattered.splits);
  });

  it('keeps other users of memory out of its pageblocks as long as they have others', () => {
    const { pool } = watched('migratetype');
    const own = blocksOf([pool.alloc_pages(0, OWNER)]);
    for (let key = 1; key < 2000; key++) {
      const time = nanoseconds(0);
      pool.request({ kind: 'background-allocate', key, order: 0, migratetype: 'Unmovable', time });
    }
    for (const block of own) expect(pool.view.pagesOf('claimed', blockIndex(block))).toBe(1);
  });

  it('lets others have its free pages when no other type has any, and has theirs', () => {
    const source = sourceOf(oneZone({ Movable: { 9: 2 } }));
    const own = source.claim(0, 'Decrypted') >>> 9;
    const others = Array.from({ length: 1023 }, () => source.claim(0, 'Movable') >>> 9);
    expect(new Set(others.slice(0, 512)).has(own)).toBe(false);
    expect(new Set(others.slice(512))).toEqual(new Set([own]));
    expect(source.claim(0, 'Movable')).toBe(-1);
    expect(source.claim(0, 'Decrypted')).toBe(-1);
  });
});
