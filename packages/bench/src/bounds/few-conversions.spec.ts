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
