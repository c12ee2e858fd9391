import {
  allocationId,
  brokenInvariants,
  Columns,
  type EventBatch,
  foldBatch,
  GFP,
  hashOf,
  InputError,
  InvariantError,
  initialState,
  type MemoryState,
  machineOf,
  nanoseconds,
  type Pfn,
  PLATFORM_NAMES,
  type PlatformName,
  type PoolEvent,
  pfn,
  platformNamed,
  type State,
} from '@decpool/model';
import { EventRows, MAX_OWNER, publish } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fragmented, freshBoot } from './page-source/profiles.ts';
import type { Policy, PolicyFactory, Recorder } from './policy.ts';
import { Pool } from './pool.ts';
import { policyNamed } from './registry.ts';
import { conversionsIn, VARIED_POLICIES, watched } from './testing.ts';

const MIB = 2 ** 20;
const SMALL = freshBoot(64 * MIB);

const POLICIES = VARIED_POLICIES;
/** In slots of the bounce buffers, all else from pages. */
const BOUNCING = POLICIES.filter((name) => name.startsWith('swiotlb'));
const PAGED = POLICIES.filter((name) => !BOUNCING.includes(name));
/** What grows and does not shrink again: by design, or for callers that may not sleep. */
const KEEPING = ['genpool', 'swiotlb:dynamic'];
/** Without `decpool` and other pools that keep blocks for some time, or as a reserve. */
const RETURNING = POLICIES.filter(
  (name) => !/never-return|reserve|hysteresis|demand|decpool/.test(name) && !KEEPING.includes(name),
);

const newPool = (policy: string | PolicyFactory, memory = SMALL, platform: PlatformName = 'snp', seed = 1) =>
  new Pool({
    memory,
    platform: platformNamed(platform),
    policy: typeof policy === 'string' ? policyNamed(policy) : policy,
    swiotlb: { bytes: 2 * MIB, dynamic: false },
    seed,
    batchRows: 64,
  });

/** What a caller does next: asks for pages, or frees the allocation that `pick` lands on. */
type Step =
  | { readonly api: 'alloc_pages' | 'alloc_pages_exact' | 'vmalloc'; readonly pages: number }
  | { readonly pick: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ api: fc.constant('alloc_pages' as const), pages: fc.nat(10).map((order) => 2 ** order) }),
  fc.record({ api: fc.constant('alloc_pages_exact' as const), pages: fc.integer({ min: 1, max: 1500 }) }),
  fc.record({ api: fc.constant('alloc_pages_exact' as const), pages: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ api: fc.constant('vmalloc' as const), pages: fc.integer({ min: 1, max: 700 }) }),
  fc.record({ api: fc.constant('vmalloc' as const), pages: fc.constantFrom(4096, 9000) }),
  fc.record({ pick: fc.nat() }),
  fc.record({ pick: fc.nat() }),
);
const steps = (maxLength: number) => fc.array(step, { maxLength, size: 'max' });
const memories: fc.Arbitrary<MemoryState> = fc.oneof(
  fc.constantFrom(64, 96, 256).map((size) => freshBoot(size * MIB)),
  fc
    .tuple(fc.constantFrom(64, 128), fc.constantFrom(0.3, 1), fc.nat(9))
    .map(([size, fraction, seed]) => fragmented(size * MIB, fraction, seed)),
);
interface Run {
  readonly policy: string;
  readonly platform: PlatformName;
  readonly memory: MemoryState;
  readonly seed: number;
  readonly steps: readonly Step[];
}

const runs = (policies: readonly string[], maxSteps: number): fc.Arbitrary<Run> =>
  fc.record({
    policy: fc.constantFrom(...policies),
    platform: fc.constantFrom<PlatformName>(...PLATFORM_NAMES),
    memory: memories,
    seed: fc.nat(99),
    steps: steps(maxSteps),
  });

/** Runs of few events in little memory: the recount is slow, and here it is affordable after every event. */
const tinyRuns = (policy: string): fc.Arbitrary<Run> =>
  fc.record({
    policy: fc.constant(policy),
    platform: fc.constantFrom<PlatformName>(...PLATFORM_NAMES),
    memory: fc.oneof(
      fc.constant(SMALL),
      fc.nat(9).map((seed) => fragmented(64 * MIB, 1, seed)),
    ),
    seed: fc.nat(99),
    steps: fc.array(
      fc.oneof(
        fc.record({ api: fc.constant('alloc_pages' as const), pages: fc.nat(10).map((order) => 2 ** order) }),
        fc.record({
          api: fc.constantFrom('alloc_pages_exact' as const, 'vmalloc' as const),
          pages: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 100 })),
        }),
        // Refused: no chunk is as large.
        fc.record({ api: fc.constant('alloc_pages_exact' as const), pages: fc.constant(1025) }),
        fc.record({ pick: fc.nat() }),
        fc.record({ pick: fc.nat() }),
      ),
      { maxLength: 16, size: 'max' },
    ),
  });

