import { allocationId, nanoseconds, type Request } from '@decpool/model';
import { expect, it } from 'vitest';
import { bounceBufferMetrics } from './bounce-buffers.ts';
import { measure, objectAllocated, objectFreed, runOf, slabCreated } from './testing.ts';

it('tells the bytes of slabs that no request made, and the most that was taken of them', () => {
  const history = [
    slabCreated(0, 64, 2048),
    slabCreated(64, 1, 256, 1),
    slabCreated(128, 64, 2048),
    objectAllocated(1, 2, 256),
    objectAllocated(2, 1, 2048),
    objectAllocated(3, 3, 4 * 2048),
    objectFreed(2),
    objectAllocated(4, 1, 3 * 2048),
    objectFreed(3),
    objectFreed(1),
  ];
  expect(measure(bounceBufferMetrics, history)).toEqual({
    'bounce-bytes': 128 * 4096,
    'bounce-used-peak': 7 * 2048,
    'atomic-pool-bytes': 0,
  });
});

it('agrees with a pool: all of its bounce buffers are idle but the slot that a streaming map takes', () => {
  const map: Request[] = [
    {
      kind: 'allocate',
      time: nanoseconds(0),
      allocation: allocationId(1),
      api: 'dma_map',
      pages: 1,
      bytes: 1000,
      owner: 'disk',
    },
    { kind: 'free', time: nanoseconds(1e9), allocation: allocationId(1) },
  ];
  // In 128 MiB there is no free range of 64 MiB for it.
  const pool = 32 * 2 ** 20;
  expect(runOf('swiotlb', 'snp', map).values).toMatchObject({
    'bounce-bytes': pool,
    'bounce-used-peak': 2048,
    'shared-idle-peak': 0,
    'bounce-pool-idle-mean': pool - 2048,
  });
});
