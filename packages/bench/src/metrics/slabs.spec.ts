import { allocationId, pfn } from '@decpool/model';
import { expect, it } from 'vitest';
import { slabMetrics } from './slabs.ts';
import { measure } from './testing.ts';

const created = (allocation: number, start: number, pages: number) => ({
  type: 'slab-created' as const,
  allocation: allocationId(allocation),
  pfn: pfn(start),
  pages,
  unitBytes: 256,
  cache: 0,
});
const destroyed = (slab: number) => ({
  type: 'slab-destroyed' as const,
  allocation: allocationId(1),
  slab,
});

it('counts slabs and their pages at the peak, without the boot pool of the bounce buffers', () => {
  const history = [created(0, 512, 64), created(1, 0, 2), created(2, 8, 4), destroyed(2), created(3, 16, 3)];
  expect(measure(slabMetrics, history)).toEqual({ 'slabs-created': 3, 'slab-bytes-peak': 7 * 4096 });
});
