import type { Migratetype } from '@decpool/model';
import {
  type AllocateRequest,
  type AllocationId,
  allocationId,
  type Nanoseconds,
  PAGE_SIZE,
  type Request,
} from '@decpool/model';

/** An allocation without time and name. */
export type Wanted = Omit<AllocateRequest, 'kind' | 'time' | 'allocation'>;

export const wholePages = (pages: number, owner: string): Wanted => ({
  api: 'alloc_pages',
  pages,
  bytes: pages * PAGE_SIZE,
  owner,
});

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

  /** `gfp`: flags of the context that frees. Default: GFP_KERNEL. */
  free(time: Nanoseconds, allocation: AllocationId, gfp?: number): void {
    this.requests.push({ kind: 'free', time, allocation, ...(gfp === undefined ? {} : { gfp }) });
  }

  changeMapping(time: Nanoseconds, kind: 'map-user' | 'unmap-user', allocation: AllocationId): void {
    this.requests.push({ kind, time, allocation });
  }

  /** Somebody else takes 2^order pages; the key gives them back. */
  backgroundAllocate(time: Nanoseconds, order: number, migratetype: Migratetype): number {
    const key = ++this.#keys;
    this.requests.push({ kind: 'background-allocate', time, key, order, migratetype });
    return key;
  }

  backgroundFree(time: Nanoseconds, key: number): void {
    this.requests.push({ kind: 'background-free', time, key });
  }
}
