import {
  type AllocateRequest,
  areAttributes,
  attributesOf,
  type BackgroundRequest,
  InputError,
  MAX_NODE,
  MAX_PAGE_ORDER,
  MIGRATETYPES,
  type Request,
} from '@decpool/model';

/** A named sequence of requests that every policy of a comparison is given. */
export interface Workload {
  /** Short and stable: two runs over the same requests print the same name. Never a path. */
  readonly name: string;
  /** One or two short sentences. */
  readonly description: string;
  /** Well formed, as peakLivePages() checks. */
  readonly requests: readonly Request[];
  /** Most pages that are allocated at one time, without those of the background. */
  readonly peakLivePages: number;
  /** Sentences for readers of a comparison: how the workload differs from a real machine. */
  readonly notes: readonly string[];
}

/** Pages of 4 KiB, as on every machine that the generators and the recordings stand for. */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;

/** The workload made of these requests. Throws InputError as peakLivePages() does. */
export function workload(parts: Omit<Workload, 'peakLivePages'>): Workload {
  return { ...parts, peakLivePages: peakLivePages(parts.requests) };
}

/** Simulated ns from time 0 to the last request; 0 when there is none. */
export const durationOf = ({ requests }: Pick<Workload, 'requests'>): number => requests.at(-1)?.time ?? 0;

/**
 * Most pages allocated at one time. The walk checks on its way that the requests are well formed:
 * - time never goes back;
 * - an allocation's name is fresh, and its pages, bytes, node, alignment and flags fit its api;
 * - a free names a live allocation that no user mapping is left of;
 * - a user mapping is made of a live allocation that has none, and taken away where there is one;
 * - a background key is free when it is taken, and taken when it is freed.
 *
 * Throws InputError with the index of the first request that is not.
 */
export function peakLivePages(requests: readonly Request[]): number {
  const live = new LivePages();
  const background = new Set<number>();
  let time = 0;
  for (let index = 0; index < requests.length; index++) {
    const request = requests[index];
    if (!(request.time >= time)) refuse(index, `its time is ${request.time} ns, after one of ${time} ns`);
    time = request.time;
    switch (request.kind) {
      case 'allocate':
        checkSize(request, index);
        if (hasAttributes(request)) checkAttributes(request, index);
        live.allocate(request, index);
        break;
      case 'free':
        if (request.gfp !== undefined) checkFlags(request.gfp, index);
        live.free(request.allocation, index);
        break;
      case 'map-user':
        live.map(request.allocation, index);
        break;
      case 'unmap-user':
        live.unmap(request.allocation, index);
        break;
      default:
        checkBackground(request, background, index);
    }
  }
  return live.peak;
}

const FREED = 0;

/** The allocations of a walk over requests, with their pages, and which of them user space sees. */
class LivePages {
  /** By allocation: its pages while it lives, then FREED. Names count up from 1, and an array takes a third of a Map's time. */
  readonly #pagesOf: (number | undefined)[] = [];
  readonly #mapped = new Set<number>();
  #live = 0;
  peak = 0;

  allocate({ allocation, pages }: AllocateRequest, index: number): void {
    if (this.#pagesOf[allocation] !== undefined) refuse(index, `allocation ${allocation} was named before`);
    this.#pagesOf[allocation] = pages;
    this.#live += pages;
    if (this.#live > this.peak) this.peak = this.#live;
  }

  free(allocation: number, index: number): void {
    const pages = this.#pagesOf[allocation] ?? FREED;
    if (pages === FREED) refuse(index, `it frees ${allocation}, which is not allocated`);
    if (this.#mapped.has(allocation)) {
      refuse(index, `it frees ${allocation}, which user space still maps; an unmap-user comes first`);
    }
    this.#pagesOf[allocation] = FREED;
    this.#live -= pages;
  }

  map(allocation: number, index: number): void {
    if ((this.#pagesOf[allocation] ?? FREED) === FREED) {
      refuse(index, `it maps ${allocation} for a user, which is not allocated`);
    }
    if (this.#mapped.has(allocation)) refuse(index, `it maps ${allocation} for a user a second time`);
    this.#mapped.add(allocation);
  }

  unmap(allocation: number, index: number): void {
    if (!this.#mapped.delete(allocation)) {
      refuse(index, `it takes a user mapping of ${allocation} away, and there is none`);
    }
  }
}

/** What api counts its requests in bytes, so that its pages are those that the bytes fill. */
const IN_BYTES: ReadonlySet<string> = new Set(['kmalloc', 'dma_alloc_coherent', 'dma_map']);

function checkSize({ api, pages, bytes }: AllocateRequest, index: number): void {
  if (!Number.isInteger(pages) || pages < 1) refuse(index, `it asks for ${pages} pages`);
  if (api === 'alloc_pages' && 2 ** Math.floor(Math.log2(pages)) !== pages) {
    refuse(index, `alloc_pages serves a power of two of pages, not ${pages}`);
  }
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > pages * PAGE_SIZE) {
    refuse(index, `${bytes} bytes do not fit ${pages} pages`);
  }
  if (IN_BYTES.has(api) && bytes <= (pages - 1) * PAGE_SIZE) {
    refuse(index, `${api} of ${bytes} bytes fills ${Math.ceil(bytes / PAGE_SIZE)} pages, not ${pages}`);
  }
}

const hasAttributes = ({ gfp, node, align }: AllocateRequest): boolean =>
  gfp !== undefined || node !== undefined || align !== undefined;

function checkAttributes({ api, gfp = 0, node = 0, align = 1 }: AllocateRequest, index: number): void {
  checkFlags(gfp, index);
  if (!Number.isInteger(node) || node < -1 || node > MAX_NODE) {
    refuse(index, `its node is ${node}; expected -1 for any, or 0 to ${MAX_NODE}`);
  }
  const isPowerOfTwo =
    Number.isInteger(align) && align >= 1 && align <= PAGE_SIZE && (align & (align - 1)) === 0;
  if (!isPowerOfTwo)
    refuse(index, `it is to be aligned to ${align} bytes; expected a power of two up to ${PAGE_SIZE}`);
  if (align > 1 && api !== 'kmalloc') refuse(index, `${api} takes no alignment; only kmalloc does`);
}

function checkFlags(gfp: number, index: number): void {
  if (!Number.isInteger(gfp) || gfp < 0 || gfp > 0xff || !areAttributes(attributesOf({ gfp }))) {
    refuse(index, `its gfp flags are ${gfp}, with some that are not modelled`);
  }
}

function checkBackground(request: BackgroundRequest, keys: Set<number>, index: number): void {
  const { kind, key } = request;
  if (kind === 'background-free') {
    if (!keys.delete(key)) refuse(index, `it frees background chunk ${key}, which is not allocated`);
    return;
  }
  const { order, migratetype } = request;
  if (!Number.isInteger(key) || key < 0)
    refuse(index, `its background key is ${key}; expected a whole number`);
  if (keys.has(key)) refuse(index, `background chunk ${key} is still allocated`);
  if (!Number.isInteger(order) || order < 0 || order > MAX_PAGE_ORDER) {
    refuse(index, `its order is ${order}; orders run from 0 to ${MAX_PAGE_ORDER}`);
  }
  if (!MIGRATETYPES.includes(migratetype)) {
    refuse(index, `its migratetype is '${migratetype}'; known: ${MIGRATETYPES.join(', ')}`);
  }
  keys.add(key);
}

function refuse(index: number, why: string): never {
  throw new InputError(`request ${index}: ${why}`);
}
