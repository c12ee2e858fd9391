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

/** Gives each allocation its name and each background chunk its key, in order from 1. */
abstract class RequestWriter {
  #named = 0;
  #keys = 0;

  protected abstract give(request: Request): void;

  allocate(time: Nanoseconds, wanted: Wanted): AllocationId {
    const allocation = allocationId(++this.#named);
    this.give({ kind: 'allocate', time, allocation, ...wanted });
    return allocation;
  }

  /** `gfp`: flags of the context that frees. Default: GFP_KERNEL. `cpu`: where. */
  free(time: Nanoseconds, allocation: AllocationId, gfp?: number, cpu = 0): void {
    const flags = gfp === undefined ? {} : { gfp };
    this.give({ kind: 'free', time, allocation, ...flags, ...onCpu(cpu) });
  }

  changeMapping(time: Nanoseconds, kind: 'map-user' | 'unmap-user', allocation: AllocationId): void {
    this.give({ kind, time, allocation });
  }

  /** Somebody else takes 2^order pages; the key gives them back. */
  backgroundAllocate(time: Nanoseconds, order: number, migratetype: Migratetype, cpu = 0): number {
    const key = ++this.#keys;
    this.give({ kind: 'background-allocate', time, key, order, migratetype, ...onCpu(cpu) });
    return key;
  }

  backgroundFree(time: Nanoseconds, key: number, cpu = 0): void {
    this.give({ kind: 'background-free', time, key, ...onCpu(cpu) });
  }
}

/** Collects requests. */
export class RequestList extends RequestWriter {
  readonly requests: Request[] = [];

  protected override give(request: Request): void {
    this.requests.push(request);
  }
}

/** Passes each request on, and keeps none. */
export class RequestStream extends RequestWriter {
  readonly #to: (request: Request) => void;

  constructor(to: (request: Request) => void) {
    super();
    this.#to = to;
  }

  protected override give(request: Request): void {
    this.#to(request);
  }
}

/** The time of a free, and what it frees. */
export interface LateFree {
  readonly time: Nanoseconds;
  readonly allocation: AllocationId;
}

/** Puts frees of their times among requests: before others of the same time, but not before their allocation. */
export class LateFrees {
  readonly #sorted: readonly LateFree[];
  #next = 0;
  #allocated = 0;

  constructor(frees: readonly LateFree[]) {
    this.#sorted = frees.toSorted((a, b) => a.time - b.time || a.allocation - b.allocation);
  }

  /** These requests, the next of all, and the frees before each of them. */
  *among(requests: Iterable<Request>): Generator<Request> {
    const sorted = this.#sorted;
    for (const request of requests) {
      while (
        this.#next < sorted.length &&
        sorted[this.#next].time <= request.time &&
        sorted[this.#next].allocation <= this.#allocated
      ) {
        yield freeOf(sorted[this.#next++]);
      }
      if (request.kind === 'allocate') this.#allocated = request.allocation;
      yield request;
    }
  }

  /** The frees behind the last request. */
  *rest(): Generator<Request> {
    while (this.#next < this.#sorted.length) yield freeOf(this.#sorted[this.#next++]);
  }
}

const freeOf = ({ time, allocation }: LateFree): Request => ({ kind: 'free', time, allocation });

/** All requests with late frees among them. */
export function* withFrees(requests: Iterable<Request>, frees: readonly LateFree[]): Generator<Request> {
  const late = new LateFrees(frees);
  yield* late.among(requests);
  yield* late.rest();
}
