/** Random histories of requests of every kind, against each baseline. */

import type { Faults } from '@decpool/model';
import {
  type AllocationId,
  brokenInvariants,
  GFP,
  GFP_KERNEL,
  PLATFORM_NAMES,
  type PlatformName,
} from '@decpool/model';
import type { GranulePages } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FaultInjector } from '../faults.ts';
import { fragmented, freshBoot } from '../page-source/profiles.ts';
import type { Pool } from '../pool.ts';
import { BASELINES } from '../registry.ts';
import { MIB, watched } from './testing.ts';

type Step =
  | {
      readonly kind: 'pages' | 'exact' | 'vmalloc' | 'kmalloc' | 'coherent';
      readonly size: number;
      readonly owner: string;
      readonly gfp: number;
    }
  | { readonly kind: 'free'; readonly pick: number; readonly gfp: number };

const OWNERS = [
  'netvsc eth0 recv_buf',
  'its PCI function 3 ITT',
  'nvme0 descriptor',
  'virtio0 queue',
  'netvsc eth0 ring',
];
/** Sizes in pages, or, for requests in bytes, in 100 bytes. */
const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1100 }));

const stepsOf = (gfp: fc.Arbitrary<number>): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constantFrom('pages', 'exact', 'vmalloc', 'kmalloc', 'coherent'),
          size,
          owner: fc.constantFrom(...OWNERS),
          gfp,
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('free' as const), pick: fc.nat(), gfp }) },
    ),
    { maxLength: 60, size: 'max' },
  );
const SLEEPS = fc.constant(GFP_KERNEL);
const ANY_CONTEXT = fc.constantFrom(GFP_KERNEL, GFP_KERNEL, GFP.GFP_ATOMIC, GFP.GFP_NOWAIT | GFP.__GFP_DMA32);

const settings = fc.record({
  platform: fc.constantFrom<PlatformName>(...PLATFORM_NAMES),
  granulePages: fc.constantFrom<GranulePages>(1, 1, 4, 16),
  memory: fc.oneof(
    fc.constant(freshBoot(256 * MIB)),
    fc.nat(5).map((seed) => fragmented(256 * MIB, 0.3, seed)),
  ),
  seed: fc.nat(50),
  atomicPools: fc.boolean(),
});

/** Conversions that fail, but none of those at boot, which are made for nobody that a leak could be told of. */
const faults: fc.Arbitrary<Faults> = fc
  .record({
    seed: fc.nat(999),
    decrypt: fc.constantFrom(0.05, 0.3),
    encrypt: fc.constantFrom(0.05, 0.5),
    converted: fc.constant(0.5),
    retries: fc.nat(2),
  })
  .filter((odds) => new FaultInjector(odds).draw('decrypt') === 'works');

function allocate(
  pool: Pool,
  { kind, size: asked, owner, gfp }: Exclude<Step, { kind: 'free' }>,
  at: number,
) {
  const options = { owner, gfp, at };
  switch (kind) {
    case 'pages':
      return pool.alloc_pages(asked % 11, options);
    case 'exact':
      return pool.alloc_pages_exact(asked, options);
    case 'vmalloc':
      return pool.vmalloc(asked, options);
    case 'kmalloc':
      return pool.kmalloc(asked * 100, options);
    case 'coherent':
      return pool.dma_alloc_coherent(asked * 100, options);
  }
}

/** Does the steps, looks at the state now and then, frees all that is left and lets the worker finish. */
function play(pool: Pool, all: readonly Step[], directMap: Parameters<typeof brokenInvariants>[1]): void {
  const live: AllocationId[] = [];
  for (const [index, step] of all.entries()) {
    const at = index * 400_000;
    if (step.kind !== 'free') {
      const result = allocate(pool, step, at);
      if (result.ok) live.push(result.allocation);
    } else if (live.length > 0) pool.free(live.splice(step.pick % live.length, 1)[0], at, step.gfp);
    if (index % 20 === 19) expect(brokenInvariants(pool.view, directMap)).toEqual([]);
  }
  for (const allocation of live) pool.free(allocation);
  pool.complete();
  expect(brokenInvariants(pool.view, directMap)).toEqual([]);
}

