import { type AllocationId, GFP } from '@decpool/model';
import { expect, it } from 'vitest';
import { nvmeAtomic } from './nvme-atomic.ts';
import { allocations, flagsOf, frees, sizesOf } from './testing.ts';

it('descriptors have 256 or 4096 bytes, some of either kind by kmalloc', () => {
  expect(sizesOf(nvmeAtomic.generate(), / descriptor$/)).toEqual(
    new Set(['kmalloc 1 256', 'kmalloc 1 4096', 'dma_alloc_coherent 1 4096']),
  );
});

it('all come with GFP_ATOMIC, or some with GFP_NOWAIT, and are freed by an interrupt', () => {
  const workload = nvmeAtomic.generate();
  expect(flagsOf(workload, /^nvme0 descriptor$/)).toEqual(new Set([GFP.GFP_ATOMIC, GFP.GFP_NOWAIT]));
  expect(flagsOf(nvmeAtomic.generate({ nowaitPercent: 0 }), / descriptor$/)).toEqual(
    new Set([GFP.GFP_ATOMIC]),
  );
  const descriptors = new Set(
    allocations(workload)
      .filter(({ owner }) => owner === 'nvme0 descriptor')
      .map(({ allocation }) => allocation),
  );
  const freed = frees(workload).filter(({ allocation }) => descriptors.has(allocation));
  expect(freed).toHaveLength(descriptors.size);
  expect(new Set(freed.map(({ gfp }) => gfp))).toEqual(new Set([GFP.GFP_ATOMIC]));
});

it('the queues of the controller are there before the first descriptor and after the last', () => {
  const { requests } = nvmeAtomic.generate({ ioQueues: 2, bursts: 1 });
  const queues = requests.filter(
    (request) => request.kind === 'allocate' && request.owner.endsWith(' queue'),
  );
  expect(queues).toHaveLength(6);
  expect(requests.slice(0, 6)).toEqual(queues);
  expect(requests.slice(-6).map((request) => (request.kind === 'free' ? request.allocation : 0))).toEqual([
    1, 2, 3, 4, 5, 6,
  ]);
});

it('the peaks of the bursts grow up to the middle one and fall again', () => {
  const inFlight = new Set<AllocationId>();
  const peaks: number[] = [];
  for (const request of nvmeAtomic.generate({ bursts: 5, concurrency: 300 }).requests) {
    if (request.kind === 'allocate' && request.owner === 'nvme0 descriptor') {
      // Between two bursts everything completes.
      if (inFlight.size === 0) peaks.push(0);
      inFlight.add(request.allocation);
      peaks[peaks.length - 1] = Math.max(peaks[peaks.length - 1], inFlight.size);
    } else if (request.kind === 'free') {
      inFlight.delete(request.allocation);
    }
  }
  // At the very start of a burst an I/O may complete before the next one comes.
  const bursts = peaks.filter((peak) => peak > 10);
  expect(bursts).toHaveLength(5);
  expect(bursts[0]).toBeLessThan(bursts[1]);
  expect(bursts[1]).toBeLessThan(bursts[2]);
  expect(bursts[2]).toBeGreaterThan(bursts[3]);
  expect(bursts[3]).toBeGreaterThan(bursts[4]);
  expect(bursts[2]).toBeGreaterThan(0.75 * 300);
  expect(bursts[2]).toBeLessThan(1.35 * 300);
});

it('each is asked for and freed on the CPU of its queue', () => {
  const { requests } = nvmeAtomic.generate({ ioQueues: 4, bursts: 1 });
  const cpus = new Map<AllocationId, number>();
  for (const request of requests) {
    if (request.kind === 'allocate') cpus.set(request.allocation, request.cpu ?? 0);
    else if (request.kind === 'free') expect(request.cpu ?? 0).toBe(cpus.get(request.allocation));
  }
  expect(new Set(cpus.values())).toEqual(new Set([0, 1, 2, 3]));
});
