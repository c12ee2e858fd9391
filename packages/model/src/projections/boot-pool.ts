/**
 * The boot pool of swiotlb: shared before the first request, the same under every policy. Its events are the first of a log: one range
 * is claimed, shared and cut into slabs. What a policy makes ready at boot comes after them.
 */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import type { LogHeader } from '../log/header.ts';
import type { Projection } from './projection.ts';

/**
 * Whether the boot pool stands in no policy's figures: the guest has one under every policy. Else the policy that serves its requests
 * from it has one, and the others over the same requests have none.
 */
export const isBootPoolApart = ({ swiotlb }: Pick<LogHeader, 'swiotlb'>): boolean =>
  swiotlb !== undefined && swiotlb.forPolicy !== true;

/** Finds the events of a boot pool that is apart. */
export class BootPoolEvents implements Projection {
  /** Whether the last event was one of the boot pool's. */
  isCurrent = false;
  /** Whether they are over. */
  isDone: boolean;
  #isClaimed = false;
  #hasSlabs = false;

  constructor(header: Pick<LogHeader, 'swiotlb'>) {
    this.isDone = !isBootPoolApart(header);
  }

  observe(batch: EventBatch, row: number): void {
    if (this.isDone) return;
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
