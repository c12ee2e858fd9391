import { expect, it } from 'vitest';
import { keptUnusedMetrics } from './kept-unused.ts';
import { measure, objectAllocated, runOf, slabCreated } from './testing.ts';

const kept = (events: Parameters<typeof measure>[1], counters: Parameters<typeof measure>[2]) =>
  measure(keptUnusedMetrics, events, counters)['kept-unused'];

it('is what was claimed, less what is in use and what is leaked', () => {
  expect(kept([], { claimedPages: 1024, livePages: 500, slabPages: 20, leakedPages: 4 })).toBe(500 * 4096);
});

it('has no slot of the boot pool', () => {
  const boot = slabCreated(0, 16, 2048);
  expect(kept([boot], { claimedPages: 16, slabPages: 16 })).toBe(0);
  expect(kept([boot, objectAllocated(1, 1, 8192)], { claimedPages: 16, slabPages: 16 })).toBe(0);
});

it('in a real run a pool that never returns keeps its block, one that returns at once keeps nothing', () => {
  const requests = [
    { kind: 'allocate', time: 0, allocation: 1, api: 'alloc_pages', pages: 1, bytes: 4096, owner: 'nic' },
    { kind: 'free', time: 1, allocation: 1 },
  ] as unknown as Parameters<typeof runOf>[2];
  expect(runOf('first-fit+never-return', 'snp', requests).values['kept-unused']).toBe(2 * 2 ** 20);
  expect(runOf('first-fit+immediate', 'snp', requests).values['kept-unused']).toBe(0);
});