describe.each(Object.keys(BASELINES))('%s', (policy) => {
  it('keeps every invariant, and holds nothing for anybody once all is freed', () => {
    fc.assert(
      fc.property(settings, stepsOf(ANY_CONTEXT), (setting, all) => {
        const { pool } = watched(policy, setting);
        play(pool, all, setting.memory.directMap);
        const { claimedPages, sharedPages, liveAllocations, livePages, liveObjects, unknownPages } =
          pool.counters;
        expect({ liveAllocations, livePages, liveObjects, unknownPages }).toEqual({
          liveAllocations: 0,
          livePages: 0,
          liveObjects: 0,
          unknownPages: 0,
        });
        // What is kept is kept shared.
        if (setting.platform !== 'none') expect(claimedPages).toBe(sharedPages);
      }),
      { numRuns: randomRuns(15) },
    );
  });
});

/** The bounce buffers are converted at boot only. */
const CONVERTING = Object.keys(BASELINES).filter((policy) => !policy.startsWith('swiotlb'));

describe.each(CONVERTING)('%s, when conversions fail', (policy) => {
  it('keeps every invariant, and all but leaks comes back', () => {
    fc.assert(
      fc.property(settings, stepsOf(ANY_CONTEXT), faults, (setting, all, odds) => {
        const { pool, events } = watched(policy, { ...setting, faults: odds });
        play(pool, all, setting.memory.directMap);
        const { claimedPages, sharedPages, leakedPages, livePages, unknownPages } = pool.counters;
        expect({ livePages, unknownPages }).toEqual({ livePages: 0, unknownPages: leakedPages });
        if (setting.platform !== 'none') expect(claimedPages).toBe(sharedPages + leakedPages);
        const told = events.flatMap((event) => (event.type === 'pages-leaked' ? [event.pages] : []));
        expect(told.reduce((sum, pages) => sum + pages, 0)).toBe(leakedPages);
      }),
      { numRuns: randomRuns(15) },
    );
  });
});

describe.each(['linux-6.12', 'linux-7.3', 'gfp-decrypted'])('%s, asked by callers that sleep', (policy) => {
  it('keeps nothing but what is packed into pages for good', () => {
    fc.assert(
      fc.property(settings, stepsOf(SLEEPS), (setting, all) => {
        fc.pre(all.length > 0 && all.some(({ kind }) => kind !== 'free'));
        const { pool } = watched(policy, { ...setting, atomicPools: false });
        play(pool, all, setting.memory.directMap);
        expect(pool.counters.claimedPages).toBe(pool.counters.slabPages);
      }),
      { numRuns: randomRuns(30) },
    );
  });
});

describe.each(['genpool', 'swiotlb'])('%s', (policy) => {
  it('never makes anything private again', () => {
    fc.assert(
      fc.property(settings, stepsOf(ANY_CONTEXT), (setting, all) => {
        fc.pre(setting.platform !== 'none');
        const { pool, events } = watched(policy, setting);
        play(pool, all, setting.memory.directMap);
        const types = new Set(events.map(({ type }) => type));
        for (const type of ['pages-encrypted', 'pages-returned'] as const) expect(types).not.toContain(type);
      }),
      { numRuns: randomRuns(15) },
    );
  });
});

describe('the histories', () => {
  it('reach every refusal and every kind of conversion', () => {
    const reached = new Set<string>();
    const odds: Faults = { seed: 1, decrypt: 0.1, encrypt: 0.3, converted: 0.5, retries: 0 };
    for (const policy of CONVERTING) {
      const all = fc.sample(fc.tuple(settings, stepsOf(ANY_CONTEXT)), { numRuns: 40, seed: 7 });
      for (const [setting, history] of all) {
        const { pool, events } = watched(policy, { ...setting, faults: odds });
        play(pool, history, setting.memory.directMap);
        for (const event of events)
          reached.add(event.type === 'allocation-failed' ? event.reason : event.type);
      }
    }
    for (const wanted of [
      'unsupported',
      'would-sleep',
      'too-large',
      'conversion-failed',
      'pages-leaked',
      'vm-area-decrypted',
      'vm-area-encrypted',
      'pages-decrypted',
      'pages-encrypted',
      'slab-created',
      'object-freed',
      'contiguous-split',
    ]) {
      expect(reached).toContain(wanted);
    }
  });
});
