/** The blocks of a pool without a used page: when each goes back to the page allocator, and how. */
import { type BlockIndex, blockIndex, type Pfn, type StateView, pfn as toPfn } from '@decpool/model';
import type { PageRange } from './conversion/conversion.ts';
import type { FreeMap } from './placement/free-map.ts';
import type { BlockRange, Recorder } from './policy.ts';
import type { Reserve } from './reserve.ts';
import { AT_ONCE, KEEP, type Supply } from './supply/supply.ts';

interface PoolParts {
  readonly view: StateView;
  readonly map: FreeMap;
  readonly supply: Supply;
  /** Shared pages put aside, if the other free pages are private. */
  readonly reserve: Reserve | undefined;
  /** Free pages that must be left where a reserve is wanted before a block goes back. */
  readonly keptPages: number;
  /** Takes leaked pages out of the free ones. */
  readonly forget: (leaked: PageRange) => void;
}

/** Simulated ns: since when a block is empty, and until when it is kept; RESERVED: as long as the reserve needs it. */
interface Kept {
  readonly since: number;
  readonly until: number;
}

const RESERVED = -1;

export class EmptyBlocks {
  readonly #pool: PoolParts;
  readonly #pagesPerBlock: number;
  /** The oldest first. */
  readonly #kept = new Map<BlockIndex, Kept>();
  /** Whether a block is to go back, and waits for the worker since nothing could be converted. */
  #isAnyWaiting = false;
  /** Of #kept, if that has not changed: the blocks that the reserve needs, and when the first other one goes back. */
  readonly #reserved: BlockIndex[] = [];
  #nextAt = KEEP;
  #isStale = false;
  /** Where a reserve is wanted: all memory, and zones and nodes whose atomic callers asked for one. */
  readonly #reservedIn: BlockRange[] = [];

  constructor(pool: PoolParts) {
    this.#pool = pool;
    this.#pagesPerBlock = pool.view.geometry.pagesPerBlock;
  }

  /** Whether blocks ran empty when nothing could be converted. */
  get hasWork(): boolean {
    return this.#isAnyWaiting;
  }

  /** When the first block goes back, simulated ns; KEEP: never. */
  get dueAt(): number {
    if (this.#isStale) this.#findNext();
    for (const block of this.#reserved) if (!this.#isReserved(block)) return AT_ONCE;
    return this.#nextAt;
  }

  #findNext(): void {
    this.#isStale = false;
    this.#reserved.length = 0;
    this.#nextAt = KEEP;
    for (const [block, { until }] of this.#kept) {
      if (until === RESERVED) this.#reserved.push(block);
      else this.#nextAt = Math.min(this.#nextAt, until);
    }
  }

  /** From now on a reserve is wanted in a range. */
  needsReserveIn(range: BlockRange): void {
    const isKnown = this.#reservedIn.some(
      ({ firstBlock, endBlock }) => firstBlock === range.firstBlock && endBlock === range.endBlock,
    );
    if (!isKnown) this.#reservedIn.push(range);
  }

  /** The last allocation of a block was freed, or it was claimed for the reserve. */
  emptied(block: BlockIndex, record: Recorder): void {
    this.#settle(block, record.time, record);
  }

