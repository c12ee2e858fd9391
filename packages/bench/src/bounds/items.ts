/**
 * What a policy is asked for in pages while a workload is served: the same for every policy with the slab layer's caches
 * that refuses nothing. A slab is one item, from the object that needs it to the one that leaves it last.
 */
import {
  type AllocateRequest,
  type AllocationId,
  ANY_NODE,
  allocationId,
  GFP_KERNEL,
  type MemoryState,
  maySleep,
  orderFor,
  type Platform,
  platformNamed,
  type Request,
  zoneOf,
} from '@decpool/model';
import { freshBoot, type PolicyFactory, Pool, policyNamed, slabCacheFor } from '@decpool/pool';
import { isServable } from './lower.ts';

/** One request for pages, from the request that asks for them up to the one that frees them. */
export interface PageItem {
  readonly pages: number;
  /** First page at a multiple of this; 0 for pages that may lie anywhere, in pieces. */
  readonly align: number;
  /** Index of the request that asks. */
  readonly start: number;
  /** Index of the request that frees; the number of requests for what is never freed. */
  readonly end: number;
  /** Simulated ns from the one to the other; from the start to the last request for what is never freed. */
  readonly lifeNs: number;
  /** Whether memory may be converted when it comes, and when it goes. */
  readonly mayConvertAtStart: boolean;
  readonly mayConvertAtEnd: boolean;
  /** Where it may lie, as node and highest zone: blocks of different places are kept apart. */
  readonly place: string;
}

/** Any node and zone. */
export const ANYWHERE = placeOf({});

function placeOf({ node = ANY_NODE, gfp = GFP_KERNEL }: Partial<AllocateRequest>): string {
  return `${node}/${zoneOf(gfp)}`;
}

/**
 * The requests that come down to a policy's pages, with allocation ids from 1 again: streaming maps, what others do in
 * the background, and what nobody serves are left out.
 */
export function pageRequests(requests: readonly Request[]): Request[] {
  const ids = new Map<AllocationId, AllocationId>();
  const kept: Request[] = [];
  for (const request of requests) {
    if (request.kind === 'background-allocate' || request.kind === 'background-free') continue;
    if (request.kind === 'allocate') {
      if (request.api === 'dma_map' || !isServable(request)) continue;
      ids.set(request.allocation, allocationId(ids.size + 1));
    }
    const allocation = ids.get(request.allocation);
    if (allocation !== undefined) kept.push({ ...request, allocation });
  }
  return kept;
}

/** A free guest with room for `pages` live pages however they are scattered, or undefined where none is large enough. */
export function roomyMemory(pages: number, nodes: number): MemoryState | undefined {
  const bytes = 2 ** Math.ceil(Math.log2(Math.max(2 ** 30, nodes * pages * PAGE_BYTES * ROOM)));
  return bytes > LARGEST_BYTES ? undefined : freshBoot(bytes, nodes);
}

const PAGE_BYTES = 4096;
/** Times what lives at peak. */
const ROOM = 4;
const LARGEST_BYTES = 2 ** 39;

/** As many NUMA nodes as the requests name. */
export function nodesOf(requests: readonly Request[]): number {
  let highest = 0;
  for (const request of requests) {
    if (request.kind === 'allocate') highest = Math.max(highest, request.node ?? ANY_NODE);
  }
  return highest + 1;
}

/**
 * Records the items of requests as pageRequests() gives them, by serving them outside a confidential VM, where nothing
 * is converted and so nothing refused for it. The slab caches are those of `platform`. Returns undefined when memory was
 * too small.
 */
export function recordItems(
  requests: readonly Request[],
  platform: Platform,
  memory: MemoryState,
): PageItem[] | undefined {
  const recording = new Recording(requests);
  const pool = new Pool({
    memory,
    platform: platformNamed('none'),
    policy: recording.policyFor(platform),
  });
  for (const [index, request] of requests.entries()) {
    recording.request = index;
    pool.request(request);
    if (request.kind === 'allocate' && pool.view.isRefused(request.allocation)) return undefined;
  }
  return recording.items();
}

type OpenItem = { -readonly [Key in keyof PageItem]: PageItem[Key] };

class Recording {
  /** Index of the request that is being served. */
  request = 0;
  readonly #requests: readonly Request[];
  readonly #items: OpenItem[] = [];
  /** By the first page frame that the view tells of it: what is freed may have another name than what was asked for. */
  readonly #live = new Map<number, OpenItem>();

  constructor(requests: readonly Request[]) {
    this.#requests = requests;
  }

  items(): PageItem[] {
    return this.#items;
  }

  policyFor(platform: Platform): PolicyFactory {
    return (view) => {
      const pool = policyNamed('first-fit+block+never-return')(view);
      return {
        name: 'recording',
        cacheFor: (request) => slabCacheFor(request, platform),
        allocate: (request, _view, record) => {
          pool.allocate(request, view, record);
          if (view.extentCount(request.allocation) > 0) {
            this.#allocated(request, view.extentPfn(request.allocation));
          }
        },
        free: (request, _view, record) => {
          this.#freed(view.extentPfn(request.allocation));
          pool.free(request, view, record);
        },
      };
    };
  }

  #timeOf(request: number): number {
    return this.#requests[request].time;
  }

  #allocated(request: AllocateRequest, pfn: number): void {
    const { pages, api, gfp = GFP_KERNEL } = request;
    const item: OpenItem = {
      pages,
      align: api === 'vmalloc' ? (pages === 1 ? 1 : 0) : 2 ** orderFor(pages),
      start: this.request,
      end: this.#requests.length,
      lifeNs: this.#timeOf(this.#requests.length - 1) - this.#timeOf(this.request),
      mayConvertAtStart: maySleep(gfp),
      mayConvertAtEnd: false,
      place: placeOf(request),
    };
    this.#items.push(item);
    this.#live.set(pfn, item);
  }

  #freed(pfn: number): void {
    const item = this.#live.get(pfn);
    const request = this.#requests[this.request];
    if (item === undefined || request.kind !== 'free') {
      throw new Error(`a defect: request ${this.request} frees pages at ${pfn} that nobody asked for`);
    }
    this.#live.delete(pfn);
    item.end = this.request;
    item.lifeNs = this.#timeOf(this.request) - this.#timeOf(item.start);
    item.mayConvertAtEnd = maySleep(request.gfp ?? GFP_KERNEL);
  }
}
