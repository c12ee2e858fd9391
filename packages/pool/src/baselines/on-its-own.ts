/**
 * What the baselines share: a chunk comes straight from the page allocator and is converted by itself, through its address in
 * the direct map. Only whole units are converted: granules of the host, or more if the baseline says so. What is not used of them stays
 * with the chunk.
 */
import {
  type AllocateRequest,
  type AllocationId,
  type FailureReason,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import type { ClaimType } from '../page-allocator/migratetypes.ts';
import type { ClaimEffort } from '../page-source/claim-effort.ts';
import type { Recorder } from '../policy.ts';

/** How much of a chunk is used. */
export interface Chunk {
  /** 2^order pages are taken, or a granule where that is more. */
  readonly order: number;
  /** Pages at its front that are given to the caller, and converted in whole granules. */
  readonly pages: number;
  /** What becomes of those that are not converted: `kept` private but tied up, or given back at once. */
  readonly tail: 'kept' | 'returned';
  /** Pageblocks that it comes from. Default: Unmovable ones. */
  readonly type?: ClaimType;
  /** Default: that of the request. */
  readonly effort?: ClaimEffort;
  /** Pages of a unit that is converted as a whole, a power of two. Default: a granule of the host. */
  readonly unitPages?: number;
}

/** Serves a request with one chunk, converted by itself, or refuses it. */
export function allocateOnItsOwn(chunk: Chunk, view: StateView, record: Recorder): void {
  const failure = record.mayConvert ? addChunk(chunk, view, record) : 'would-sleep';
  if (failure !== undefined) record.fail(failure);
}

/** How an area is made of chunks. */
interface ChunkLoop {
  /** Of a chunk above order 0. One of order 0 is the last resort: its effort is the request's. */
  readonly effort: ClaimEffort;
  /** Whether the area uses all pages of a granule that is larger than its chunk. */
  readonly fillsGranules: boolean;
  readonly type?: ClaimType;
  /** As of a chunk. */
  readonly unitPages?: number;
}

/**
 * Serves a request with the largest chunks up to the missing pages, one order lower after a refusal, each converted by itself. If it
 * refuses, what it has got so far is given back.
 */
export function allocateInChunks(
  request: AllocateRequest,
  loop: ChunkLoop,
  view: StateView,
  record: Recorder,
): void {
  const failure = record.mayConvert ? addChunks(request, loop, view, record) : 'would-sleep';
  if (failure !== undefined) record.fail(failure);
}

/** The same, but returns why it failed; then the request holds nothing. */
export function addChunks(
  { allocation, pages: wanted }: AllocateRequest,
  loop: ChunkLoop,
  view: StateView,
  record: Recorder,
): FailureReason | undefined {
  const { effort, fillsGranules, type, unitPages = view.platform.granulePages } = loop;
  const least = fillsGranules ? unitPages : 1;
  const leastOrder = unitPages > view.platform.granulePages ? orderFor(unitPages) : 0;
  let maxOrder = MAX_PAGE_ORDER;
  for (let missing = wanted; missing > 0; ) {
    const order = Math.min(maxOrder, 31 - Math.clz32(missing));
    const pages = Math.min(missing, Math.max(1 << order, least));
    const tried = order === 0 ? {} : { effort };
    const chunk = { order, pages, tail: 'kept', unitPages, ...(type && { type }), ...tried } as const;
    const failure = addChunk(chunk, view, record);
    if (failure === undefined) missing -= pages;
    else if (failure === 'out-of-memory' && order > leastOrder) maxOrder = order - 1;
    else {
      freeEachOnItsOwn(allocation, { tail: 'kept', unitPages }, view, record);
      return failure;
    }
  }
  return undefined;
}

/** Gives the request one more chunk. Returns why that failed; then nothing of the chunk is held, but for leaks. */
export function addChunk(
  { order, pages, tail, type, effort, unitPages }: Chunk,
  { platform }: StateView,
  record: Recorder,
): FailureReason | undefined {
  const unit = unitPages ?? platform.granulePages;
  const start = record.claim(Math.max(order, orderFor(unit)), type, effort);
  if (start === -1) return 'out-of-memory';
  const converted = wholeUnits(pages, unit);
  const taken = Math.max(1 << order, converted);
  if (tail === 'returned' && converted < taken) record.giveBack(toPfn(start + converted), taken - converted);
  if (record.decrypt(start, converted) === 'converted') {
    record.allocate(start, pages);
    return undefined;
  }
  // The converted pages are leaked.
  if (tail === 'kept' && taken > converted) record.giveBack(toPfn(start + converted), taken - converted);
  return 'conversion-failed';
}

/** Of the chunks of an allocation. */
export type Held = Pick<Chunk, 'tail' | 'unitPages'>;

/** Makes each extent of an allocation private and gives it back, with what was kept of its chunk. What is leaked stays. */
export function freeEachOnItsOwn(
  allocation: AllocationId,
  held: Held,
  view: StateView,
  record: Recorder,
): void {
  for (const { pfn, pages } of view.allocation(allocation).extents) {
    record.free(pfn, pages);
    returnOnItsOwn(pfn, pages, held, view, record);
  }
}

/** Makes an extent that nobody uses any more private, and gives its chunk back; if it is leaked, the rest of the chunk. */
export function returnOnItsOwn(
  start: Pfn,
  pages: number,
  { tail, unitPages }: Held,
  { platform }: StateView,
  record: Recorder,
): void {
  const converted = wholeUnits(pages, unitPages ?? platform.granulePages);
  const held = tail === 'returned' ? converted : Math.max(1 << orderFor(pages), converted);
  if (record.encrypt(start, converted) === 'converted') record.giveBack(start, held);
  else if (held > converted) record.giveBack(toPfn(start + converted), held - converted);
}

const wholeUnits = (pages: number, unitPages: number): number => Math.ceil(pages / unitPages) * unitPages;
