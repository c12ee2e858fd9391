/** The rules that every request must satisfy: a workload's when it is made or read, and a pool's before it is served. */
import { InputError } from './errors.ts';
import { MAX_OWNER } from './events/fields.ts';
import { MIGRATETYPES } from './migratetypes.ts';
import {
  ALL_FLAGS,
  type AllocateRequest,
  ANY_NODE,
  APIS,
  type BackgroundRequest,
  GFP,
  GFP_KERNEL,
  isInBytes,
  MAX_CPU,
  MAX_NODE,
  type Request,
} from './requests.ts';
import { type AllocationId, MAX_PAGE_ORDER, PAGE_SHIFT, PAGE_SIZE, pagesFor } from './units.ts';
import { unknownName } from './unknown-name.ts';

/** What a request is checked against: the requests before it, and what became of them. */
export interface RequestHistory {
  /** Simulated ns of the request before. */
  readonly time: number;
  readonly nextAllocation: number;
  /** Largest request, in pages. */
  readonly maxPages: number;
  readonly hasBounceBuffers: boolean;
  /** Whether the allocation was served and not freed yet. */
  isLive(allocation: AllocationId): boolean;
  /** Whether the allocation was refused. Requests about it are skipped, as kfree(NULL) is. */
  isRefused(allocation: AllocationId): boolean;
  /** Whether the allocation consists of whole pages; false for an object in a slab. */
  isWholePages(allocation: AllocationId): boolean;
  /** How often the allocation is mapped into user space now. */
  userMappings(allocation: AllocationId): number;
  /** Whether an owner has a number or can still get one. */
  hasRoomFor(owner: string): boolean;
  /** Whether others hold a chunk of this key, or were refused it and have not freed it yet. */
  holdsChunk(key: number): boolean;
}

/** Slab caches take numbers as owners do. At most two sets of sizes and the bounce buffers: fewer than this. */
const MAX_CACHES = 64;
/** Most owners of a run. */
export const MAX_OWNERS = MAX_OWNER - MAX_CACHES;
/** Bytes of an allocation are 32 bits of a log's row. */
const MAX_BYTES = 0xffffffff;

/**
 * Throws InputError when a request breaks a rule. A `background-free` of a chunk that nobody holds breaks none: a pool skips it.
 * Returns false for a request about an allocation that was refused, which a pool skips, too.
 */
export function checkRequest(request: Request, history: RequestHistory): boolean {
  const { time } = request;
  if (!Number.isSafeInteger(time) || time < history.time) {
    throw new InputError(
      `request at ${time} ns: expected a whole number from ${history.time}, the time of the previous request`,
    );
  }
  if ('cpu' in request) checkCpu(request.cpu);
  switch (request.kind) {
    case 'allocate':
      checkSize(request, history.maxPages);
      checkAttributes(request);
      checkAllocation(request, history);
      return true;
    case 'free':
      checkFlags(request.gfp);
      return checkFree(request.allocation, history);
    case 'map-user':
    case 'unmap-user':
      return checkUserMapping(request.kind, request.allocation, history);
    case 'background-allocate':
      checkChunk(request, history);
      return true;
    case 'background-free':
      return true;
    default:
      throw new InputError(`unknown kind of request '${(request as { kind: unknown }).kind}'`);
  }
}

function checkSize({ api, pages, bytes }: AllocateRequest, maxPages: number): void {
  if (!APIS.includes(api)) throw unknownName({ kind: 'api', given: api, known: APIS });
  if (isInBytes(api) && !(Number.isInteger(bytes) && bytes > 0)) {
    throw new InputError(`${api} of ${bytes} bytes: must be a whole number from 1`);
  }
  if (!Number.isInteger(pages) || pages <= 0 || pages > maxPages) {
    const upTo = Number.isFinite(maxPages) ? ` to ${maxPages}` : '';
    throw new InputError(`a request for ${pages} pages: must be a whole number from 1${upTo}`);
  }
  if (api === 'alloc_pages' && !isPowerOfTwo(pages)) {
    throw new InputError(`alloc_pages of ${pages} pages: must be a power of two; use alloc_pages_exact`);
  }
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > Math.min(pages * PAGE_SIZE, MAX_BYTES)) {
    throw new InputError(
      `request for ${bytes} bytes in ${pages} pages: expected whole bytes that fit into the pages, less than 4 GiB`,
    );
  }
  const filled = pagesFor(bytes, PAGE_SHIFT);
  if (isInBytes(api) && pages !== filled) {
    throw new InputError(
      `${api} of ${bytes} bytes in ${pages} pages: must have the ${filled} that the bytes fill`,
    );
  }
}

