/**
 * The pages that a workload requests from a policy: the same for every policy with the slab layer's caches that refuses
 * nothing. A slab is one item, from the object that needs it to the one that leaves it last.
 */
import {
  type AllocateRequest,
  type AllocationId,
  ANY_NODE,
  allocationId,
  GFP_KERNEL,
  type MemoryState,
  orderFor,
  type Platform,
  platformNamed,
  type Request,
} from '@decpool/model';
import { maySleep, zoneOf } from '@decpool/model/internal';
import { freshBoot, type PolicyFactory, Pool, policyNamed, slabCacheFor } from '@decpool/pool';
import { isBounded } from './lower.ts';
import type { Steps } from './steps.ts';

/** Pages, from the request that allocates them to the request that frees them. */
export interface PageItem {
  readonly pages: number;
  /** The first page is at a multiple of this; 0 for pages that can lie anywhere, in pieces. */
  readonly align: number;
  /** Index of the request that allocates. */
  readonly start: number;
  /** Index of the request that frees; the number of requests for what is never freed. */
  readonly end: number;
  /** Simulated ns from start to end, or to the last request for what is never freed. */
  readonly lifeNs: number;
  /** Whether memory may be converted when it comes, and when it goes. */
  readonly mayConvertAtStart: boolean;
  readonly mayConvertAtEnd: boolean;
  /** The NUMA node and the highest zone. A block holds items of one place only. */
  readonly place: string;
}

/** Any node and zone. */
export const ANYWHERE = placeOf({});

function placeOf({ node = ANY_NODE, gfp = GFP_KERNEL }: Partial<AllocateRequest>): string {
  return `${node}/${zoneOf(gfp)}`;
}

/** The requests that reach a policy's pages, with new allocation ids from 1: all but background requests and those that isBounded() leaves out. */
export function pageRequests(requests: Iterable<Request>): Request[] {
  const ids = new Map<AllocationId, AllocationId>();
  const kept: Request[] = [];
  for (const request of requests) {
    if (request.kind === 'background-allocate' || request.kind === 'background-free') continue;
    if (request.kind === 'allocate') {
      if (!isBounded(request)) continue;
      ids.set(request.allocation, allocationId(ids.size + 1));
    }
    const allocation = ids.get(request.allocation);
    if (allocation !== undefined) kept.push({ ...request, allocation });
  }
  return kept;
}

/** A free guest with room for `pages` live pages however they are scattered. Undefined if it would be too large. */
export function roomyMemory(pages: number, nodes: number): MemoryState | undefined {
  const bytes = 2 ** Math.ceil(Math.log2(Math.max(2 ** 30, nodes * pages * PAGE_BYTES * ROOM)));
  return bytes > LARGEST_BYTES ? undefined : freshBoot(bytes, nodes);
}

const PAGE_BYTES = 4096;
/** Memory of the guest / live memory at peak. */
const ROOM = 4;
const LARGEST_BYTES = 2 ** 39;

export function nodesOf(requests: readonly Request[]): number {
  let highest = 0;
  for (const request of requests) {
    if (request.kind === 'allocate') highest = Math.max(highest, request.node ?? ANY_NODE);
  }
  return highest + 1;
}

type OpenItem = { -readonly [Key in keyof PageItem]: PageItem[Key] };

/**
 * The items of requests as pageRequests() gives them. They are served outside a confidential VM, where nothing is converted
 * and so nothing is refused for it. The slab caches are those of `platform`. Undefined if the memory is too small.
 * In steps of a request.
 */
export function* recordItems(
  requests: readonly Request[],
  platform: Platform,
  memory: MemoryState,
): Steps<PageItem[] | undefined> {
  const items: OpenItem[] = [];
  /** By first page frame: the free of a slab has another name than the request that made it. */
  const live = new Map<number, OpenItem>();
  /** Index of the request that is being served. */
  let now = 0;
  const since = (start: number, end: number) => requests[end].time - requests[start].time;
  const policy: PolicyFactory = (view) => {
    const pages = policyNamed('first-fit+block+never-return')(view);
    return {
      name: 'recording',
      cacheFor: (request) => slabCacheFor(request, platform),
      allocate: (request, _view, record) => {
        pages.allocate(request, view, record);
        if (view.extentCount(request.allocation) === 0) return;
        const item: OpenItem = {
          pages: request.pages,
          align: alignOf(request),
          start: now,
          end: requests.length,
          lifeNs: since(now, requests.length - 1),
          mayConvertAtStart: maySleep(request.gfp ?? GFP_KERNEL),
          mayConvertAtEnd: false,
          place: placeOf(request),
        };
        items.push(item);
        live.set(view.extentPfn(request.allocation), item);
      },
      free: (request, _view, record) => {
        const pfn = view.extentPfn(request.allocation);
        const item = live.get(pfn);
        const caller = requests[now];
        if (item === undefined || caller.kind !== 'free') {
          throw new Error(`a defect: request ${now} frees pages at ${pfn} that nobody requested`);
        }
        live.delete(pfn);
        item.end = now;
        item.lifeNs = since(item.start, now);
        item.mayConvertAtEnd = maySleep(caller.gfp ?? GFP_KERNEL);
        pages.free(request, view, record);
      },
    };
  };
  const pool = new Pool({ memory, platform: platformNamed('none'), policy });
  for (const request of requests) {
    pool.request(request);
    if (request.kind === 'allocate' && pool.view.isRefused(request.allocation)) return undefined;
    now++;
    yield;
  }
  return items;
}

function alignOf({ pages, api }: AllocateRequest): number {
  if (api !== 'vmalloc') return 2 ** orderFor(pages);
  return pages === 1 ? 1 : 0;
}
