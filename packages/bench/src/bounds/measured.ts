import { type EventBatch, type LogHeader, TYPE } from '@decpool/model';
import {
  APIS,
  anyOf,
  EXPOSES,
  eventSet,
  PageTime,
  type Projection,
  SharedBlocks,
} from '@decpool/model/internal';

/** What a run comes to of what the bounds are on. */
export interface MeasuredBlocks {
  readonly blocksPeak: number;
  /** Integral of the blocks shared, in block-ns; exact. */
  readonly blockNs: bigint;
}

/**
 * Blocks with a shared page, up to the end of the trace, as the lower bounds count them. Of the bounce buffers, which are shared under
 * every policy, only the blocks in which something other than a streaming map lies.
 */
export function measuredBlocks(
  { geometry, swiotlb }: LogHeader,
  until: number,
): Projection & { result(): MeasuredBlocks } {
  const blocks = new SharedBlocks(geometry);
  if (swiotlb === undefined) return withoutSwiotlb(blocks, until);
  const slots = new SlotBlocks(geometry.pagesPerBlock);
  const blockTime = new PageTime();
  let time = 0;
  let blocksPeak = 0;
  const moveTo = (later: number) => {
    if (later <= time) return;
    blockTime.add(blocks.now + slots.blocks, later - time);
    time = later;
  };
  /** Before a change: a bounce pool is left out a moment after it was shared, when its slabs are made. */
  const takePeak = () => {
    blocksPeak = Math.max(blocksPeak, blocks.now + slots.blocks);
  };
  return {
    sees: anyOf(EXPOSES, slots.sees),
    observe(batch, row) {
      if (batch.timeAt(row) > until) return;
      moveTo(batch.timeAt(row));
      const type = batch.typeAt(row);
      if (EXPOSES[type] || type === TYPE.objectFreed) takePeak();
      if (EXPOSES[type]) {
        blocks.observe(batch, row);
      } else {
        slots.observe(batch, row);
        if (type === TYPE.slabCreated && batch.allocationAt(row) === 0)
          blocks.leaveOut(batch.pfnAt(row), batch.pagesAt(row));
      }
    },
    result() {
      moveTo(until);
      takePeak();
      return { blocksPeak, blockNs: blockTime.pageNs };
    },
  };
}

/** The blocks of the bounce buffers in which something other than a streaming map lies. */
class SlotBlocks {
  readonly sees = eventSet('allocation-requested', 'slab-created', 'object-allocated', 'object-freed');
  /** How many there are. */
  blocks = 0;
  readonly #pagesPerBlock: number;
  #slabs = 0;
  #isMap = false;
  /** The block of each slab of bounce buffers. */
  readonly #blockOf = new Map<number, number>();
  /** The block of each object, and the objects in each block. */
  readonly #heldIn = new Map<number, number>();
  readonly #objects = new Map<number, number>();

  constructor(pagesPerBlock: number) {
    this.#pagesPerBlock = pagesPerBlock;
  }

  observe(batch: EventBatch, row: number): void {
    switch (batch.typeAt(row)) {
      case TYPE.allocationRequested:
        this.#isMap = batch.codeAt(row) === DMA_MAP;
        break;
      case TYPE.slabCreated:
        this.#slabs++;
        if (batch.allocationAt(row) !== 0) break;
        this.#blockOf.set(this.#slabs, Math.floor(batch.pfnAt(row) / this.#pagesPerBlock));
        break;
      case TYPE.objectAllocated: {
        const block = this.#blockOf.get(batch.pfnAt(row));
        if (block === undefined || this.#isMap) break;
        this.#heldIn.set(batch.allocationAt(row), block);
        this.#hold(block, 1);
        break;
      }
      case TYPE.objectFreed: {
        const block = this.#heldIn.get(batch.allocationAt(row));
        if (block === undefined) break;
        this.#heldIn.delete(batch.allocationAt(row));
        this.#hold(block, -1);
        break;
      }
    }
  }

  #hold(block: number, sign: 1 | -1): void {
    const before = this.#objects.get(block) ?? 0;
    this.#objects.set(block, before + sign);
    this.blocks += Number(before + sign > 0) - Number(before > 0);
  }
}

/** In a guest without bounce buffers. */
const withoutSwiotlb = (blocks: SharedBlocks, until: number) => ({
  sees: EXPOSES,
  observe(...[batch, row]: Parameters<Projection['observe']>) {
    if (batch.timeAt(row) <= until) blocks.observe(batch, row);
  },
  result: () => resultOf(blocks, until),
});

function resultOf(blocks: SharedBlocks, until: number): MeasuredBlocks {
  blocks.moveTo(until);
  return { blocksPeak: blocks.peak, blockNs: blocks.blockTime.pageNs };
}

/** An event's api is in the column of codes. */
const DMA_MAP = APIS.indexOf('dma_map');
