import { type AllocationId, InputError, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { buddyAdversary, buddyAdversaryPages } from './buddy-adversary.ts';
import { allocations } from './testing.ts';

const options = fc.integer({ min: 1, max: 6 }).chain((rounds) =>
  fc.record({
    rounds: fc.constant(rounds),
    pages: fc.integer({ min: 1, max: 16 }).map((units) => units << (rounds + 1)),
  }),
);

/** Pages that first fit at natural alignment needs in a memory without end. */
function firstFitPages(requests: ReturnType<typeof buddyAdversary.generate>['requests']): number {
  const isTaken: boolean[] = [];
  const runs = new Map<AllocationId, { readonly start: number; readonly pages: number }>();
  const set = (start: number, pages: number, taken: boolean) => isTaken.fill(taken, start, start + pages);
  for (const request of requests) {
    if (request.kind === 'allocate') {
      const { pages } = request;
      let start = 0;
      while (isTaken.slice(start, start + pages).includes(true)) start += pages;
      while (isTaken.length < start + pages) isTaken.push(false);
      set(start, pages, true);
      runs.set(request.allocation, { start, pages });
    } else if (request.kind === 'free') {
      const { start, pages } = runs.get(request.allocation)!;
      set(start, pages, false);
    }
  }
  return isTaken.length;
}

it('first fit needs exactly the known answer, for any settings', () => {
  fc.assert(
    fc.property(options, (settings) => {
      expect(firstFitPages(buddyAdversary.generate(settings).requests)).toBe(buddyAdversaryPages(settings));
    }),
    { numRuns: 40 },
  );
});

it('never more is live than the pages asked for, and after each round that much', () => {
  fc.assert(
    fc.property(options, (settings) => {
      const workload = buddyAdversary.generate(settings);
      const { requests, peakLivePages } = workload;
      expect(peakLivePages).toBe(settings.pages);
      const pagesOf = new Map(allocations(workload).map((a) => [a.allocation, a.pages]));
      let live = 0;
      let timesFull = 0;
      for (const request of requests) {
        if (request.kind === 'allocate') live += request.pages;
        else if (request.kind === 'free') live -= pagesOf.get(request.allocation)!;
        if (live === settings.pages) timesFull++;
      }
      expect(timesFull).toBe(settings.rounds + 1);
    }),
  );
});

it('five and a half times what is live by default', () => {
  expect(buddyAdversaryPages({ pages: 8192, rounds: 9 })).toBe(5.5 * 8192);
});

it('a pool that places by first fit shares as many blocks as the known answer says', () => {
  const settings = { pages: 4096, rounds: 9 };
  const pool = new Pool({
    memory: freshBoot(512 * 1024 * 1024),
    platform: platformNamed('snp'),
    policy: policyNamed('first-fit+block+never-return'),
  });
  for (const request of buddyAdversary.generate(settings).requests) pool.request(request);
  expect(pool.counters.touchedBlocks).toBe(buddyAdversaryPages(settings) / 512);
});

it.each([
  [{ rounds: 0 }, 'rounds is 0'],
  [{ rounds: 11 }, 'rounds is 11'],
  [{ pages: 512 }, 'pages is 512; with 9 rounds it must be a multiple of 1024'],
  [{ pages: 1500 }, 'pages is 1500; with 9 rounds it must be a multiple of 1024, as 2048 is'],
])('settings %j are refused', (wrong, message) => {
  expect(() => buddyAdversary.generate(wrong)).toThrow(InputError);
  expect(() => buddyAdversary.generate(wrong)).toThrow(message);
});