  /** The first allocation was made in a block. */
  used(block: BlockIndex): void {
    if (this.#kept.delete(block)) this.#isStale = true;
  }

  /** Returns what is due by the recorder's time. */
  work(record: Recorder): void {
    this.#isAnyWaiting = false;
    for (const [block, { since }] of this.#kept) this.#settle(block, since, record);
  }

  /** The shrinker: returns every empty block that the reserve does not need. */
  shrink(record: Recorder): void {
    for (const block of this.#kept.keys()) {
      if (this.#mayReturn(block) && !this.#isReserved(block)) this.#return(block, record);
    }
  }

  /** Whether a block is still the pool's. With leaked pages it never goes back; one with pages that are put aside does when they are used up. */
  #mayReturn(block: BlockIndex): boolean {
    const { map, reserve, view } = this.#pool;
    return map.largest[block] > 0 && reserve?.holds(block) !== true && view.pagesOf('leaked', block) === 0;
  }

  /** Whether too few free pages would be left without a block. */
  #isReserved(block: BlockIndex): boolean {
    const { map, keptPages } = this.#pool;
    if (keptPages === 0) return false;
    for (const { firstBlock, endBlock } of this.#reservedIn) {
      if (block < firstBlock || block >= endBlock) continue;
      if (map.freePagesIn(firstBlock, endBlock) - this.#pagesPerBlock < keptPages) return true;
    }
    return false;
  }

  /** Returns a block that has been empty since a simulated time in ns, or keeps it for as long as the supply wants. */
  #settle(block: BlockIndex, since: number, record: Recorder): void {
    const { map, supply } = this.#pool;
    this.#isStale = true;
    if (!this.#mayReturn(block)) {
      this.#kept.delete(block);
      return;
    }
    let until = RESERVED;
    if (!this.#isReserved(block)) {
      const blockPages = this.#pagesPerBlock;
      until = supply.returnsAt({ now: record.time, since, freePages: map.freePages, blockPages });
      if (until <= record.time && record.mayConvert) {
        this.#return(block, record);
        return;
      }
      // Its time comes when the worker runs.
      if (until <= record.time) this.#isAnyWaiting = true;
    }
    this.#kept.set(block, { since, until: until === RESERVED || until > record.time ? until : KEEP });
  }

  #return(block: BlockIndex, record: Recorder): void {
    this.#kept.delete(block);
    this.#isStale = true;
    this.return(toPfn(block * this.#pagesPerBlock), this.#pagesPerBlock, record);
  }

  /**
   * Makes the pool's free pages in a range private and gives them back. Others may hold some of the range too, and share
   * them, as the bounce buffers do. If a page leaks, nothing goes back: a block with a leaked page never does.
   */
  return(first: Pfn, pages: number, record: Recorder): void {
    const { view, map, forget } = this.#pool;
    const own = this.#freeRuns(first, pages);
    let isLeaked = false;
    for (const run of own) {
      forEachSharedRun(view, run, (start, count) => {
        if (record.encrypt(start, count) !== 'leaked') return;
        isLeaked = true;
        forget({ start, pages: count });
      });
    }
    if (isLeaked) return;
    for (const { start, pages: count } of own) {
      map.forEachBlock(start, count, (from, part) => map.take(from, part));
      record.giveBack(start, count);
    }
  }

  /** The free runs in a range; those of blocks that lie side by side are one. */
  #freeRuns(first: Pfn, pages: number): PageRange[] {
    const runs: { start: Pfn; pages: number }[] = [];
    const end = first + pages;
    for (let block = Math.floor(first / this.#pagesPerBlock); block * this.#pagesPerBlock < end; block++) {
      this.#pool.map.forEachRun(blockIndex(block), (runStart, count) => {
        const start = toPfn(Math.max(runStart, first));
        const length = Math.min(runStart + count, end) - start;
        const last = runs.at(-1);
        if (length <= 0) return;
        if (last !== undefined && last.start + last.pages === start) last.pages += length;
        else runs.push({ start, pages: length });
      });
    }
    return runs;
  }
}

/** Calls `each` for every maximal run of shared pages in a range; `each` may make the run private. */
function forEachSharedRun(
  view: StateView,
  { start, pages }: PageRange,
  each: (start: Pfn, pages: number) => void,
): void {
  const end = start + pages;
  for (let at = start; at < end; ) {
    const first = view.firstWhereNot('shared', false, at, end - at);
    if (first === -1) return;
    const next = view.firstWhereNot('shared', true, toPfn(first), end - first);
    const runEnd = next === -1 ? end : next;
    each(toPfn(first), runEnd - first);
    at = toPfn(runEnd);
  }
}
