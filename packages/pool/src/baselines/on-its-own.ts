/**
 * What the baselines share: a chunk comes straight from the page allocator and is converted by itself, through its address in
 * the direct map. A granule of the host that is larger than the used part of a chunk is converted as a whole.
 */
import {
  type AllocateRequest,
  type AllocationId,
  type FailureReason,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type Platform,
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
}

/**
 * Serves a request with the largest chunks up to the missing pages, one order lower after a refusal, each converted by itself. If it
 * refuses, what it has got so far is given back.
 */
export function allocateInChunks(
  request: AllocateRequest,
  { effort, fillsGranules, type }: ChunkLoop,
  view: StateView,
  record: Recorder,
): void {
  if (!record.mayConvert) {
    record.fail('would-sleep');
    return;
  }
  const least = fillsGranules ? view.platform.granulePages : 1;
  let maxOrder = MAX_PAGE_ORDER;
  for (let missing = request.pages; missing > 0; ) {
    const order = Math.min(maxOrder, 31 - Math.clz32(missing));
    const pages = Math.min(missing, Math.max(1 << order, least));
    const tried = order === 0 ? {} : { effort };
    const failure = addChunk({ order, pages, tail: 'kept', ...(type && { type }), ...tried }, view, record);
    if (failure === undefined) missing -= pages;
    else if (failure === 'out-of-memory' && order > 0) maxOrder = order - 1;
    else {
      freeEachOnItsOwn(request.allocation, 'kept', view, record);
      record.fail(failure);
      return;
    }
  }
}

/** Gives the request one more chunk. Returns why that failed; then nothing of the chunk is held, but for leaks. */
function addChunk(
  { order, pages, tail, type, effort }: Chunk,
  { platform }: StateView,
  record: Recorder,
): FailureReason | undefined {
  const start = record.claim(Math.max(order, orderFor(platform.granulePages)), type, effort);
  if (start === -1) return 'out-of-memory';
  const converted = wholeGranules(pages, platform);
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

/** Makes each extent of an allocation private and gives it back, with what was kept of its chunk. What is leaked stays. */
export function freeEachOnItsOwn(
  allocation: AllocationId,
  tail: Chunk['tail'],
  view: StateView,
  record: Recorder,
): void {
  for (const { pfn, pages } of view.allocation(allocation).extents) {
    record.free(pfn, pages);
    returnOnItsOwn(pfn, pages, tail, view, record);
  }
}

/** Makes an extent that nobody uses any more private, and gives its chunk back; if it is leaked, the rest of the chunk. */
export function returnOnItsOwn(
  start: Pfn,
  pages: number,
  tail: Chunk['tail'],
  { platform }: StateView,
  record: Recorder,
): void {
  const converted = wholeGranules(pages, platform);
  const held = tail === 'returned' ? converted : Math.max(1 << orderFor(pages), converted);
  if (record.encrypt(start, converted) === 'converted') record.giveBack(start, held);
  else if (held > converted) record.giveBack(toPfn(start + converted), held - converted);
}

const wholeGranules = (pages: number, { granulePages }: Platform): number =>
  Math.ceil(pages / granulePages) * granulePages;
