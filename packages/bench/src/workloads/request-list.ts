import type { Migratetype } from '@decpool/model';
import {
  type AllocateRequest,
  type AllocationId,
  allocationId,
  type Nanoseconds,
  PAGE_SIZE,
  type Request,
} from '@decpool/model';
import { MAX_CPU } from '@decpool/model/internal';

/** An allocation without time and name. */
export type Wanted = Omit<AllocateRequest, 'kind' | 'time' | 'allocation'>;

export const wholePages = (pages: number, owner: string): Wanted => ({
  api: 'alloc_pages',
  pages,
  bytes: pages * PAGE_SIZE,
  owner,
});

/** The field of a request for its CPU: CPU 0 is left out, CPUs above MAX_CPU count as lower ones. */
export const onCpu = (cpu: number): { readonly cpu?: number } => {
  const number = cpu % (MAX_CPU + 1);
  return number === 0 ? {} : { cpu: number };
};

/** Collects requests. Gives each allocation its name and each background chunk its key, in order from 1. */
export class RequestList {
  readonly requests: Request[] = [];
  #named = 0;
  #keys = 0;

  allocate(time: Nanoseconds, wanted: Wanted): AllocationId {
    const allocation = allocationId(++this.#named);
    this.requests.push({ kind: 'allocate', time, allocation, ...wanted });
    return allocation;
  }

  /** `gfp`: flags of the context that frees. Default: GFP_KERNEL. `cpu`: where. */
  free(time: Nanoseconds, allocation: AllocationId, gfp?: number, cpu = 0): void {
    const flags = gfp === undefined ? {} : { gfp };
    this.requests.push({ kind: 'free', time, allocation, ...flags, ...onCpu(cpu) });
  }

  /** Adds frees of their times among the requests: before others of the same time, but not before their allocation. */
  addFrees(frees: readonly { readonly time: Nanoseconds; readonly allocation: AllocationId }[]): void {
    const sorted = frees.toSorted((a, b) => a.time - b.time || a.allocation - b.allocation);
    const before = this.requests.splice(0);
    let allocated = 0;
    let next = 0;
    for (const request of before) {
      while (
        next < sorted.length &&
        sorted[next].time <= request.time &&
        sorted[next].allocation <= allocated
      ) {
        const { time, allocation } = sorted[next++];
        this.free(time, allocation);
      }
      if (request.kind === 'allocate') allocated = request.allocation;
      this.requests.push(request);
    }
    for (const { time, allocation } of sorted.slice(next)) this.free(time, allocation);
  }

  changeMapping(time: Nanoseconds, kind: 'map-user' | 'unmap-user', allocation: AllocationId): void {
    this.requests.push({ kind, time, allocation });
  }

  /** Somebody else takes 2^order pages; the key gives them back. */
  backgroundAllocate(time: Nanoseconds, order: number, migratetype: Migratetype, cpu = 0): number {
    const key = ++this.#keys;
    this.requests.push({ kind: 'background-allocate', time, key, order, migratetype, ...onCpu(cpu) });
    return key;
  }

  backgroundFree(time: Nanoseconds, key: number, cpu = 0): void {
    this.requests.push({ kind: 'background-free', time, key, ...onCpu(cpu) });
  }
}
