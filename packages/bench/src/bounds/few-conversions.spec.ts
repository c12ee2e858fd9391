import type { Request } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fewConversions } from './few-conversions.ts';
import { allocate, free } from './testing.ts';

const BLOCK = 512;
const MIB = 2 ** 20;

/** One block that is used in [0, 10), [30, 40) and [90, 100), ns. */
const PHASES = [
  allocate(1, BLOCK, { time: 0 }),
  free(1, 10),
  allocate(2, BLOCK, { time: 30 }),
  free(2, 40),
  allocate(3, BLOCK, { time: 90 }),
  free(3, 100),
];

describe('the least idle memory with few conversions', () => {
  it('is that of a pool which keeps its blocks, if it can convert each only once', () => {
    const { blocksPeak, leastIdle } = fewConversions(PHASES, BLOCK);
    expect(blocksPeak).toBe(1);
    expect(leastIdle[0]).toBeCloseTo((70 / 100) * 2 * MIB);
  });

  it('gets smaller by the longest pause for two conversions more, then by the next', () => {
    const { leastIdle } = fewConversions(PHASES, BLOCK);
    expect(leastIdle[2]).toBeCloseTo((20 / 100) * 2 * MIB);
    expect(leastIdle.at(-1)).toBe(0);
  });

  it('takes one conversion for a block that is not needed again', () => {
    const requests = [
      allocate(1, BLOCK, { time: 0 }),
      allocate(2, 1, { time: 0 }),
      free(1, 50),
      free(2, 100),
    ];
    const { blocksPeak, leastIdle } = fewConversions(requests, BLOCK);
    expect(blocksPeak).toBe(2);
    expect(leastIdle[0] - leastIdle[1]).toBeCloseTo((50 / 100) * 2 * MIB);
  });

  it('is what is left of blocks that are not full, with any number of conversions', () => {
    const { leastIdle } = fewConversions([allocate(1, 128, { time: 0 }), free(1, 100)], BLOCK);
    expect(leastIdle).toEqual([1.5 * MIB, 1.5 * MIB]);
  });

  it('is 0 of no requests', () => {
    expect(fewConversions([], BLOCK)).toEqual({ blocksPeak: 0, leastIdle: [0, 0] });
  });
});

/** Uses of whole blocks, back to back. */
const histories = fc.array(fc.record({ blocks: fc.nat(3), ns: fc.integer({ min: 1, max: 9 }) }), {
  minLength: 1,
  maxLength: 6,
});
type History = readonly { readonly blocks: number; readonly ns: number }[];

function requestsOf(history: History): Request[] {
  let [time, id] = [0, 0];
  return history.flatMap(({ blocks, ns }) => {
    const taken = Array.from({ length: blocks }, () => ++id);
    const begun = time;
    time += ns;
    return [
      ...taken.map((each) => allocate(each, BLOCK, { time: begun })),
      ...taken.map((each) => free(each, time)),
    ];
  });
}

/** Every way to share at least what is needed: the fewest block-ns with so many conversions. */
function tried(history: History, conversions: number): number {
  const most = Math.max(...history.map(({ blocks }) => blocks));
  let best = Number.POSITIVE_INFINITY;
  const share = (phase: number, before: number, left: number, sum: number): void => {
    if (left < 0) return;
    if (phase === history.length) best = Math.min(best, sum);
    else {
      for (let shared = history[phase].blocks; shared <= most; shared++) {
        const cost = Math.abs(shared - before);
        share(phase + 1, shared, left - cost, sum + shared * history[phase].ns);
      }
    }
  };
  share(0, 0, conversions, 0);
  return best;
}

it('no pool is below it: not one that tried every choice', () => {
  fc.assert(
    fc.property(histories, fc.nat(6), (history, more) => {
      const { blocksPeak, leastIdle } = fewConversions(requestsOf(history), BLOCK);
      const time = history.reduce((sum, { ns }) => sum + ns, 0);
      const needed = history.reduce((sum, { blocks, ns }) => sum + blocks * ns, 0);
      const found = tried(history, blocksPeak + more);
      const bound = leastIdle[Math.min(more, leastIdle.length - 1)];
      expect(bound).toBeLessThanOrEqual(((found - needed) / time) * 2 * MIB + 1e-6);
    }),
    { numRuns: 200, seed: 1 },
  );
});

