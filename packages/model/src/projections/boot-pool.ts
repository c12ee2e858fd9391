/**
 * What is shared before the first request, the same under every policy: the boot pool of swiotlb, and the atomic DMA pools. Their events
 * are the first of a log. What a policy makes ready at boot comes after them: after `boot-pools-made`, or, in a log without that event,
 * after the slabs of the one range that swiotlb claims.
 */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import type { LogHeader } from '../log/header.ts';
import type { Projection } from './projection.ts';

/** Finds the events of the boot pools, which stand in no policy's figures. */
export class BootPoolEvents implements Projection {
  /** Whether the last event was one of the boot pools'. */
  isCurrent = false;
  /** Whether they are over. */
  isDone: boolean;
  readonly #hasAtomicPools: boolean;
  #isClaimed = false;
  #hasSlabs = false;

  constructor(header: Pick<LogHeader, 'swiotlb' | 'atomicPools'>) {
    this.#hasAtomicPools = header.atomicPools === true;
    this.isDone = !this.#hasAtomicPools && header.swiotlb === undefined;
  }

  observe(batch: EventBatch, row: number): void {
    if (this.isDone) {
      this.isCurrent = false;
      return;
    }
    if (this.#hasAtomicPools) {
      this.isCurrent = batch.requestAt(row) === 0;
      this.isDone = !this.isCurrent || batch.typeAt(row) === TYPE.bootPoolsMade;
      return;
    }
    const isSlab = isBootSlab(batch, row);
    const isClaim = batch.typeAt(row) === TYPE.pagesClaimed;
    this.isDone = batch.requestAt(row) !== 0 || (this.#hasSlabs && !isSlab) || (this.#isClaimed && isClaim);
    this.#hasSlabs ||= isSlab;
    this.#isClaimed ||= isClaim;
    this.isCurrent = !this.isDone;
  }
}

export const isBootSlab = (batch: EventBatch, row: number): boolean =>
  batch.typeAt(row) === TYPE.slabCreated && batch.allocationAt(row) === 0 && batch.requestAt(row) === 0;
