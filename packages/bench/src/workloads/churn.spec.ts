import { InputError } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { churn } from './churn.ts';
import { peakLivePages } from './workload.ts';

const options = fc.record({
  seed: fc.nat({ max: 0xffffffff }),
  requests: fc.integer({ min: 1, max: 3000 }),
  livePages: fc.integer({ min: 64, max: 5000 }),
});

describe('for any settings', () => {
  it('the requests are well formed, as many as asked for, and never more pages live than asked for', () => {
    fc.assert(
      fc.property(options, (settings) => {
        const { requests, peakLivePages: peak } = churn.generate(settings);
        expect(requests).toHaveLength(settings.requests);
        expect(peakLivePages(requests)).toBe(peak);
        expect(peak).toBeLessThanOrEqual(settings.livePages);
      }),
    );
  });

  it('the same seed makes the same requests', () => {
    fc.assert(
      fc.property(options, (settings) => {
        expect(churn.generate(settings)).toEqual(churn.generate(settings));
      }),
      { numRuns: 20 },
    );
  });
});

it('once full, stays within two of the largest allocations of full', () => {
  const livePages = 4096;
  const pagesOf = new Map<number, number>();
  let live = 0;
  let full = false;
  for (const request of churn.generate({ requests: 20_000, livePages }).requests) {
    if (request.kind !== 'allocate' && request.kind !== 'free') continue;
    if (request.kind === 'allocate') pagesOf.set(request.allocation, request.pages);
    const pages = pagesOf.get(request.allocation)!;
    live += request.kind === 'allocate' ? pages : -pages;
    full ||= live > livePages - 64;
    if (full) expect(live).toBeGreaterThan(livePages - 2 * 64);
  }
  expect(full).toBe(true);
  expect(new Set(pagesOf.values())).toEqual(new Set([1, 2, 4, 8, 16, 32, 64]));
});

it.each([{ requests: 0 }, { livePages: 63 }, { seed: 0.5 }])('settings %j are refused', (wrong) => {
  expect(() => churn.generate(wrong)).toThrow(InputError);
});
