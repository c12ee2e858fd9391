import { pfn } from '@decpool/model';
import { expect, it } from 'vitest';
import { pageSourceMetrics } from './page-source.ts';
import { measure } from './testing.ts';

const claimed = (start: number, pages: number) => ({
  type: 'pages-claimed' as const,
  pfn: pfn(start),
  pages,
  migratetype: 'Unmovable' as const,
});

it('tells how often a whole block could not be had, and what compaction moved for one', () => {
  const history = [claimed(0, 512), claimed(512, 1024), claimed(2048, 256), claimed(2304, 1)];
  expect(measure(pageSourceMetrics, history, { compactions: 2, movedPages: 300 })).toEqual({
    claims: 4,
    'claims-below-block': 2,
    compactions: 2,
    'pages-moved': 300,
    'pages-reclaimed': 0,
    'direct-reclaims': 0,
  });
});

it('counts the page cache that was reclaimed, and the requests that waited for it', () => {
  const reclaimed = (pages: number) => ({ type: 'pages-reclaimed' as const, pfn: pfn(512), pages });
  const history = [reclaimed(32), reclaimed(5), { type: 'request-stalled' as const, pages: 5 }];
  expect(measure(pageSourceMetrics, history)).toMatchObject({ 'pages-reclaimed': 37, 'direct-reclaims': 1 });
});
