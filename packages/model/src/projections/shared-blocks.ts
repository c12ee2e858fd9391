/** In how many blocks the host can see a page, and how many of these are mixed: private pages beside shared ones. */
import type { EventBatch } from '../events/batch.ts';
import { forEachBlock, type Geometry } from '../geometry.ts';
import { anyOf, CHANGES_PAGES, EXPOSES, exposureSign } from './event-sets.ts';
import { PageTime } from './page-time.ts';
import type { Projection } from './projection.ts';

/** Blocks with a shared page and mixed blocks: now, at peak, and over time. */
export class SharedBlocks implements Projection {
  readonly sees = anyOf(EXPOSES, CHANGES_PAGES);
  /** Blocks with a shared page. */
  now = 0;
  mixed = 0;
  /** Integral of `now` over time, in block-ns. */
  readonly blockTime = new PageTime();
  readonly #pagesPerBlock: number;
  readonly #shared: Uint16Array;
  readonly #since: Float64Array;
  #time = 0;
  #peak = 0;
  #mixedPeak = 0;
  /** The most since takePeaks(). */
  #recent = { shared: 0, mixed: 0 };

  constructor({ pagesPerBlock, spanPages }: Geometry) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#shared = new Uint16Array(spanPages / pagesPerBlock);
    this.#since = new Float64Array(this.#shared.length).fill(-1);
  }

  /** Simulated ns since which a page of a block is shared; -1 if none is. */
  since(block: number): number {
    return this.#since[block];
  }

  get peak(): number {
    return Math.max(this.#peak, this.now);
  }

  get mixedPeak(): number {
    return Math.max(this.#mixedPeak, this.mixed);
  }

  /** The most after an event that claims, returns, converts or leaks pages, since the last call; if there was none, what there is now. */
  takePeaks(): { readonly shared: number; readonly mixed: number } {
    const { shared, mixed } = this.#recent;
    this.#recent = { shared: 0, mixed: 0 };
    return { shared: Math.max(shared, this.now), mixed: Math.max(mixed, this.mixed) };
  }

  /** Simulated ns up to which blockTime is integrated. */
  moveTo(time: number): void {
    if (time <= this.#time) return;
    this.blockTime.add(this.now, time - this.#time);
    this.#time = time;
  }

  observe(batch: EventBatch, row: number): void {
    this.moveTo(batch.timeAt(row));
    const sign = exposureSign(batch, row);
    if (sign !== 0) {
      this.#peak = this.peak;
      this.#mixedPeak = this.mixedPeak;
      this.#change(batch.pfnAt(row), batch.pagesAt(row), sign);
    } else if (!CHANGES_PAGES[batch.typeAt(row)]) return;
    const recent = this.#recent;
    if (this.now > recent.shared) recent.shared = this.now;
    if (this.mixed > recent.mixed) recent.mixed = this.mixed;
  }

  /** Takes shared pages out of the counts, as if they had never been in them. Right if nothing else changed since they were shared. */
  leaveOut(start: number, pages: number): void {
    const size = this.#pagesPerBlock;
    const first = Math.floor(start / size);
    const since = this.#since.slice(first, Math.ceil((start + pages) / size));
    this.#change(start, pages, -1);
    this.#since.set(since, first);
    this.#recent = { shared: 0, mixed: 0 };
  }

  /** The peaks of what came before count no more. */
  restartPeaks(): void {
    this.#peak = this.now;
    this.#mixedPeak = this.mixed;
    this.#recent = { shared: 0, mixed: 0 };
  }

  #change(start: number, pages: number, sign: 1 | -1): void {
    const size = this.#pagesPerBlock;
    forEachBlock(start, pages, size, (block, inside) => {
      const before = this.#shared[block];
      const after = before + sign * inside;
      this.#shared[block] = after;
      if (before === 0) this.#since[block] = this.#time;
      else if (after === 0) this.#since[block] = -1;
      this.now += Number(after > 0) - Number(before > 0);
      this.mixed += Number(after > 0 && after < size) - Number(before > 0 && before < size);
    });
  }
}
