import { allocationId, nanoseconds, type Request } from '@decpool/model';
import { expect, it } from 'vitest';
import { fragmentationMetrics } from './fragmentation.ts';
import { allocated, freed, measure, refused, requested, runOf } from './testing.ts';

const percent = (events: Parameters<typeof measure>[1]) =>
  measure(fragmentationMetrics, events)['internal-fragmentation'];

it('is 100 - 100 * requested / granted, over all requests served', () => {
  expect(percent([requested(1, 1, 1024), allocated(1, 0, 1)])).toBe(75);
  expect(
    percent([requested(1, 1, 1024), allocated(1, 0, 1), requested(2, 1, 4096), allocated(2, 1, 1)]),
  ).toBe(37.5);
});

it('is exactly 0 where what was asked for was given, and where nothing was', () => {
  expect(percent([])).toBe(0);
  expect(percent([requested(1, 7, 7 * 4096), allocated(1, 0, 7)])).toBe(0);
});

it('takes all extents of a request together', () => {
  expect(percent([requested(1, 3, 3 * 4096), allocated(1, 0, 2), allocated(1, 8, 2)])).toBe(25);
});

it('leaves out a request that was refused, also one that had got pages already', () => {
  const served = [requested(1, 1, 2048), allocated(1, 0, 1)];
  const undone = [requested(2, 4, 4), allocated(2, 1, 2), freed(2, 1, 2), refused(2, 4, 'out-of-memory')];
  expect(percent([...served, ...undone])).toBe(50);
  expect(percent([...undone, ...served])).toBe(50);
});

it('is what a power of two costs: gfp-decrypted takes 4 pages for 3, a pool takes 3', () => {
  const request: Request = {
    kind: 'allocate',
    time: nanoseconds(0),
    allocation: allocationId(1),
    api: 'alloc_pages_exact',
    pages: 3,
    bytes: 3 * 4096,
    owner: 'ring',
  };
  const gfp = runOf('gfp-decrypted', 'snp', [request]);
  expect(gfp.values).toMatchObject({ 'internal-fragmentation': 25, 'pages-converted': 4 });
  const pool = runOf('first-fit+page+immediate', 'snp', [request]);
  expect(pool.values).toMatchObject({ 'internal-fragmentation': 0, 'pages-converted': 3 });
});