/** Has the pool make at boot what it holds ready, and nothing else. */
function boot(pool: Pool): void {
  pool.request({ kind: 'background-free', key: 0, time: nanoseconds(0) });
}

/** Does the steps and returns the allocations that are live at the end. */
function play(pool: Pool, all: readonly Step[]) {
  const live: ReturnType<typeof allocationId>[] = [];
  let time = 0;
  for (const next of all) {
    time += 1000;
    const options = { owner: `owner ${time % 3000}`, at: time };
    if ('pick' in next) {
      if (live.length === 0) continue;
      pool.free(live.splice(next.pick % live.length, 1)[0], time);
    } else {
      const result =
        next.api === 'alloc_pages'
          ? pool.alloc_pages(Math.log2(next.pages), options)
          : pool[next.api](next.pages, options);
      if (result.ok) live.push(result.allocation);
    }
  }
  return live;
}

/** Everything a pool tells, from its first event on. */
function record(pool: Pool): { readonly events: PoolEvent[]; readonly batches: EventBatch[] } {
  const told = { events: [] as PoolEvent[], batches: [] as EventBatch[] };
  pool.events$.subscribe((event) => told.events.push(event));
  pool.batches$.subscribe((batch) => told.batches.push(batch));
  return told;
}

function batchOf(event: PoolEvent): EventBatch {
  const rows = new EventRows(1);
  rows.appendObject(event);
  return rows.seal(event.seq);
}

/** Recounts the state after every `strideOf(events)` events of a run, and after the last. */
function expectSound({ policy, platform, memory, seed, steps }: Run, strideOf: (events: number) => number) {
  const pool = newPool(policy, memory, platform, seed);
  const { events } = record(pool);
  play(pool, steps);
  const columns = new Columns(machineOf(pool.header), memory.directMap);
  const stride = strideOf(events.length);
  for (const event of events) {
    columns.fold(batchOf(event));
    if (event.seq % stride === 0) expect(brokenInvariants(columns.view(), memory.directMap)).toEqual([]);
  }
  expect(columns.hash()).toBe(pool.hash());
  expect(brokenInvariants(pool.view, memory.directMap)).toEqual([]);
}

describe.each(POLICIES)('policy %s', (policy) => {
  it('breaks no invariant after any event of any valid sequence of small requests', () => {
    fc.assert(
      fc.property(tinyRuns(policy), (run) => expectSound(run, () => 1)),
      { numRuns: randomRuns(12) },
    );
  });

  it('breaks no invariant at some 60 moments of any valid sequence of requests, nor at its end', () => {
    fc.assert(
      fc.property(runs([policy], 12), (run) => expectSound(run, (events) => Math.ceil(events / 60))),
      { numRuns: 2 },
    );
  });

  it('is named as it was asked for', () => {
    expect(newPool(policy).header.policy).toBe(policy);
  });
});

