import {
  allocationId,
  brokenInvariants,
  type EventType,
  GFP,
  GFP_KERNEL,
  InputError,
  type Nanoseconds,
  nanoseconds,
  type PoolEvent,
  type Request,
} from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handover } from './handover.ts';
import { freshBoot } from './page-source/profiles.ts';
import type { Policy, PolicyFactory } from './policy.ts';
import { policyNamed } from './registry.ts';
import { eventsOf, MIB, SOME_POLICIES, watched } from './testing.ts';

const owner = 'x';

/** Whose turn it is while a policy decides or works. */
interface Turn {
  of: string | undefined;
}

/** A policy that says when it has its turn. */
function telling(name: string, factory: PolicyFactory, turn: Turn): PolicyFactory {
  return (view) => {
    const policy = factory(view);
    const inTurn = (act: () => void) => {
      const outer = turn.of;
      turn.of = name;
      act();
      turn.of = outer;
    };
    const told: Policy = {
      name: policy.name,
      ...(policy.bounceBuffers && { bounceBuffers: policy.bounceBuffers }),
      ...(policy.keepsZonesReady && { keepsZonesReady: policy.keepsZonesReady }),
      allocate: (...args) => inTurn(() => policy.allocate(...args)),
      free: (...args) => inTurn(() => policy.free(...args)),
      ...(policy.cacheFor && { cacheFor: policy.cacheFor.bind(policy) }),
      ...(policy.freesWithoutSleeping && { freesWithoutSleeping: policy.freesWithoutSleeping.bind(policy) }),
      ...(policy.hasWork && { hasWork: policy.hasWork.bind(policy) }),
      ...(policy.workDueAt && { workDueAt: policy.workDueAt.bind(policy) }),
      work: (...args) => inTurn(() => policy.work?.(...args)),
    };
    return told;
  };
}

/** A pool whose first policy hands over behind request `last`, and whose turn each event fell into. */
function handedOver(first: string, second: string, last: number) {
  const turn: Turn = { of: undefined };
  const before = telling('first', policyNamed(first), turn);
  const after = telling('second', policyNamed(second), turn);
  const { pool, events } = watched(handover(before, after, last), { memory: freshBoot(128 * MIB) });
  const turns: (string | undefined)[] = [];
  pool.events$.subscribe(() => turns.push(turn.of));
  /** In whose turns the events of a type fell. */
  const turnsOf = (type: EventType, from = 0) =>
    events.flatMap((event, at) => (at >= from && event.type === type ? [turns[at]] : []));
  return { pool, events, turns, turnsOf };
}

/** What a caller does next. `which` picks one of what it has for a free. */
type Step = { readonly wait: number; readonly gfp: number } & (
  | { readonly does: 'free'; readonly which: number }
  | { readonly does: 'kmalloc' | 'dma_alloc_coherent'; readonly bytes: number }
  | { readonly does: 'alloc_pages'; readonly order: number }
  | { readonly does: 'vmalloc'; readonly pages: number }
);

const CALLER = {
  wait: fc.constantFrom(0, 0, 1000, 2_000_000, 3_000_000_000),
  gfp: fc.constantFrom(GFP_KERNEL, GFP_KERNEL, GFP.GFP_ATOMIC),
};
const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ ...CALLER, does: fc.constant('free' as const), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...CALLER,
      does: fc.constantFrom('kmalloc' as const, 'dma_alloc_coherent' as const),
      bytes: fc.integer({ min: 1, max: 9000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ ...CALLER, does: fc.constant('alloc_pages' as const), order: fc.nat(9) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...CALLER,
      does: fc.constant('vmalloc' as const),
      pages: fc.integer({ min: 1, max: 600 }),
    }),
  },
);

/** The requests that these steps come to, whoever serves them. */
function requestsOf(steps: readonly Step[]): Request[] {
  const held: number[] = [];
  let [time, last] = [0, 0];
  return steps.flatMap((step): Request[] => {
    time += step.wait;
    const at: { time: Nanoseconds; gfp: number } = { time: nanoseconds(time), gfp: step.gfp };
    if (step.does === 'free') {
      if (held.length === 0) return [];
      const [allocation] = held.splice(step.which % held.length, 1);
      return [{ kind: 'free', ...at, allocation: allocationId(allocation) }];
    }
    held.push(++last);
    const pages =
      'order' in step ? 1 << step.order : 'pages' in step ? step.pages : Math.ceil(step.bytes / 4096);
    const bytes = 'bytes' in step ? step.bytes : pages * 4096;
    return [{ kind: 'allocate', ...at, allocation: allocationId(last), api: step.does, pages, bytes, owner }];
  });
}

/** Pages of these events, each with the turn that it fell into. */
function* pagesIn(
  events: readonly PoolEvent[],
  turns: readonly (string | undefined)[],
  ...types: EventType[]
) {
  for (const [at, event] of events.entries()) {
    if (!types.includes(event.type) || !('pfn' in event) || !('pages' in event)) continue;
    for (let page = event.pfn; page < event.pfn + event.pages; page++) {
      yield { page: Number(page), type: event.type, turn: turns[at] };
    }
  }
}

/** Whoever took a page gives it back. */
function expectOwnPages(
  events: readonly PoolEvent[],
  turns: readonly (string | undefined)[],
  [taken, given]: readonly [EventType, EventType],
): void {
  const takers = new Map<number, string | undefined>();
  for (const { page, type, turn } of pagesIn(events, turns, taken, given)) {
    if (type === taken) takers.set(page, turn);
    else if (takers.get(page) !== turn) {
      expect.fail(`page ${page}: ${taken} in the turn of ${takers.get(page)}, ${given} in that of ${turn}`);
    }
  }
}

