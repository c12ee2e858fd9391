/**
 * Chunks of the dma-buf heap system_cc_shared: alloc_largest_available(), drivers/dma-buf/heaps/system_heap.c. If there is no chunk of
 * an order, it is made of chunks of the next smaller one. Above order 0 the heap asks with HIGH_ORDER_GFP, without __GFP_RECLAIM, so
 * nothing is reclaimed or compacted for it; but it may sleep, so memory may be converted for it. A pool that claims a whole block claims
 * it for itself, as for any caller that may sleep.
 *
 * Simpler than the kernel's: each chunk of a buffer begins with its own order. The kernel tries no order again that was short before in
 * the same buffer.
 */
import {
  type AllocateRequest,
  type FailureReason,
  type FreeRequest,
  nanoseconds,
  PAGE_SIZE,
} from '@decpool/model';
import type { EventRecorder } from './event-recorder.ts';

/** orders[]. */
const ORDERS = [8, 4, 0];

interface Server {
  allocate(request: AllocateRequest): boolean;
  free(request: FreeRequest): void;
}

/** Serves the request that the recorder has begun, or refuses it and gives back what it has got. Returns whether it was served. */
export function allocateHeapChunk(request: AllocateRequest, events: EventRecorder, policy: Server): boolean {
  const orders = ORDERS.filter((order) => 1 << order <= request.pages);
  let tried = 0;
  for (let missing = request.pages; missing > 0; ) {
    const order = orders[tried];
    events.beginPart(order, order === 0 ? undefined : 'none');
    const part = { ...request, pages: 1 << order, bytes: PAGE_SIZE << order };
    if (policy.allocate(part)) missing -= part.pages;
    else if (++tried === orders.length) break;
  }
  const failure = events.endParts();
  if (tried < orders.length) return true;
  refuse(request, failure ?? 'out-of-memory', events, policy);
  return false;
}

function refuse(
  request: AllocateRequest,
  failure: FailureReason,
  events: EventRecorder,
  policy: Server,
): void {
  const { allocation, time, gfp } = request;
  if (events.view.extentCount(allocation) > 0) {
    policy.free({ kind: 'free', allocation, time: nanoseconds(time), ...(gfp === undefined ? {} : { gfp }) });
  }
  events.fail(failure);
}