function checkAttributes({ api, gfp, align = 1, node = ANY_NODE }: AllocateRequest): void {
  checkFlags(gfp);
  if (!Number.isInteger(align) || align < 1 || align > PAGE_SIZE || !isPowerOfTwo(align)) {
    throw new InputError(`an alignment of ${align} bytes: must be a power of two up to ${PAGE_SIZE}`);
  }
  if (align > 1 && api !== 'kmalloc') {
    throw new InputError(`${api} with an alignment of ${align} bytes: only kmalloc takes one`);
  }
  if (!Number.isInteger(node) || node < ANY_NODE || node > MAX_NODE) {
    throw new InputError(`NUMA node ${node}: nodes run from 0 to ${MAX_NODE}`);
  }
}

function checkAllocation({ api, allocation, owner }: AllocateRequest, history: RequestHistory): void {
  if (api === 'dma_map' && !history.hasBounceBuffers) {
    throw new InputError('dma_map: the pool has no bounce buffers; set its option swiotlb');
  }
  if (allocation !== history.nextAllocation) {
    throw new InputError(`allocation id ${allocation}: expected ${history.nextAllocation}, the next one`);
  }
  if (!history.hasRoomFor(owner)) {
    throw new InputError(`owner '${owner}': too many owners; expected at most ${MAX_OWNERS}`);
  }
}

function checkFree(allocation: AllocationId, history: RequestHistory): boolean {
  if (!expectServed('free', allocation, history)) return false;
  if (history.userMappings(allocation) > 0) {
    throw new InputError(
      `free of allocation ${allocation}: it is mapped into user space, so its pages must not be converted; unmap it first`,
    );
  }
  return true;
}

function checkUserMapping(
  kind: 'map-user' | 'unmap-user',
  allocation: AllocationId,
  history: RequestHistory,
): boolean {
  if (!expectServed(kind, allocation, history)) return false;
  if (!history.isWholePages(allocation)) {
    throw new InputError(
      `${kind} of allocation ${allocation}: it is an object in a slab and shares its page; map whole pages`,
    );
  }
  if (kind === 'unmap-user' && history.userMappings(allocation) === 0) {
    throw new InputError(`${kind} of allocation ${allocation}: it is not mapped into user space`);
  }
  return true;
}

/** Returns false for an allocation that was refused: the request is skipped. */
function expectServed(what: string, allocation: AllocationId, history: RequestHistory): boolean {
  if (Number.isInteger(allocation) && history.isLive(allocation)) return true;
  if (history.isRefused(allocation)) return false;
  throw new InputError(`${what} of allocation ${allocation}: it is not live`);
}

function checkChunk(
  { key, order, migratetype }: Extract<BackgroundRequest, { order: number }>,
  history: RequestHistory,
): void {
  if (!Number.isInteger(key) || key < 0) {
    throw new InputError(`background chunk '${key}': expected a whole number as its key`);
  }
  if (!MIGRATETYPES.includes(migratetype)) {
    throw unknownName({ kind: 'migratetype', given: migratetype, known: MIGRATETYPES });
  }
  if (history.holdsChunk(key)) {
    throw new InputError(`background chunk ${key}: already allocated; free it first`);
  }
  if (!Number.isInteger(order) || order < 0 || order > MAX_PAGE_ORDER) {
    throw new InputError(`a background chunk of order ${order}: orders run from 0 to ${MAX_PAGE_ORDER}`);
  }
}

function checkFlags(gfp = GFP_KERNEL): void {
  if (Number.isInteger(gfp) && gfp >= 0 && gfp <= ALL_FLAGS) return;
  throw new InputError(`gfp flags ${gfp}: expected a combination of ${Object.keys(GFP).join(', ')}`);
}

function checkCpu(cpu = 0): void {
  if (Number.isInteger(cpu) && cpu >= 0 && cpu <= MAX_CPU) return;
  throw new InputError(`CPU ${cpu}: CPUs run from 0 to ${MAX_CPU}`);
}

const isPowerOfTwo = (value: number): boolean => (value & (value - 1)) === 0;
