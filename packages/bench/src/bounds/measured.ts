import { type LogHeader, TYPE } from '@decpool/model';
import {
  APIS,
  anyOf,
  BounceSlots,
  EXPOSES,
  eventSet,
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
 * Blocks with a shared page, up to the end of the trace and without the bounce buffers, as the lower bounds count them. With
 * the bounce buffers if the policy serves more than streaming maps from them.
 */
export function measuredBlocks(
  { geometry, swiotlb }: LogHeader,
  until: number,
): Projection & { result(): MeasuredBlocks } {
  const withAll = new SharedBlocks(geometry);
  if (swiotlb === undefined) return withoutSwiotlb(withAll, until);
  const withoutBounce = new SharedBlocks(geometry);
  const bounce = new BounceSlots(1 << geometry.pageShift);
  const streaming = new Set<number>();
  let servesFromBounce = false;

  return {
    sees: anyOf(EXPOSES, bounce.sees, eventSet('allocation-requested')),
    observe(batch, row) {
      if (batch.timeAt(row) > until) return;
      withAll.observe(batch, row);
      withoutBounce.observe(batch, row);
      const isTaken = bounce.observe(batch, row);
      const allocation = batch.allocationAt(row);
      const type = batch.typeAt(row);
      if (type === TYPE.allocationRequested) {
        if (batch.codeAt(row) === DMA_MAP) streaming.add(allocation);
      } else if (type === TYPE.objectAllocated) {
        if (isTaken && !streaming.has(allocation)) servesFromBounce = true;
      } else if (type === TYPE.slabCreated && allocation === 0) {
        withoutBounce.leaveOut(batch.pfnAt(row), batch.pagesAt(row));
      }
    },
    result() {
      return resultOf(servesFromBounce ? withAll : withoutBounce, until);
    },
  };
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