describe('a pool', () => {
  it('tells the same on events$ and on batches$, and both lead to its state in either backend', () => {
    fc.assert(
      fc.property(runs(POLICIES, 40), ({ policy, platform, memory, seed, steps }) => {
        const pool = newPool(policy, memory, platform, seed);
        const { events, batches } = record(pool);
        play(pool, steps);
        pool.complete();
        expect(batches.flatMap((batch) => [...batch])).toEqual(events);
        expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index));
        const columns = new Columns(machineOf(pool.header), memory.directMap);
        let state = initialState(machineOf(pool.header), memory.directMap);
        for (const batch of batches) {
          columns.fold(batch);
          state = foldBatch(state, batch);
        }
        expect(columns.hash()).toBe(pool.hash());
        expect(hashOf(state)).toBe(pool.hash());
        expect(hashOf(pool.state)).toBe(pool.hash());
        expect(pool.counters).toEqual(state.counters);
      }),
      { numRuns: randomRuns(25) },
    );
  });

  it('lends the same batches as it gives away', () => {
    fc.assert(
      fc.property(runs(POLICIES, 40), ({ policy, platform, memory, seed, steps }) => {
        const [given, lent] = [0, 1].map(() => newPool(policy, memory, platform, seed));
        const { events } = record(given);
        const borrowed: PoolEvent[] = [];
        lent.lendBatches((batch) => borrowed.push(...batch));
        for (const pool of [given, lent]) {
          play(pool, steps);
          pool.complete();
        }
        expect(borrowed).toEqual(events);
      }),
      { numRuns: randomRuns(25) },
    );
  });

  it('gives the same events for the same seed, whoever listens', () => {
    fc.assert(
      fc.property(runs(POLICIES, 30), ({ policy, platform, memory, seed, steps }) => {
        const [watched, unwatched] = [0, 1].map(() => newPool(policy, memory, platform, seed));
        const { events } = record(watched);
        watched.state$.subscribe();
        play(watched, steps);
        play(unwatched, steps);
        expect(unwatched.hash()).toBe(watched.hash());
        const again = newPool(policy, memory, platform, seed);
        const second = record(again);
        play(again, steps);
        expect(second.events).toEqual(events);
      }),
      { numRuns: randomRuns(15) },
    );
  });

  it('that returns at once has nothing left when all is freed, but what it holds ready since boot', () => {
    fc.assert(
      fc.property(runs(RETURNING, 40), ({ policy, platform, memory, seed, steps }) => {
        const pool = newPool(policy, memory, platform, seed);
        boot(pool);
        const { claimedPages, sharedPages, sharedBlocks, mixedBlocks, borders } = pool.counters;
        for (const allocation of play(pool, steps)) pool.free(allocation);
        expect(pool.counters).toMatchObject({
          claimedPages,
          sharedPages,
          sharedBlocks,
          mixedBlocks,
          borders,
          liveAllocations: 0,
          livePages: 0,
          liveBytes: 0,
        });
      }),
      { numRuns: randomRuns(40) },
    );
  });

  it.each(['first-fit+block+immediate', 'best-fit+page+immediate', 'gfp-decrypted'])(
    'of %s holds nothing ready but the bounce buffers that it was told to have',
    (policy) => {
      const pool = newPool(policy);
      boot(pool);
      expect(pool.counters).toMatchObject({
        claimedPages: 512,
        sharedPages: 512,
        slabPages: 512,
        livePages: 0,
      });
    },
  );

  it('that never returns keeps what it claimed, and serves the same again without claiming more', () => {
    const pool = newPool('first-fit+block+never-return');
    const all: Step[] = [
      { api: 'vmalloc', pages: 700 },
      { api: 'alloc_pages', pages: 64 },
    ];
    const once = play(pool, all);
    const claimed = pool.counters.claimedPages;
    for (const allocation of once) pool.free(allocation);
    expect(pool.counters.sharedPages).toBe(claimed);
    for (const { allocation } of [pool.vmalloc(700, { owner: 'x' }), pool.alloc_pages(6, { owner: 'x' })]) {
      expect(pool.view.isLive(allocation)).toBe(true);
    }
    expect(pool.counters.claimedPages).toBe(claimed);
  });

  it('gives contiguous, naturally aligned pages to alloc_pages, and as many as were asked for to all', () => {
    fc.assert(
      fc.property(runs(POLICIES, 40), ({ policy, platform, memory, seed, steps }) => {
        const pool = newPool(policy, memory, platform, seed);
        for (const id of play(pool, steps)) {
          const { extents, pages, bytes, object } = pool.view.allocation(id);
          if (object !== undefined) {
            const { units = 0, unitBytes = 0 } = pool.view.slab(object.slab) ?? {};
            expect(units).toBe(128);
            expect(object.units * unitBytes).toBe(bytes);
            continue;
          }
          const held = extents.reduce((sum, extent) => sum + extent.pages, 0);
          // Outside a confidential VM all do as Linux does.
          const takesPowers = ['gfp-decrypted', 'migratetype'].includes(policy) && platform !== 'none';
          expect(held).toBe(takesPowers && extents.length === 1 ? 2 ** Math.ceil(Math.log2(pages)) : pages);
        }
      }),
      { numRuns: randomRuns(20) },
    );
  });
});