/** Pages and objects, with frees between them, at times that may be the same. */
const mixed = fc
  .array(
    fc.record({
      pages: fc.constantFrom(1, 100, 512, 700, 1024),
      gap: fc.nat(5),
      freed: fc.option(fc.nat(), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((drawn): Request[] => {
    const live: number[] = [];
    const requests: Request[] = [];
    let time = 0;
    for (const [at, { pages, gap, freed }] of drawn.entries()) {
      time += gap;
      if (freed !== undefined && live.length > 0) {
        requests.push(free(live.splice(freed % live.length, 1)[0], time));
      } else {
        live.push(at + 1);
        requests.push(allocate(at + 1, pages, { time, owner: pages === 100 ? 'other' : 'a' }));
      }
    }
    return requests;
  });

/** The same by its definition: each level's pauses are found by looking through the trace again. */
function byLevels(requests: readonly Request[], isCounted: (pages: number) => boolean) {
  const held = new Map<number, number>();
  const spans: { ns: number; pages: number; blocks: number }[] = [];
  let most = 0;
  for (const [at, request] of requests.entries()) {
    if (request.kind === 'allocate' && isCounted(request.pages)) held.set(request.allocation, request.pages);
    if (request.kind === 'free') held.delete(request.allocation);
    const pages = [...held.values()].reduce((sum, more) => sum + more, 0);
    const next = requests[at + 1] ?? request;
    const blocks = Math.ceil(pages / BLOCK);
    spans.push({ ns: next.time - request.time, pages, blocks });
    most = Math.max(most, blocks);
  }
  const end = requests.at(-1)?.time ?? 0;
  const total = (of: (span: (typeof spans)[0]) => number) =>
    spans.reduce((sum, span) => sum + span.ns * of(span), 0);
  const savings: number[] = [];
  let shared = 0;
  for (let level = 1; level <= most; level++) {
    let pause: number | undefined;
    for (const { ns, blocks } of spans) {
      if (blocks >= level) {
        if (pause !== undefined && pause > 0) savings.push(pause / 2, pause / 2);
        pause = 0;
      } else if (pause !== undefined) pause += ns;
      if (pause !== undefined) shared += ns;
    }
    if (pause !== undefined && pause > 0) savings.push(pause);
  }
  savings.sort((a, b) => b - a);
  const idle = (ns: number) => (end === 0 ? 0 : ((ns * BLOCK - total(({ pages }) => pages)) * 4096) / end);
  const values = [shared];
  for (const saved of savings.slice(0, 3 * most)) values.push(values[values.length - 1] - saved);
  return {
    blocksPeak: most,
    leastIdle: [...values, total(({ blocks }) => blocks)].map(idle),
  };
}

it('is what looking through the trace again for each level finds, of all requests and of some', () => {
  fc.assert(
    fc.property(mixed, fc.boolean(), (requests, isAll) => {
      const found = fewConversions(requests, BLOCK, isAll ? undefined : ({ owner }) => owner === 'a');
      const expected = byLevels(requests, (pages) => isAll || pages !== 100);
      expect(found.blocksPeak).toBe(expected.blocksPeak);
      expect(found.leastIdle).toHaveLength(expected.leastIdle.length);
      for (const [at, bytes] of found.leastIdle.entries())
        expect(Math.abs(bytes - expected.leastIdle[at])).toBeLessThan(1e-3);
    }),
    { numRuns: 200, seed: 1 },
  );
});

it('the list ends where each block can be converted four times on average, and once more with any number', () => {
  const requests = Array.from({ length: 10 }, (_, at) => [
    allocate(at + 1, 512, { time: at * 20 }),
    free(at + 1, at * 20 + 10),
  ]).flat();
  const { blocksPeak, leastIdle } = fewConversions(requests, 512);
  // With 1, 2, 3 and 4 conversions of the one block, and with as many as it takes: then nothing is idle.
  expect([blocksPeak, leastIdle.length, leastIdle.at(-1)]).toEqual([1, 5, 0]);
});