const PAIRS = SOME_POLICIES.map((first, index) => [first, SOME_POLICIES[(index + 5) % SOME_POLICIES.length]])
  // Bounce buffers are made at boot.
  .filter(([first, second]) => !second.startsWith('swiotlb') || first.startsWith('swiotlb'));

describe.each(PAIRS)('a handover from %s to %s', (first, second) => {
  it('changes nothing before it, breaks nothing behind it, and each policy gives back what it took', () => {
    fc.assert(
      fc.property(fc.array(STEP, { minLength: 20, maxLength: 60 }), fc.nat(40), (steps, last) => {
        const requests = requestsOf(steps);
        const alone = watched(policyNamed(first), { memory: freshBoot(128 * MIB) });
        const { pool, events, turns } = handedOver(first, second, last);
        for (const request of requests) {
          alone.pool.request(request);
          pool.request(request);
          expect(brokenInvariants(pool.view, pool.header.memory.directMap)).toEqual([]);
        }
        for (const each of [pool, alone.pool]) each.complete();
        expect(brokenInvariants(pool.view, pool.header.memory.directMap)).toEqual([]);
        const upTo = (all: readonly PoolEvent[]) => all.filter(({ request }) => request <= last);
        expect(upTo(events)).toEqual(upTo(alone.events));
        expectOwnPages(events, turns, ['pages-allocated', 'pages-freed']);
        expectOwnPages(events, turns, ['pages-claimed', 'pages-returned']);
        const late = turns.filter((turn, at) => turn === 'second' && events[at].request <= last);
        expect(late).toEqual([]);
      }),
      { numRuns: randomRuns(8) },
    );
  });
});

describe('behind a handover', () => {
  const [first, second] = ['first-fit+page+never-return', 'best-fit+block+immediate'];

  it('the second policy serves, and starts with nothing of its own', () => {
    const { pool, events, turnsOf } = handedOver('first-fit+block+never-return', second, 2);
    pool.free(pool.alloc_pages(0, { owner }).allocation);
    const from = events.length;
    pool.alloc_pages(0, { owner });
    expect(turnsOf('pages-allocated', from)).toEqual(['second']);
    // The first holds a whole free block, and it is not the second's to give.
    expect(eventsOf(events.slice(from), 'pages-claimed')).toMatchObject([{ pages: 512 }]);
    expect(pool.counters.sharedPages).toBe(1024);
  });

  it('frees of old allocations go to the first policy, of new ones to the second', () => {
    const { pool, turnsOf } = handedOver(first, second, 2);
    const old = [pool.alloc_pages(2, { owner }), pool.vmalloc(10, { owner })];
    const young = [pool.alloc_pages(2, { owner }), pool.vmalloc(10, { owner })];
    for (const { allocation } of [young[1], old[1], old[0], young[0]]) pool.free(allocation);
    expect([...new Set(turnsOf('pages-freed'))]).toEqual(['second', 'first']);
    expect(turnsOf('pages-freed').at(-1)).toBe('second');
  });

  it('a slab that outlives goes back to the first policy, whoever left it last', () => {
    const { pool, events, turnsOf } = handedOver('best-fit+block+immediate', second, 1);
    const old = pool.kmalloc(64, { owner });
    const young = pool.kmalloc(64, { owner });
    expect(eventsOf(events, 'slab-created')).toHaveLength(1);
    pool.free(old.allocation);
    pool.free(young.allocation);
    pool.complete();
    expect(eventsOf(events, 'slab-destroyed')).toMatchObject([{ allocation: young.allocation }]);
    expect(turnsOf('pages-freed')).toEqual(['first']);
    expect(turnsOf('pages-returned')).toEqual(['first']);
  });

  it('an emptied slab waits for the worker if one of the policies would: it may be of either', () => {
    const { pool, turnsOf } = handedOver('first-fit+page+reserve:64:512+immediate', 'gfp-decrypted', 1);
    // The first would free it at once: its reserve has room.
    pool.alloc_pages(2, { owner, gfp: GFP.GFP_ATOMIC });
    const young = pool.kmalloc(64, { owner });
    pool.free(young.allocation, undefined, GFP.GFP_ATOMIC);
    expect(turnsOf('pages-returned')).toEqual([]);
    pool.complete();
    expect(turnsOf('pages-returned')).toContain('second');
  });

  it('both policies have their workers: what the first left to do is done, and what the second does', () => {
    const hysteresis = 'first-fit+block+hysteresis:0.001';
    const { pool, turnsOf } = handedOver(hysteresis, hysteresis, 2);
    pool.free(pool.alloc_pages(3, { owner }).allocation);
    pool.free(pool.alloc_pages(3, { owner }).allocation);
    expect(turnsOf('pages-returned')).toEqual([]);
    pool.alloc_pages(0, { owner, at: 5_000_000_000 });
    expect([...turnsOf('pages-returned')].sort()).toEqual(['first', 'second']);
  });

  it('a policy that serves from bounce buffers cannot take over: they are made at boot', () => {
    expect(() => handedOver(first, 'swiotlb', 1)).toThrow(InputError);
    expect(() => handedOver(first, 'swiotlb', 1)).toThrow(`cannot take over from '${first}'`);
    const { pool } = handedOver('swiotlb', second, 1);
    expect(pool.alloc_pages(0, { owner }).ok && pool.alloc_pages(0, { owner }).ok).toBe(true);
  });
});