describe('when memory runs out', () => {
  it.each(PAGED)('%s refuses with an event, holds no page of it, and serves on', (policy) => {
    const pool = newPool(policy);
    boot(pool);
    const { events } = record(pool);
    const before = pool.counters;
    const huge = pool.vmalloc(16000, { owner: 'x' });
    expect(huge.ok).toBe(false);
    expect(events.at(-1)).toMatchObject({ type: 'allocation-failed', pages: 16000, reason: 'out-of-memory' });
    expect(pool.counters).toMatchObject({
      livePages: 0,
      liveAllocations: 0,
      liveBytes: 0,
      failedRequests: 1,
    });
    expect(pool.counters.claimedPages).toBe(before.claimedPages);
    expect(pool.counters.sharedPages).toBe(before.sharedPages);
    expect(pool.vmalloc(10, { owner: 'x' }).ok).toBe(true);
    // Not order 10: the page tables of the splits stay, and none of the largest chunks may be whole after that.
    const large: boolean[] = [];
    for (let i = 0; i < 80; i++) large.push(pool.alloc_pages(8, { owner: 'x' }).ok);
    expect(large).toContain(true);
    expect(large.at(-1)).toBe(false);
    expect(events.at(-1)).toMatchObject({ type: 'allocation-failed', pages: 256, reason: 'out-of-memory' });
  });

  it.each(BOUNCING)('%s refuses with an event when its slots are used up, and serves on', (policy) => {
    const pool = newPool(policy);
    const { events } = record(pool);
    const all = Array.from({ length: 9 }, () => pool.vmalloc(64, { owner: 'x' }));
    expect(all.map(({ ok }) => ok)).toEqual([...Array(8).fill(true), false]);
    expect(events.at(-1)).toMatchObject({ type: 'allocation-failed', pages: 64, reason: 'swiotlb-full' });
    pool.free(all[3].allocation);
    expect(pool.vmalloc(64, { owner: 'x' }).ok).toBe(true);
  });

  it.each(POLICIES)('%s refuses what no chunk can hold as too large', (policy) => {
    const pool = newPool(policy);
    const { events } = record(pool);
    expect(pool.alloc_pages_exact(1025, { owner: 'x' }).ok).toBe(false);
    expect(events.at(-1)).toMatchObject({ type: 'allocation-failed', pages: 1025, reason: 'too-large' });
  });

  it('an allocation that failed cannot be freed', () => {
    const pool = newPool('gfp-decrypted');
    const { allocation } = pool.vmalloc(16000, { owner: 'x' });
    expect(() => pool.free(allocation)).toThrow(InputError);
  });
});

