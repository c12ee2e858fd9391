/** What is no request at all, a caller's mistake, is told before anything happens: each check says what would be right. */
import {
  type AllocateRequest,
  type AllocationId,
  ANY_NODE,
  APIS,
  type Api,
  type BackgroundRequest,
  type FreeRequest,
  GFP,
  GFP_KERNEL,
  InputError,
  MAX_NODE,
  MAX_OWNER,
  MAX_PAGE_ORDER,
  MIGRATETYPES,
  type Request,
  type StateView,
  type UserMapRequest,
  unknownName,
} from '@decpool/model';

/** What a request is held against. */
export interface AskedPool {
  readonly view: StateView;
  /** Simulated ns of the request before. */
  readonly time: number;
  readonly nextAllocation: number;
  readonly hasBounceBuffers: boolean;
  /** Whether an owner has a number or can still get one. */
  hasRoomFor(owner: string): boolean;
  /** Whether others hold a chunk of this name, or were refused it and have not freed it yet. */
  holdsForOthers(key: number): boolean;
}

/** More names than all slab caches can have, which take numbers as owners do: sizes of two sets, and the bounce buffers. */
const MAX_CACHES = 64;
/** As many owners as a run can have. */
export const MOST_OWNERS = MAX_OWNER - MAX_CACHES;

/** What is asked for in bytes; its pages follow from them. */
const IN_BYTES: ReadonlySet<Api> = new Set<Api>(['kmalloc', 'dma_alloc_coherent', 'dma_map']);

/** Throws InputError for a request that is not one. */
export function checkRequest(request: Request, pool: AskedPool): void {
  switch (request.kind) {
    case 'allocate':
      checkAllocate(request, pool);
      break;
    case 'free':
      checkFree(request, pool);
      break;
    case 'map-user':
    case 'unmap-user':
      checkUserMapping(request, pool);
      break;
    case 'background-allocate':
      checkBackground(request, pool);
      break;
    case 'background-free':
      break;
    default:
      throw new InputError(`unknown kind of request '${(request as { kind: unknown }).kind}'`);
  }
  const { time } = request;
  if (!Number.isSafeInteger(time) || time < pool.time) {
    throw new InputError(
      `request at ${time} ns: expected a whole number from ${pool.time}, the time of the previous request`,
    );
  }
}

function checkAllocate(request: AllocateRequest, pool: AskedPool): void {
  const { geometry } = pool.view;
  const { allocation, pages, bytes, api } = request;
  if (!APIS.includes(api)) throw unknownName({ kind: 'api', given: api, known: APIS });
  if (IN_BYTES.has(api) && !(Number.isInteger(bytes) && bytes > 0)) {
    throw new InputError(`${api} of ${bytes} bytes: must be a whole number from 1`);
  }
  if (!Number.isInteger(pages) || pages <= 0 || pages > geometry.spanPages) {
    throw new InputError(
      `a request for ${pages} pages: must be a whole number from 1 to ${geometry.spanPages}`,
    );
  }
  if (api === 'alloc_pages' && (pages & (pages - 1)) !== 0) {
    throw new InputError(`alloc_pages of ${pages} pages: must be a power of two; use alloc_pages_exact`);
  }
  if (
    !Number.isInteger(bytes) ||
    bytes < 0 ||
    bytes > Math.min(pages * (1 << geometry.pageShift), 0xffffffff)
  ) {
    throw new InputError(
      `request for ${bytes} bytes in ${pages} pages: expected whole bytes that fit into the pages, less than 4 GiB`,
    );
  }
  const { align = 1, node = ANY_NODE, gfp } = request;
  checkFlags(gfp);
  if (!Number.isInteger(align) || align < 1 || align > 4096 || (align & (align - 1)) !== 0) {
    throw new InputError(`an alignment of ${align} bytes: must be a power of two up to 4096`);
  }
  if (!Number.isInteger(node) || node < ANY_NODE || node > MAX_NODE) {
    throw new InputError(`NUMA node ${node}: nodes run from 0 to ${MAX_NODE}`);
  }
  if (api === 'dma_map' && !pool.hasBounceBuffers) {
    throw new InputError('dma_map: the pool has no bounce buffers; set its option swiotlb');
  }
  const next = pool.nextAllocation;
  if (allocation !== next) {
    throw new InputError(`allocation id ${allocation}: expected ${next}, the next one`);
  }
  if (!pool.hasRoomFor(request.owner)) {
    throw new InputError(`owner '${request.owner}': too many owners; expected at most ${MOST_OWNERS}`);
  }
}

function checkBackground(
  { key, order, migratetype }: Extract<BackgroundRequest, { order: number }>,
  pool: AskedPool,
): void {
  if (!Number.isInteger(key))
    throw new InputError(`background chunk '${key}': expected a whole number as its key`);
  if (!MIGRATETYPES.includes(migratetype)) {
    throw unknownName({ kind: 'migratetype', given: migratetype, known: MIGRATETYPES });
  }
  if (pool.holdsForOthers(key))
    throw new InputError(`background chunk ${key}: already allocated; free it first`);
  if (!Number.isInteger(order) || order < 0 || order > MAX_PAGE_ORDER) {
    throw new InputError(`a background chunk of order ${order}: orders run from 0 to ${MAX_PAGE_ORDER}`);
  }
}

/** To free what was refused is allowed, as kfree(NULL) is. */
function checkFree({ allocation, gfp }: FreeRequest, { view }: AskedPool): void {
  checkFlags(gfp);
  if (view.isRefused(allocation)) return;
  expectLive('free', allocation, view);
  if (view.userMappings(allocation) > 0) {
    throw new InputError(
      `free of allocation ${allocation}: it is mapped into user space, so its pages must not be converted; unmap it first`,
    );
  }
}

function checkUserMapping({ kind, allocation }: UserMapRequest, { view }: AskedPool): void {
  if (view.isRefused(allocation)) return;
  expectLive(kind, allocation, view);
  const { api } = view.allocation(allocation);
  if (api === 'dma_map' || !view.isWholePages(allocation)) {
    throw new InputError(
      `${kind} of allocation ${allocation}: it is an object in a slab and shares its page; map whole pages`,
    );
  }
  if (kind === 'unmap-user' && view.userMappings(allocation) === 0) {
    throw new InputError(`${kind} of allocation ${allocation}: it is not mapped into user space`);
  }
}

function expectLive(what: string, allocation: AllocationId, view: StateView): void {
  if (!Number.isInteger(allocation) || !view.isLive(allocation)) {
    throw new InputError(`${what} of allocation ${allocation}: it is not live`);
  }
}

/** Throws InputError for what gfpName() could not print. */
function checkFlags(gfp = GFP_KERNEL): void {
  if (Number.isInteger(gfp) && gfp >= 0 && gfp <= ALL_FLAGS) return;
  throw new InputError(`gfp flags ${gfp}: expected a combination of ${Object.keys(GFP).join(', ')}`);
}

/** Every bit up to the highest is a flag. */
const ALL_FLAGS = Object.values(GFP).reduce((all, flag) => all | flag, 0);
