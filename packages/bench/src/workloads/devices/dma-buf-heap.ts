/** Buffers of the dma-buf heap `system_cc_shared`, which are chunks of few orders: drivers/dma-buf/heaps/system_heap.c. */
import { PAGE_SIZE } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import type { Activity, Lease } from '../timeline.ts';

/** orders[], drivers/dma-buf/heaps/system_heap.c. */
const HEAP_ORDERS = [8, 4, 0];

/** Orders of the chunks of a buffer, largest first: alloc_largest_available() where no order is short. */
export function heapChunks(bytes: number): readonly number[] {
  let left = pagesFor(bytes, PAGE_SHIFT);
  return HEAP_ORDERS.flatMap((order) => {
    const chunks = left >> order;
    left -= chunks << order;
    return Array<number>(chunks).fill(order);
  });
}

export interface HeapBuffer {
  readonly chunks: readonly Lease[];
  readonly isMapped: boolean;
}

/** A buffer for a user, whose mapping comes after all of it is allocated: no conversion may happen while it is mapped. */
export function allocateBuffer(
  guest: Activity,
  client: string,
  bytes: number,
  isMapped: boolean,
): HeapBuffer {
  const chunks = heapChunks(bytes).map((order) =>
    guest.allocate({
      api: 'alloc_pages',
      bytes: PAGE_SIZE << order,
      owner: `system_cc_shared ${client} buffer`,
    }),
  );
  if (isMapped) for (const chunk of chunks) guest.mapUser(chunk);
  return { chunks, isMapped };
}

export function releaseBuffer(guest: Activity, { chunks, isMapped }: HeapBuffer): void {
  if (isMapped) for (const chunk of chunks) guest.unmapUser(chunk);
  guest.freeAll(chunks);
}

/**
 * In bytes, assumed: a page of commands, a small tensor, frames of a camera (1080p and 4K, NV12), a 1080p screen, a weight
 * matrix.
 */
const BUFFER_BYTES = [PAGE_SIZE, 64 * 1024, 300_000, 1_048_576, 3_110_400, 8_294_400, 12_441_600];

export const drawBufferBytes = ({ dice }: Activity): number => dice.pick(BUFFER_BYTES);