describe('a caller’s mistake', () => {
  const pool = newPool('first-fit+page+immediate');
  const two = pool.vmalloc(2, { owner: 'x', at: 100 });

  it.each<[string, () => unknown, string]>([
    ['an order of 11', () => pool.alloc_pages(11, { owner: 'x' }), 'orders run from 0 to 10'],
    ['an order of -1', () => pool.alloc_pages(-1, { owner: 'x' }), 'orders run from 0 to 10'],
    ['an order of 1.5', () => pool.alloc_pages(1.5, { owner: 'x' }), 'orders run from 0 to 10'],
    ['no pages', () => pool.vmalloc(0, { owner: 'x' }), 'a request for 0 pages'],
    ['half a page', () => pool.vmalloc(0.5, { owner: 'x' }), 'a request for 0.5 pages'],
    ['more pages than memory spans', () => pool.vmalloc(16385, { owner: 'x' }), 'from 1 to 16384'],
    ['more bytes than pages', () => pool.vmalloc(1, { owner: 'x', bytes: 4097 }), '4097 bytes in 1 pages'],
    ['negative bytes', () => pool.vmalloc(1, { owner: 'x', bytes: -1 }), '-1 bytes'],
    [
      'a time before the last',
      () => pool.vmalloc(1, { owner: 'x', at: 99 }),
      'expected a whole number from 100',
    ],
    [
      'half a nanosecond',
      () => pool.vmalloc(1, { owner: 'x', at: 100.5 }),
      'expected a whole number from 100',
    ],
    [
      'a free of what was never allocated',
      () => pool.free(allocationId(9)),
      'free of allocation 9: it is not live',
    ],
    ['a free of no id', () => pool.free(allocationId(0)), 'allocation 0: it is not live'],
    ['a free of a fraction', () => pool.free(allocationId(1.5)), 'allocation 1.5: it is not live'],
    ['a free of NaN', () => pool.free(allocationId(Number.NaN)), 'allocation NaN: it is not live'],
    [
      'flags that there are not',
      () => pool.vmalloc(1, { owner: 'x', gfp: 128 }),
      'gfp flags 128: expected a combination of',
    ],
    ['flags below none', () => pool.vmalloc(1, { owner: 'x', gfp: -1 }), 'gfp flags -1'],
    ['a free with half a flag', () => pool.free(two.allocation, 100, 0.5), 'gfp flags 0.5'],
    ['node 63', () => pool.vmalloc(1, { owner: 'x', node: 63 }), 'nodes run from 0 to 62'],
    [
      'an alignment of 3',
      () => pool.kmalloc(9, { owner: 'x', align: 3 }),
      'must be a power of two up to 4096',
    ],
    ['no bytes', () => pool.kmalloc(0, { owner: 'x' }), 'kmalloc of 0 bytes: must be a whole number from 1'],
    [
      'an api that does not exist',
      () =>
        pool.request({
          kind: 'allocate',
          allocation: allocationId(3),
          api: 'kmaloc' as 'kmalloc',
          pages: 1,
          bytes: 8,
          owner: 'x',
          time: nanoseconds(100),
        }),
      "unknown api 'kmaloc'. Did you mean 'kmalloc'",
    ],
    [
      'a migratetype that does not exist',
      () =>
        pool.request({
          kind: 'background-allocate',
          key: 1,
          order: 0,
          migratetype: 'Moveable' as 'Movable',
          time: nanoseconds(100),
        }),
      "unknown migratetype 'Moveable'. Did you mean 'Movable'",
    ],
    [
      'a request of no kind',
      () =>
        pool.request({ kind: 'alloc', time: nanoseconds(100) } as unknown as Parameters<Pool['request']>[0]),
      "unknown kind of request 'alloc'",
    ],
    ['a free too early', () => pool.free(two.allocation, 5), 'expected a whole number from 100'],
    [
      'an allocation id out of turn',
      () =>
        pool.request({
          kind: 'allocate',
          allocation: allocationId(7),
          api: 'vmalloc',
          pages: 1,
          bytes: 1,
          owner: 'x',
          time: nanoseconds(100),
        }),
      'allocation id 7: expected 2',
    ],
    [
      'alloc_pages of three pages',
      () =>
        pool.request({
          kind: 'allocate',
          allocation: allocationId(2),
          api: 'alloc_pages',
          pages: 3,
          bytes: 1,
          owner: 'x',
          time: nanoseconds(100),
        }),
      'must be a power of two',
    ],
  ])('%s: is told, causes no event, and leaves the pool as it was', (_, mistake, message) => {
    const hash = pool.hash();
    expect(mistake).toThrow(InputError);
    expect(mistake).toThrow(message);
    expect(pool.hash()).toBe(hash);
  });

  it('a free twice is refused the second time', () => {
    const once = newPool('gfp-decrypted');
    const { allocation } = once.alloc_pages(0, { owner: 'x' });
    once.free(allocation);
    expect(() => once.free(allocation)).toThrow('it is not live');
  });

  it('one owner too many is refused, and the pool serves on', () => {
    const many = newPool('gfp-decrypted', SMALL, 'none');
    // Room is left for the names of slab caches; one is the bounce buffers'.
    const most = MAX_OWNER - 64;
    for (let owner = 1; owner < most; owner++) {
      many.free(many.alloc_pages(0, { owner: String(owner) }).allocation);
    }
    expect(() => many.alloc_pages(0, { owner: 'x' })).toThrow(/^owner 'x': .* at most 65471$/);
    expect(many.alloc_pages(0, { owner: '7' }).ok).toBe(true);
    expect(many.kmalloc(100, { owner: '7' }).ok).toBe(true);
  });

  it('an unknown policy is answered with the nearest names', () => {
    expect(() => policyNamed('gfp')).toThrow(
      /unknown policy 'gfp'\. Did you mean 'gfp-decrypted'.*decpool policies/,
    );
    expect(() => policyNamed('worst+block+immediate')).toThrow(/unknown placement 'worst'.*'worst-fit'/);
    expect(() => policyNamed('first-fit+toString+immediate')).toThrow(/unknown part 'toString'/);
    expect(() => policyNamed('first-fit+block+constructor')).toThrow(/unknown part 'constructor'/);
    expect(() => policyNamed('__proto__')).toThrow(InputError);
  });
});

