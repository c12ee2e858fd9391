import type { AllocationId } from '@decpool/model';
import { expect, it } from 'vitest';
import { dmaBufHeap } from './dma-buf-heap.ts';
import { allocations, liveAtEnd, sizesOf } from './testing.ts';

it('buffers are made of orders 8, 4 and 0', () => {
  expect(sizesOf(dmaBufHeap.generate(), /^system_cc_shared client\d buffer$/)).toEqual(
    new Set(['alloc_pages 256 1048576', 'alloc_pages 16 65536', 'alloc_pages 1 4096']),
  );
});

it('as many are mapped as asked for, and each mapping is taken away', () => {
  const mappings = (mappedPercent: number) => {
    const { requests } = dmaBufHeap.generate({ mappedPercent });
    const count = (kind: string) => requests.filter((request) => request.kind === kind).length;
    expect(count('map-user')).toBe(count('unmap-user'));
    return count('map-user') / count('allocate');
  };
  expect(mappings(0)).toBe(0);
  expect(mappings(100)).toBe(1);
  expect(mappings(50)).toBeGreaterThan(0.3);
  expect(mappings(50)).toBeLessThan(0.7);
});

it('a client holds no more buffers than it may, and none at the end', () => {
  const settings = { clients: 1, buffersPerClient: 2, buffers: 50, mappedPercent: 0 };
  const workload = dmaBufHeap.generate(settings);
  // The largest buffer has 3038 pages.
  expect(workload.peakLivePages).toBeLessThanOrEqual(2 * 3038);
  expect(workload.peakLivePages).toBeGreaterThan(3038);
  expect(liveAtEnd(workload)).toEqual([]);
});

it('each of the clients takes its buffers, at the same time as the others', () => {
  const clientOf = new Map<AllocationId, string>();
  const together = new Set<string>();
  const workload = dmaBufHeap.generate({ clients: 3, buffers: 5 });
  for (const request of workload.requests) {
    if (request.kind === 'allocate') clientOf.set(request.allocation, request.owner);
    if (request.kind === 'free') clientOf.delete(request.allocation);
    if (new Set(clientOf.values()).size === 3) together.add('all three');
  }
  expect(new Set(allocations(workload).map(({ owner }) => owner)).size).toBe(3);
  expect(together).toContain('all three');
});
