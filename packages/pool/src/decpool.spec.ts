/** The recommended pool: what its rules say, and that it is the composed pool of the same rules. */
import { type AllocationId, GFP, GFP_KERNEL, nanoseconds, type PoolEvent } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fragmented, freshBoot } from './page-source/profiles.ts';
import { conversionsIn, eventsOf, MIB, watched } from './testing.ts';

const SECOND = 1e9;
const owner = 'x';

/** The same rules, each of which can be left out: what an ablation compares with. */
const COMPOSED = 'longest-free-range+block+hysteresis:1+shrinker+swiotlb';

const action = fc.record({
  do: fc.constantFrom(
    'pages',
    'pages',
    'vmalloc',
    'kmalloc',
    'free',
    'free',
    'free',
    'others',
    'others free',
  ),
  size: fc.nat(1500),
  isAtomic: fc.boolean(),
  pick: fc.nat(),
  wait: fc.constantFrom(0, 1000, 1e7, SECOND / 2, 3 * SECOND),
});
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

/** All that happens under a policy. */
function eventsUnder(policy: string, steps: readonly Action[], isFragmented: boolean): readonly PoolEvent[] {
  const memory = isFragmented ? fragmented(96 * MIB, 0.5, 1) : freshBoot(96 * MIB);
  const { pool, events } = watched(policy, { memory, swiotlb: { bytes: 2 * MIB, dynamic: false } });
  const live: AllocationId[] = [];
  const chunks: number[] = [];
  let time = 0;
  for (const [key, step] of steps.entries()) {
    time += step.wait;
    const gfp = step.isAtomic ? GFP.GFP_ATOMIC : 0;
    const asked = { owner, at: time, gfp };
    if (step.do === 'free') {
      const [allocation] = live.splice(step.pick % live.length, 1);
      if (allocation !== undefined) pool.free(allocation, time, gfp);
    } else if (step.do === 'others') {
      const order = step.size % 11;
      pool.request({
        kind: 'background-allocate',
        key,
        order,
        migratetype: 'Movable',
        time: nanoseconds(time),
      });
      chunks.push(key);
    } else if (step.do === 'others free') {
      const [chunk] = chunks.splice(step.pick % chunks.length, 1);
      if (chunk !== undefined) pool.request({ kind: 'background-free', key: chunk, time: nanoseconds(time) });
    } else {
      const result =
        step.do === 'vmalloc'
          ? pool.vmalloc(1 + step.size, asked)
          : step.do === 'kmalloc'
            ? pool.kmalloc(1 + step.size, asked)
            : pool.alloc_pages(step.size % 11, asked);
      if (result.ok) live.push(result.allocation);
    }
  }
  pool.complete();
  return events;
}

describe('decpool', () => {
  it.each([false, true])(
    'does what the composed pool of the same rules does (fragmented memory: %s)',
    (isFragmented) => {
      fc.assert(
        fc.property(fc.array(action, { minLength: 20, maxLength: 150 }), (steps) => {
          expect(eventsUnder('decpool', steps, isFragmented)).toEqual(
            eventsUnder(COMPOSED, steps, isFragmented),
          );
        }),
        { numRuns: 60, seed: 1 },
      );
    },
  );

  it('converts whole blocks, one conversion each, and splits no 2M mapping', () => {
    const { pool, events } = watched('decpool');
    for (let round = 0; round < 300; round++) pool.alloc_pages(round % 4, { owner });
    for (const event of conversionsIn(events)) expect(event).toMatchObject({ pages: 512 });
    expect(pool.counters.splits2M).toBe(0);
  });

  it('takes what fits from the boot pool of swiotlb while half of it is free, and the rest from blocks', () => {
    const { pool, events } = watched('decpool', { swiotlb: { bytes: 2 * MIB, dynamic: false } });
    const isOfSlots = (gfp: number) => {
      const result = pool.alloc_pages(6, { owner, gfp });
      return result.ok && result.object !== undefined;
    };
    const results = Array.from({ length: 7 }, () => isOfSlots(GFP_KERNEL));
    expect(results).toEqual([true, true, true, true, true, false, false]);
    // For these nothing can be converted.
    expect([1, 2, 3].map(() => isOfSlots(GFP.GFP_ATOMIC))).toEqual([true, true, true]);
    expect(pool.counters.liveObjects).toBe(8);
    expect(pool.alloc_pages(7, { owner }).ok).toBe(true);
    for (const event of conversionsIn(events)) expect(event).toMatchObject({ pages: 512 });
    expect(conversionsIn(events)).toHaveLength(2);
  });

  it('takes no slots for a chunk of the dma-buf heap, which devices map as it is', () => {
    const { pool } = watched('decpool', { swiotlb: { bytes: 2 * MIB, dynamic: false } });
    const chunk = pool.alloc_pages(0, { owner: 'system_cc_shared 1' });
    expect(chunk.ok && chunk.object).toBeUndefined();
    expect(pool.counters.liveObjects).toBe(0);
  });

  it('refuses a caller that may not sleep if slots and blocks are full, and has a block for the next one', () => {
    const { pool, events } = watched('decpool', {
      swiotlb: { bytes: 2 * MIB, dynamic: false },
      atomicPools: true,
    });
    const atomic = (at: number) => pool.dma_alloc_coherent(4096, { owner, gfp: GFP.GFP_ATOMIC, at });
    for (let round = 0; round < 8; round++) pool.alloc_pages(6, { owner, gfp: GFP.GFP_ATOMIC });
    expect(atomic(0).ok).toBe(false);
    expect(conversionsIn(events)).toHaveLength(1);
    expect([atomic(SECOND / 2).ok, atomic(SECOND / 2).ok]).toEqual([true, true]);
    expect(conversionsIn(events)).toHaveLength(2);
    expect(pool.counters.splits2M).toBe(0);
  });

  it('adds none for a request that is larger than a block', () => {
    const { pool } = watched('decpool');
    expect(pool.alloc_pages(10, { owner, gfp: GFP.GFP_ATOMIC }).ok).toBe(false);
    pool.request({ kind: 'background-free', key: 0, time: nanoseconds(SECOND / 2) });
    expect(pool.counters.claimedPages).toBe(0);
  });

  it('gives that block back if nobody wants it for a second', () => {
    const { pool } = watched('decpool');
    expect(pool.alloc_pages(0, { owner, gfp: GFP.GFP_ATOMIC }).ok).toBe(false);
    pool.request({ kind: 'background-free', key: 0, time: nanoseconds(SECOND / 2) });
    expect(pool.counters.claimedPages).toBe(512);
    pool.request({ kind: 'background-free', key: 0, time: nanoseconds(3 * SECOND) });
    expect(pool.counters.claimedPages).toBe(0);
  });

  it('returns an empty block after a second', () => {
    const { pool, events } = watched('decpool');
    const all = [0, 1, 2].map(() => pool.alloc_pages(9, { owner, at: 0 }).allocation);
    for (const allocation of all) pool.free(allocation, 5);
    pool.request({ kind: 'background-free', key: 0, time: nanoseconds(10 * SECOND) });
    for (const { time } of eventsOf(events, 'pages-returned')) expect(time).toBe(SECOND + 5);
    expect(pool.counters.claimedPages).toBe(0);
  });
});