describe('a subscriber', () => {
  it('cannot make requests: they are refused, and nothing changes', () => {
    const pool = newPool('first-fit+page+immediate');
    const quiet = newPool('first-fit+page+immediate');
    const refused: unknown[] = [];
    const told = { events: 0, states: 0, batches: 0 };
    const tryIt = (stream: keyof typeof told) => {
      told[stream]++;
      try {
        pool.alloc_pages(0, { owner: 'sneaky' });
      } catch (error) {
        refused.push(error);
      }
    };
    pool.events$.subscribe(() => tryIt('events'));
    pool.state$.subscribe(() => tryIt('states'));
    pool.batches$.subscribe(() => tryIt('batches'));
    for (const one of [pool, quiet]) {
      one.vmalloc(100, { owner: 'x' });
      one.flush();
    }
    expect(told.batches).toBeGreaterThan(0);
    expect(refused).toHaveLength(told.events + told.states + told.batches);
    for (const error of refused) expect(error).toBeInstanceOf(InputError);
    expect((refused[0] as Error).message).toContain('inside a subscriber');
    expect(pool.hash()).toBe(quiet.hash());
    expect(pool.alloc_pages(0, { owner: 'x' }).ok).toBe(true);
  });

  it('who changes an event gets a TypeError; the log, the state and the others see it as it was', () => {
    const pool = newPool('first-fit+block+immediate');
    const quiet = newPool('first-fit+block+immediate');
    const errors: unknown[] = [];
    pool.events$.subscribe((event) => {
      for (const change of [{ type: 'x' }, { pfn: 1 }, { extra: 1 }]) {
        try {
          Object.assign(event, change);
        } catch (error) {
          errors.push(error);
        }
      }
    });
    const [told, expected] = [record(pool), record(quiet)];
    for (const one of [pool, quiet]) {
      play(one, [{ api: 'vmalloc', pages: 100 }, { pick: 0 }]);
      one.flush();
    }
    expect(errors).toHaveLength(3 * told.events.length);
    for (const error of errors) expect(error).toBeInstanceOf(TypeError);
    expect(told.events).toEqual(expected.events);
    expect(told.batches.flatMap((batch) => [...batch])).toEqual(expected.events);
    expect(pool.hash()).toBe(quiet.hash());
  });

  it('who changes a state gets a TypeError, and the next state is right all the same', () => {
    const pool = newPool('first-fit+block+immediate');
    const states: State[] = [];
    let errors = 0;
    pool.state$.subscribe((state) => {
      for (const change of [
        () => Object.assign(state.counters, { sharedPages: 9 }),
        () => (state.owners as string[]).push('x'),
        () => Object.assign(state.tables, { x: 1 }),
        () => Object.assign(state.geometry, { spanPages: 1 }),
        () => Object.assign(state, { tables: undefined }),
      ]) {
        expect(change).toThrow(TypeError);
        errors++;
      }
      states.push(state);
    });
    const { events } = record(pool);
    play(pool, [{ api: 'vmalloc', pages: 100 }, { api: 'alloc_pages', pages: 8 }, { pick: 1 }]);
    expect(errors).toBe(5 * events.length);
    const columns = new Columns(machineOf(pool.header), SMALL.directMap);
    for (const [index, event] of events.entries()) {
      columns.fold(batchOf(event));
      expect(hashOf(states[index])).toBe(columns.hash());
    }
  });

  it('who writes into a column writes into a copy of its own', () => {
    const pool = newPool('first-fit+page+immediate');
    pool.batches$.subscribe((batch) => {
      for (const name of ['type', 'pfn', 'pages', 'time'] as const) batch.column(name).fill(1);
      batch.names().clear();
    });
    const { events, batches } = record(pool);
    play(pool, [{ api: 'vmalloc', pages: 100 }, { pick: 0 }]);
    pool.flush();
    expect(batches.flatMap((batch) => [...batch])).toEqual(events);
    expect(hashOf(pool.state)).toBe(pool.hash());
  });

  it('who comes late sees what happens from then on', () => {
    const pool = newPool('gfp-decrypted');
    pool.alloc_pages(0, { owner: 'x' });
    const before = pool.counters.events;
    const { events } = record(pool);
    pool.alloc_pages(0, { owner: 'x' });
    expect(events[0].seq).toBe(before);
  });
});

