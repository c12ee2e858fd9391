import { expect, it } from 'vitest';
import { fileChurn } from './file-churn.ts';
import { durationOf } from './workload.ts';

const workload = fileChurn.generate({ seconds: 120, rate: 40, pages: 4096 });

it('others take and return unshared pages, and nobody asks for a shared one', () => {
  const kinds = new Set(workload.requests.map(({ kind }) => kind));
  expect(kinds).toEqual(new Set(['background-allocate', 'background-free']));
  expect(workload.peakLivePages).toBe(0);
});

it('they take so many chunks a second, of every migratetype and of several orders', () => {
  const taken = workload.requests.filter((request) => request.kind === 'background-allocate');
  expect(taken).toHaveLength(120 * 40);
  expect(durationOf(workload)).toBeLessThanOrEqual(120e9);
  expect(new Set(taken.map(({ migratetype }) => migratetype))).toEqual(
    new Set(['Movable', 'Reclaimable', 'Unmovable']),
  );
  expect(new Set(taken.map(({ order }) => order)).size).toBeGreaterThan(4);
});

it('they hold as many pages as they will, and no more, once they have them', () => {
  const orders = new Map<number, number>();
  let pages = 0;
  const held = workload.requests.map((request) => {
    if (request.kind === 'background-allocate') {
      orders.set(request.key, request.order);
      pages += 1 << request.order;
    } else if (request.kind === 'background-free') pages -= 1 << (orders.get(request.key) ?? 0);
    return pages;
  });
  expect(Math.max(...held)).toBeLessThan(4096 + 2 * 512);
  expect(Math.min(...held.slice(held.length / 2))).toBeGreaterThan(4096 / 2);
});
