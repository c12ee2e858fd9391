import { type AllocateRequest, InputError, type Request } from '@decpool/model';

/** A named sequence of requests that every policy of a comparison is given. */
export interface Workload {
  /** Short and stable: two runs over the same requests print the same name. Never a path. */
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  /** Well formed, as peakLivePages() checks. */
  readonly requests: readonly Request[];
  /** Most pages that are allocated at one time. */
  readonly peakLivePages: number;
  /** What a reader of a comparison must know: where the workload departs from a real machine. */
  readonly notes: readonly string[];
}

/** Pages of 4 KiB, as on every machine that the generators and the recordings stand for. */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;

/** The workload made of these requests. Throws InputError as peakLivePages() does. */
export function workload(parts: Omit<Workload, 'peakLivePages'>): Workload {
  return { ...parts, peakLivePages: peakLivePages(parts.requests) };
}

/**
 * Most pages allocated at one time. The walk checks on its way that the requests are well formed: time never
 * goes back, an allocation's name is fresh, a free names a live allocation, and pages and bytes fit the api.
 * Throws InputError with the index of the first request that is not.
 */
export function peakLivePages(requests: readonly Request[]): number {
  /** By allocation: its pages while it lives, then FREED. Names count up from 1, and an array takes a third of a Map's time. */
  const pagesOf: (number | undefined)[] = [];
  let time = 0;
  let live = 0;
  let peak = 0;
  for (let index = 0; index < requests.length; index++) {
    const request = requests[index];
    if (!(request.time >= time)) refuse(index, `its time is ${request.time} ns, after one of ${time} ns`);
    time = request.time;
    const known = pagesOf[request.allocation];
    if (request.kind === 'allocate') {
      if (known !== undefined) refuse(index, `allocation ${request.allocation} was named before`);
      checkSize(request, index);
      pagesOf[request.allocation] = request.pages;
      live += request.pages;
      if (live > peak) peak = live;
    } else {
      if (known === undefined || known === FREED) {
        refuse(index, `it frees ${request.allocation}, which is not allocated`);
      }
      pagesOf[request.allocation] = FREED;
      live -= known;
    }
  }
  return peak;
}

const FREED = 0;

function checkSize({ api, pages, bytes }: AllocateRequest, index: number): void {
  if (!Number.isInteger(pages) || pages < 1) refuse(index, `it asks for ${pages} pages`);
  if (api === 'alloc_pages' && 2 ** Math.floor(Math.log2(pages)) !== pages) {
    refuse(index, `alloc_pages serves a power of two of pages, not ${pages}`);
  }
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > pages * PAGE_SIZE) {
    refuse(index, `${bytes} bytes do not fit ${pages} pages`);
  }
}

function refuse(index: number, why: string): never {
  throw new InputError(`request ${index}: ${why}`);
}