describe('the state of a pool', () => {
  it('is immutable: what was taken stays as it was, and asking twice gives the same object', () => {
    const pool = newPool('first-fit+page+immediate');
    const first = pool.state;
    const hash = hashOf(first);
    expect(pool.state).toBe(first);
    pool.vmalloc(300, { owner: 'x' });
    expect(hashOf(first)).toBe(hash);
    expect(hashOf(pool.state)).toBe(pool.hash());
    pool.flush();
    expect(hashOf(pool.state)).toBe(pool.hash());
  });

  it('is the same whether it was followed from the start or published late', () => {
    const steps: Step[] = [{ api: 'vmalloc', pages: 300 }, { api: 'alloc_pages', pages: 64 }, { pick: 0 }];
    const early = newPool('best-fit+page+immediate');
    expect(hashOf(early.state)).toBe(early.hash());
    const late = newPool('best-fit+page+immediate');
    play(early, steps);
    play(late, steps);
    expect(hashOf(late.state)).toBe(hashOf(early.state));
  });
});

describe('a policy that breaks a rule is refused', () => {
  const serving =
    (allocate: (record: Recorder) => void, free: Policy['free'] = () => {}): PolicyFactory =>
    () => ({ name: 'faulty', allocate: (_request, _view, record) => allocate(record), free });
  const claimOne = (record: Recorder): Pfn => {
    const page = record.claim(0);
    if (page === -1) throw new Error('no page');
    return page;
  };
  const alloc = (pool: Pool) => pool.alloc_pages(0, { owner: 'x' });

  it.each<[string, (record: Recorder) => void, string]>([
    ['gives out a private page', (record) => record.allocate(claimOne(record), 1), 'is private'],
    [
      'gives out a page it never claimed',
      (record) => record.allocate(pfn(600), 1),
      'page 600 is not claimed',
    ],
    [
      'gives out the same page twice',
      (record) => {
        const page = claimOne(record);
        record.decrypt(page, 1);
        record.allocate(page, 1);
        record.allocate(page, 1);
      },
      'is in an allocation',
    ],
    [
      'decides nothing',
      () => {},
      "policy 'faulty', request 1 (alloc_pages of 1 page for 'x'): neither served nor refused",
    ],
    [
      'takes back what it gave, without a word',
      (record) => {
        const page = claimOne(record);
        record.decrypt(page, 1);
        record.allocate(page, 1);
        record.free(page, 1);
      },
      'neither served nor refused',
    ],
    ['decrypts what it never claimed', (record) => record.decrypt(pfn(600), 1), 'page 600 is not claimed'],
    [
      'decrypts twice',
      (record) => {
        const page = claimOne(record);
        record.decrypt(page, 1);
        record.decrypt(page, 1);
      },
      'is shared',
    ],
    [
      'gives back a shared page',
      (record) => {
        const page = claimOne(record);
        record.decrypt(page, 1);
        record.giveBack(page, 1);
      },
      'is shared',
    ],
    [
      'gives back twice',
      (record) => {
        const page = claimOne(record);
        record.giveBack(page, 1);
        record.giveBack(page, 1);
      },
      'is not claimed',
    ],
    [
      'refuses though the allocation holds pages',
      (record) => {
        const page = claimOne(record);
        record.decrypt(page, 1);
        record.allocate(page, 1);
        record.fail('out-of-memory');
      },
      'or holds pages',
    ],
  ])('when it %s', (_, allocate, message) => {
    const pool = newPool(serving(allocate));
    const { events, batches } = record(pool);
    expect(() => alloc(pool)).toThrow(InvariantError);
    expect(() => alloc(pool)).toThrow(message);
    pool.flush();
    expect(batches.flatMap((batch) => [...batch])).toEqual(events);
    const columns = new Columns(machineOf(pool.header), SMALL.directMap);
    for (const batch of batches) columns.fold(batch);
    expect(columns.hash()).toBe(pool.hash());
    expect(hashOf(publish(columns))).toBe(pool.hash());
  });

  it('when it converts for a caller that may not sleep', () => {
    for (const convert of [
      (record: Recorder, page: Pfn) => record.decrypt(page, 1),
      (record: Recorder, page: Pfn) => record.encrypt(page, 1),
      (record: Recorder, page: Pfn) => record.decryptArea([{ pfn: page, pages: 1 }]),
    ]) {
      const { pool, events } = watched(serving((record) => convert(record, claimOne(record))));
      expect(() => pool.alloc_pages(0, { owner: 'x', gfp: GFP.GFP_NOWAIT })).toThrow(
        'were to be converted for a caller that may not sleep',
      );
      expect(conversionsIn(events)).toEqual([]);
    }
  });

  it.each(['tdx', 'pkvm', 'cca', 'cca-bbml3'] as const)(
    'when it converts a vmalloc address on %s',
    (platform) => {
      const area = serving((record) => record.decryptArea([{ pfn: claimOne(record), pages: 1 }]));
      expect(() => alloc(watched(area, { platform }).pool)).toThrow(
        `platform '${platform}' converts nothing by its vmalloc address`,
      );
    },
  );

  it('when it converts a part of a page of the host', () => {
    const platform = { ...platformNamed('snp'), granulePages: 4 } as const;
    const { pool } = watched(
      serving((record) => record.decrypt(claimOne(record), 1)),
      { platform },
    );
    expect(() => alloc(pool)).toThrow('the host converts whole granules of 4 pages');
  });

  it('when it hands out, gives back or converts what was leaked', () => {
    const faults = { seed: 1, decrypt: 1, encrypt: 0, converted: 0, retries: 0 };
    for (const use of [
      (record: Recorder, page: Pfn) => record.allocate(page, 1),
      (record: Recorder, page: Pfn) => record.giveBack(page, 1),
      (record: Recorder, page: Pfn) => record.decrypt(page, 1),
      (record: Recorder, page: Pfn) => record.encrypt(page, 1),
    ]) {
      const leaking = serving((record) => {
        const page = claimOne(record);
        expect(record.decrypt(page, 1)).toBe('leaked');
        use(record, page);
      });
      expect(() => alloc(watched(leaking, { faults }).pool)).toThrow(/is in an unknown state|was leaked/);
    }
  });

  it('when it serves a contiguous request with pages that are not contiguous', () => {
    const pool = newPool(
      serving((record) => {
        const [first, second, third] = [claimOne(record), claimOne(record), claimOne(record)];
        for (const page of [first, second, third]) record.decrypt(page, 1);
        record.allocate(first, 1);
        record.allocate(third, 1);
      }),
    );
    expect(() => pool.alloc_pages(1, { owner: 'x' })).toThrow('not contiguous and naturally aligned');
  });

  it('when it frees nothing', () => {
    const pool = newPool(
      serving((record) => {
        const page = claimOne(record);
        record.decrypt(page, 1);
        record.allocate(page, 1);
      }),
    );
    const { allocation } = alloc(pool);
    expect(() => pool.free(allocation)).toThrow(
      "policy 'faulty', request 2 (free of allocation 1 of 'x'): left unfinished",
    );
    expect(() => alloc(pool)).toThrow('unfinished');
  });
});

