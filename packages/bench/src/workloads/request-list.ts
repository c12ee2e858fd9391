import {
  type AllocateRequest,
  type AllocationId,
  allocationId,
  type Migratetype,
  type Nanoseconds,
  type Request,
} from '@decpool/model';

/** What an allocation asks for, whenever that is. */
export type Wanted = Omit<AllocateRequest, 'kind' | 'time' | 'allocation'>;

/** Requests in the making: gives each allocation its name and each chunk of the background its key, in order from 1. */
export class RequestList {
  readonly requests: Request[] = [];
  #named = 0;
  #keys = 0;

  allocate(time: Nanoseconds, wanted: Wanted): AllocationId {
    const allocation = allocationId(++this.#named);
    const { api, pages, bytes, owner, gfp, node, align } = wanted;
    const request: AllocateRequest = { kind: 'allocate', time, allocation, api, pages, bytes, owner };
    this.requests.push(
      gfp === undefined && node === undefined && align === undefined
        ? request
        : {
            ...request,
            ...(gfp === undefined ? {} : { gfp }),
            ...(node === undefined ? {} : { node }),
            ...(align === undefined ? {} : { align }),
          },
    );
    return allocation;
  }

  /** `gfp`: flags of the context that frees. Default: GFP_KERNEL. */
  free(time: Nanoseconds, allocation: AllocationId, gfp?: number): void {
    this.requests.push(
      gfp === undefined ? { kind: 'free', time, allocation } : { kind: 'free', time, allocation, gfp },
    );
  }

  mapUser(time: Nanoseconds, allocation: AllocationId): void {
    this.requests.push({ kind: 'map-user', time, allocation });
  }

  unmapUser(time: Nanoseconds, allocation: AllocationId): void {
    this.requests.push({ kind: 'unmap-user', time, allocation });
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
