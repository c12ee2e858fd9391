import { pfn } from '@decpool/model';
import { expect, it } from 'vitest';
import { johnstoneWilsonMetrics } from './johnstone-wilson.ts';
import { allocated, decrypted, freed, measure, runOf, slabCreated } from './testing.ts';

const claimed = (start: number, pages: number) => ({
  type: 'pages-claimed' as const,
  pfn: pfn(start),
  pages,
  migratetype: 'Unmovable' as const,
});
const returned = (start: number, pages: number) => ({
  ...decrypted(start, pages),
  type: 'pages-returned' as const,
});

it('divides the most that was held by the most that was live, which need not be at one time', () => {
  const history = [
    claimed(0, 512),
    allocated(1, 0, 300), // most live: 300
    claimed(512, 512),
    freed(1, 0, 300),
    allocated(2, 512, 8), // most held: 1024
    returned(0, 512),
    allocated(3, 520, 100),
  ];
  expect(measure(johnstoneWilsonMetrics, history)).toEqual({ 'johnstone-wilson-4': 1024 / 300 });
});

it('leaves the bounce buffers out', () => {
  const bounce = [claimed(512, 512), decrypted(512, 512), slabCreated(512, 512, 2048)];
  const history = [claimed(0, 8), allocated(1, 0, 8)];
  expect(measure(johnstoneWilsonMetrics, [...bounce, ...history])).toEqual({ 'johnstone-wilson-4': 1 });
  expect(measure(johnstoneWilsonMetrics, [...history, ...bounce])).toEqual({ 'johnstone-wilson-4': 1 });
});

it('counts the reserve of a pool that keeps one', () => {
  const refilled = { type: 'reserve-refilled' as const, pages: 512 };
  const history = [claimed(0, 8), allocated(1, 0, 8), claimed(512, 512), refilled];
  expect(measure(johnstoneWilsonMetrics, history)).toEqual({ 'johnstone-wilson-4': 520 / 8 });
});

it('is 1 where nothing was ever allocated', () => {
  expect(runOf('first-fit+block+never-return', 'snp', []).values).toMatchObject({ 'johnstone-wilson-4': 1 });
});