describe('conversions', () => {
  const after = (policy: string, steps: readonly Step[], platform: PlatformName = 'snp') => {
    const pool = new Pool({ memory: SMALL, platform: platformNamed(platform), policy: policyNamed(policy) });
    play(pool, steps);
    return pool.counters;
  };

  it('by block: one conversion for all allocations in it, no split, all of it shared', () => {
    const ten: Step[] = Array.from({ length: 10 }, () => ({ api: 'alloc_pages', pages: 1 }));
    expect(after('first-fit+block+immediate', ten)).toMatchObject({
      conversions: 1,
      convertedPages: 512,
      splits2M: 0,
      sharedPages: 512,
      hostCalls: 1,
      livePages: 10,
    });
  });

  it('by page: one conversion an allocation, one split, nothing shared that is not in use', () => {
    const ten: Step[] = Array.from({ length: 10 }, () => ({ api: 'alloc_pages', pages: 1 }));
    expect(after('first-fit+page+immediate', ten)).toMatchObject({
      conversions: 10,
      convertedPages: 10,
      splits2M: 1,
      sharedPages: 10,
      livePages: 10,
    });
  });

  it('restore 2M mappings where the platform is asked to', () => {
    const pool = new Pool({
      memory: SMALL,
      platform: { ...platformNamed('snp'), restore: true },
      policy: policyNamed('first-fit+page+immediate'),
    });
    const before = pool.counters.mapped2MPages;
    const { allocation } = pool.vmalloc(10, { owner: 'x' });
    expect(pool.counters.mapped2MPages).toBe(before - 512);
    pool.free(allocation);
    expect(pool.counters).toMatchObject({ mapped2MPages: before, restores2M: 1, pageTablePages: 0 });
  });
});
