/** Which request an event belongs to. */
import { type EventBatch, type PoolEvent, TYPE } from '@decpool/model';

/** What took a request number of its own. */
const REQUESTS: ReadonlySet<number> = new Set([
  TYPE.allocationRequested,
  TYPE.freeRequested,
  TYPE.userMapped,
  TYPE.userUnmapped,
  TYPE.backgroundAllocated,
  TYPE.backgroundFreed,
  TYPE.backgroundFailed,
]);
export const isRequest = (type: number): boolean => REQUESTS.has(type);

/** Who caused an event: a request, the deferred worker some time after one, or the boot. */
export type Cause =
  | { readonly by: 'request'; readonly event: PoolEvent; readonly owner?: string }
  | { readonly by: 'worker'; readonly afterRequest: number }
  | { readonly by: 'boot' };

/** Follows a log row by row and knows the request that is being decided. */
export class Causes {
  #batch: EventBatch | undefined;
  #row = 0;

  observe(batch: EventBatch, row: number): void {
    if (!isRequest(batch.typeAt(row))) return;
    this.#batch = batch;
    this.#row = row;
  }

  /** Cause of the row; `ownerOf` names the owner of an allocation. */
  of(batch: EventBatch, row: number, ownerOf: (allocation: number) => string): Cause {
    const request = batch.requestAt(row);
    if (request === 0) return { by: 'boot' };
    const asked = this.#batch;
    // The worker runs later, and its events carry the number of a request that is over.
    const isOfRequest =
      asked !== undefined &&
      asked.requestAt(this.#row) === request &&
      asked.timeAt(this.#row) === batch.timeAt(row);
    if (!isOfRequest) return { by: 'worker', afterRequest: request };
    const event = asked.at(this.#row);
    const isOfAllocation = 'allocation' in event && event.allocation > 0;
    return { by: 'request', event, ...(isOfAllocation ? { owner: ownerOf(event.allocation) } : {}) };
  }
}
