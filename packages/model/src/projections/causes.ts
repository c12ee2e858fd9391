/** Which request an event belongs to. */
import type { EventBatch } from '../events/batch.ts';
import type { PoolEvent } from '../events/schema.ts';
import { IS_REQUEST } from './event-sets.ts';
import type { Owners } from './owners.ts';

/** Who caused an event: a request, the deferred worker some time after one, or the boot. */
export type Cause =
  | { readonly by: 'request'; readonly event: PoolEvent; readonly owner?: string }
  | { readonly by: 'worker'; readonly afterRequest: number }
  | { readonly by: 'boot' };

/** Follows a log row by row and knows the request that is being decided. */
export class Causes {
  readonly #owners: Owners;
  #batch: EventBatch | undefined;
  #row = 0;

  constructor(owners: Owners) {
    this.#owners = owners;
  }

  observe(batch: EventBatch, row: number): void {
    if (!IS_REQUEST[batch.typeAt(row)]) return;
    this.#batch = batch;
    this.#row = row;
  }

  /** The deferred worker runs later, and its events carry the number of a request that is over. */
  by(batch: EventBatch, row: number): Cause['by'] {
    const request = batch.requestAt(row);
    if (request === 0) return 'boot';
    const isOfRequest =
      this.#batch?.requestAt(this.#row) === request && this.#batch.timeAt(this.#row) === batch.timeAt(row);
    return isOfRequest ? 'request' : 'worker';
  }

  of(batch: EventBatch, row: number): Cause {
    const by = this.by(batch, row);
    if (by === 'boot') return { by };
    if (by === 'worker' || this.#batch === undefined) {
      return { by: 'worker', afterRequest: batch.requestAt(row) };
    }
    const event = this.#batch.at(this.#row);
    const isOfAllocation = 'allocation' in event && event.allocation > 0;
    return { by, event, ...(isOfAllocation ? { owner: this.#owners.nameOf(event.allocation) } : {}) };
  }
}
