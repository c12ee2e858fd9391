/** Which request an event belongs to. */
import type { EventBatch } from '../events/batch.ts';
import type { PoolEvent } from '../events/schema.ts';
import type { BootPoolEvents } from './boot-pool.ts';
import { IS_REQUEST } from './event-sets.ts';
import type { Owners } from './owners.ts';
import type { Projection } from './projection.ts';

/**
 * Who caused an event: a request, the deferred worker some time after one, or, before the first request, a boot pool that is apart, or
 * what the policy makes ready.
 */
export type Cause =
  | { readonly by: 'request'; readonly event: PoolEvent; readonly owner?: string }
  | { readonly by: 'worker'; readonly afterRequest: number }
  | { readonly by: 'boot' }
  | { readonly by: 'boot pool' };

/** Follows a log row by row and knows the request that is being decided. */
export class Causes implements Projection {
  readonly sees = IS_REQUEST;
  readonly #owners: Owners;
  readonly #bootPool: BootPoolEvents;
  #batch: EventBatch | undefined;
  #row = 0;

  /** `owners` and `bootPool` see each row before. */
  constructor(owners: Owners, bootPool: BootPoolEvents) {
    this.#bootPool = bootPool;
    this.#owners = owners;
  }

  observe(batch: EventBatch, row: number): void {
    if (!IS_REQUEST[batch.typeAt(row)]) return;
    this.#batch = batch;
    this.#row = row;
  }

  /** Of the event that was observed last. The deferred worker runs later, and its events carry the number of a request that is over. */
  by(batch: EventBatch, row: number): Cause['by'] {
    const request = batch.requestAt(row);
    if (request === 0) return this.#bootPool.isCurrent ? 'boot pool' : 'boot';
    const isOfRequest =
      this.#batch?.requestAt(this.#row) === request && this.#batch.timeAt(this.#row) === batch.timeAt(row);
    return isOfRequest ? 'request' : 'worker';
  }

  /** What caused the event in a row, which must be the next one or the last. */
  of(batch: EventBatch, row: number): Cause {
    const by = this.by(batch, row);
    if (by === 'boot' || by === 'boot pool') return { by };
    if (by === 'worker' || this.#batch === undefined) {
      return { by: 'worker', afterRequest: batch.requestAt(row) };
    }
    const event = this.#batch.at(this.#row);
    const isOfAllocation = 'allocation' in event && event.allocation > 0;
    return { by, event, ...(isOfAllocation ? { owner: this.#owners.nameOf(event.allocation) } : {}) };
  }
}
