import { InputError, type Request } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { fragCurve } from '../known-answers/frag-curve.ts';
import { FRAG_PHASE_NS, frag, fragRoundOf } from './frag.ts';
import { allocations } from './testing.ts';

const SMALL = { pages: 10_000, rounds: 5 };

/** Requests of each phase, in order. */
function phasesOf(requests: readonly Request[]): Request[][] {
  const phases: Request[][] = [];
  for (const request of requests) {
    const phase = Math.floor(request.time / FRAG_PHASE_NS);
    phases[phase] = [...(phases[phase] ?? []), request];
  }
  return phases;
}

const count = (requests: readonly Request[], kind: Request['kind']) =>
  requests.filter((request) => request.kind === kind).length;

describe('the benchmark', () => {
  const workload = frag.generate({ ...SMALL, pages: 1_000 });
  const [filling, freeing, ...rounds] = phasesOf(workload.requests);

  it('fills, and frees half', () => {
    expect([count(filling, 'allocate'), count(filling, 'free')]).toEqual([1000, 0]);
    expect([count(freeing, 'allocate'), count(freeing, 'free')]).toEqual([0, 500]);
    expect(workload.peakLivePages).toBe(1000);
  });

  it('then renews a tenth in each round, all frees first', () => {
    expect(rounds).toHaveLength(5);
    for (const round of rounds) {
      expect(round.slice(0, 50).every(({ kind }) => kind === 'free')).toBe(true);
      expect(round.slice(50).map(({ kind }) => kind)).toEqual(Array(50).fill('allocate'));
    }
  });

  it('has eight owners that allocate as much each', () => {
    const filled = allocations(workload).slice(0, 1000);
    const ofCore = (core: number) => filled.filter(({ owner }) => owner === `core ${core}`).length;
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(ofCore)).toEqual(Array(8).fill(125));
  });

  it('frees at random: other pages from another seed, and of every eighth of memory about as many', () => {
    const freed = freeing.flatMap((request) =>
      request.kind === 'free' ? [request.allocation as number] : [],
    );
    const other = phasesOf(frag.generate({ ...SMALL, pages: 1_000, seed: 2 }).requests)[1];
    expect(freed).not.toEqual(other.flatMap((r) => (r.kind === 'free' ? [r.allocation as number] : [])));
    for (let first = 1; first < 1000; first += 125) {
      const inEighth = freed.filter((allocation) => allocation >= first && allocation < first + 125);
      expect(inEighth.length).toBeGreaterThan(35);
    }
  });
});

it('the rounds that are over are told by the time', () => {
  expect([0, 1, 2, 3].map((phase) => fragRoundOf(phase * FRAG_PHASE_NS + 5))).toEqual([-1, 0, 1, 2]);
});

it('fills 90 % of the free memory of a guest of its size by default', () => {
  const free = freshBoot(512 * 2 ** 20).zones.reduce(
    (sum, zone) =>
      sum +
      Object.values(zone.free)
        .flatMap((orders) => orders.map((n, order) => n << order))
        .reduce((a, b) => a + b),
    0,
  );
  expect(frag.parameters.pages.default).toBe(Math.floor(0.9 * free));
});

describe('the score', () => {
  // 64 MiB, of which 30 blocks or so are free: 10 of them are not touched.
  const memory = freshBoot(64 * 2 ** 20);
  const workload = frag.generate({ pages: 6_000, rounds: 70 });
  const curve = (placement: string) => fragCurve(workload, memory, `${placement}+block+never-return`);

  it('is told for half of memory freed, and after each round', () => {
    expect(curve('buddy')).toHaveLength(71);
  });

  it('stays where it is with a buddy allocator, and recovers with first fit', () => {
    const [buddy, firstFit] = [curve('buddy'), curve('first-fit')];
    expect(buddy[0]).toBe(firstFit[0]);
    expect(buddy[70]).toBeLessThan(buddy[0] + 10);
    expect(firstFit[70]).toBeGreaterThan(90);
  });
});

it.each([
  [{ pages: 15 }, 'pages is 15'],
  [{ rounds: -1 }, 'rounds is -1'],
  [{ seed: -1 }, 'seed is -1'],
])('settings %j are refused', (wrong, message) => {
  expect(() => frag.generate(wrong)).toThrow(InputError);
  expect(() => frag.generate(wrong)).toThrow(message);
});
