import { GFP, GFP_KERNEL } from '@decpool/model';
import { expect, it } from 'vitest';
import { effortOf } from './claim-effort.ts';

it('a request that may not sleep only wakes kswapd, one with __GFP_NORETRY reclaims once, others as long as it helps', () => {
  expect([GFP.GFP_ATOMIC, GFP.GFP_NOWAIT, GFP.GFP_ATOMIC | GFP.__GFP_NORETRY].map(effortOf)).toEqual([
    'nowait',
    'nowait',
    'nowait',
  ]);
  expect(effortOf(GFP_KERNEL | GFP.__GFP_NORETRY)).toBe('noretry');
  expect([GFP_KERNEL, GFP_KERNEL | GFP.__GFP_DMA32].map(effortOf)).toEqual(['reclaim', 'reclaim']);
});
