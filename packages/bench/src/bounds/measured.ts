import { APIS, type EventBatch, type Geometry, type LogHeader, TYPE } from '@decpool/model';
import { exposureSign } from '../metrics/exposure-sign.ts';
import { PageTime } from '../metrics/page-time.ts';

/** What a run comes to of what the bounds are on. */
export interface MeasuredBlocks {
  readonly blocksPeak: number;
  /** Integral of the blocks shared, in block-ns; exact. */
  readonly blockNs: bigint;
}

/**
 * Blocks with a shared page, as metrics/blocks.ts counts them, but without the bounce buffers and up to the end of the
 * trace: so that they are measured by what the lower bounds are. A block counts where a page is shared that is no bounce
 * buffer's. A policy that serves its requests from the bounce buffers needs them for more than streaming maps: there they
 * count.
 */
export function measuredBlocks(
  { geometry }: LogHeader,
  until: number,
): { observe(batch: EventBatch): void; result(): MeasuredBlocks } {
  const withAll = new BlockCount(geometry, until);
  const withoutBounce = new BlockCount(geometry, until);
  const streaming = new Set<number>();
  const bounceSlabs = new Set<number>();
  let slabs = 0;
  let servesFromBounce = false;

  return {
    observe(batch) {
      for (let row = 0; row < batch.length; row++) {
        const time = batch.timeAt(row);
        if (time > until) return;
        switch (batch.typeAt(row)) {
          case TYPE.allocationRequested:
            if (batch.codeAt(row) === DMA_MAP) streaming.add(batch.allocationAt(row));
            break;
          case TYPE.objectAllocated:
            if (bounceSlabs.has(batch.pfnAt(row)) && !streaming.has(batch.allocationAt(row)))
              servesFromBounce = true;
            break;
          case TYPE.slabCreated:
            slabs++;
            if (batch.allocationAt(row) === 0) {
              bounceSlabs.add(slabs);
              withoutBounce.leaveOut(time, batch.pfnAt(row), batch.pagesAt(row));
            }
            break;
          default: {
            const sign = exposureSign(batch, row);
            if (sign === 0) break;
            withAll.convert(time, batch.pfnAt(row), batch.pagesAt(row), sign);
            withoutBounce.convert(time, batch.pfnAt(row), batch.pagesAt(row), sign);
          }
        }
      }
    },
    result: () => (servesFromBounce ? withAll : withoutBounce).result(),
  };
}

/** An event's api is in the column of codes. */
const DMA_MAP = APIS.indexOf('dma_map');

class BlockCount {
  readonly #pagesPerBlock: number;
  readonly #until: number;
  readonly #shared: Uint16Array;
  readonly #blockTime = new PageTime();
  #time = 0;
  #now = 0;
  #peak = 0;

  constructor({ pagesPerBlock, spanPages }: Geometry, until: number) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#until = until;
    this.#shared = new Uint16Array(spanPages / pagesPerBlock);
  }

  /** The peak is looked at as late as can be, before the next conversion: that pages are bounce buffers is told after they are shared. */
  convert(time: number, start: number, pages: number, sign: 1 | -1): void {
    this.#goTo(time);
    this.#peak = Math.max(this.#peak, this.#now);
    this.#change(start, pages, sign);
  }

  leaveOut(time: number, start: number, pages: number): void {
    this.#goTo(time);
    this.#change(start, pages, -1);
  }

  #change(start: number, pages: number, sign: 1 | -1): void {
    for (let at = start, end = start + pages; at < end; ) {
      const block = Math.floor(at / this.#pagesPerBlock);
      const to = Math.min(end, (block + 1) * this.#pagesPerBlock);
      const before = this.#shared[block];
      const after = before + sign * (to - at);
      this.#shared[block] = after;
      this.#now += Number(after > 0) - Number(before > 0);
      at = to;
    }
  }

  #goTo(time: number): void {
    if (time <= this.#time) return;
    this.#blockTime.add(this.#now, time - this.#time);
    this.#time = time;
  }

  result(): MeasuredBlocks {
    this.#goTo(this.#until);
    return { blocksPeak: Math.max(this.#peak, this.#now), blockNs: this.#blockTime.pageNs };
  }
}
