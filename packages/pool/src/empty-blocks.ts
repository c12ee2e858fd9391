/** The blocks of a pool without a used page: when each goes back to the page allocator, and how. */
import { type BlockIndex, blockIndex, type Pfn, type StateView, pfn as toPfn } from '@decpool/model';
import type { PageRange } from './conversion/conversion.ts';
import type { FreeMap } from './placement/free-map.ts';
import type { Recorder } from './policy.ts';
import type { Reserve } from './reserve.ts';
import { AT_ONCE, KEEP, type Supply } from './supply/supply.ts';

interface PoolParts {
  readonly view: StateView;
  readonly map: FreeMap;
  readonly supply: Supply;
  readonly reserve: Reserve | undefined;
  /** Takes leaked pages out of the free ones. */
  readonly forget: (leaked: PageRange) => void;
}

export class EmptyBlocks {
  readonly #pool: PoolParts;
  readonly #pagesPerBlock: number;
  /** Blocks that ran empty when nothing could be converted. */
  readonly #waiting = new Set<BlockIndex>();
  /** Blocks that are kept until a simulated time in ns, the first to go first, and since when each is empty. */
  readonly #kept = new Map<BlockIndex, { readonly since: number; readonly until: number }>();

  constructor(pool: PoolParts) {
    this.#pool = pool;
    this.#pagesPerBlock = pool.view.geometry.pagesPerBlock;
  }

  /** Whether blocks ran empty when nothing could be converted. */
  get hasWork(): boolean {
    return this.#waiting.size > 0;
  }

  /** When the first kept block goes back, simulated ns; KEEP: never. */
  get dueAt(): number {
    if (this.#kept.size === 0) return KEEP;
    for (const { until } of this.#kept.values()) return until;
    return KEEP;
  }

  /** The last allocation of a block was freed. */
  emptied(block: BlockIndex, record: Recorder): void {
    if (record.mayConvert) this.#settle(block, record, record.time);
    else this.#waiting.add(block);
  }

  /** Returns what is due by the recorder's time. */
  work(record: Recorder): void {
    for (const block of this.#waiting) if (!this.#isUsed(block)) this.#settle(block, record, record.time);
    this.#waiting.clear();
    for (const [block, { since, until }] of this.#kept) {
      if (until > record.time) break;
      this.#kept.delete(block);
      if (!this.#isUsed(block)) this.#settle(block, record, since);
    }
  }

  /** Whether a block is in use, or no longer the pool's. */
  #isUsed(block: BlockIndex): boolean {
    const { map } = this.#pool;
    return map.extents[block] > 0 || map.largest[block] === 0;
  }

  /** Returns a block that has been empty since a simulated time in ns, or keeps it for as long as the supply wants. */
  #settle(block: BlockIndex, record: Recorder, since: number): void {
    const { reserve, view } = this.#pool;
    if (reserve?.holds(block) === true || view.pagesOf('leaked', block) > 0) return;
    const until = this.#returnsAt(record.time, since);
    if (until <= record.time) {
      this.return(toPfn(block * this.#pagesPerBlock), this.#pagesPerBlock, record);
    } else if (until !== KEEP) {
      this.#kept.delete(block);
      this.#kept.set(block, { since, until });
    }
  }

  /** Beside a reserve an empty block is private and holds nothing ready, so it is not kept. */
  #returnsAt(now: number, since: number): number {
    const { reserve, map, supply } = this.#pool;
    if (reserve !== undefined) return AT_ONCE;
    return supply.returnsAt({ now, since, freePages: map.freePages, blockPages: this.#pagesPerBlock });
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
