import { allocationId, pfn } from '@decpool/model';
import { expect, it } from 'vitest';
import { contextMetrics } from './context.ts';
import { measure, requested } from './testing.ts';

it('counts the requests that may not sleep, and what the worker refilled', () => {
  const atomic = (allocation: number, gfp: string) => ({
    ...requested(allocation, 1, 256),
    allocation: allocationId(allocation),
    gfp,
  });
  const history = [
    requested(1, 1, 256),
    atomic(2, 'GFP_ATOMIC'),
    atomic(3, 'GFP_NOWAIT|__GFP_DMA32'),
    atomic(4, 'GFP_KERNEL|__GFP_DMA32'),
    { type: 'reserve-refilled' as const, pages: 64 },
    { type: 'reserve-refilled' as const, pages: 8 },
    // At boot, and by the worker after request 1.
    { type: 'atomic-pool-grown' as const, pfn: pfn(512), pages: 32, request: 0 },
    { type: 'atomic-pool-grown' as const, pfn: pfn(1024), pages: 4, request: 1 },
  ];
  expect(measure(contextMetrics, history, { refills: 2 })).toEqual({
    'atomic-requests': 2,
    refills: 3,
    'refilled-pages': 76,
  });
});
