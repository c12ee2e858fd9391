import {
  type AllocateRequest,
  type AllocationId,
  allocationId,
  type Nanoseconds,
  type Request,
} from '@decpool/model';

/** Requests in the making: gives each allocation its name, in order from 1. */
export class RequestList {
  readonly requests: Request[] = [];
  #named = 0;

  allocate(
    time: Nanoseconds,
    wanted: Pick<AllocateRequest, 'api' | 'pages' | 'bytes' | 'owner'>,
  ): AllocationId {
    const allocation = allocationId(++this.#named);
    const { api, pages, bytes, owner } = wanted;
    this.requests.push({ kind: 'allocate', time, allocation, api, pages, bytes, owner });
    return allocation;
  }

  free(time: Nanoseconds, allocation: AllocationId): void {
    this.requests.push({ kind: 'free', time, allocation });
  }
}
