/**
 * Buffers of the dma-buf heap `system_cc_shared`: a user asks for bytes, the heap puts them together from pages of few
 * orders, and may map all of them for the user. drivers/dma-buf/heaps/system_heap.c.
 */
import { PAGE_SHIFT, PAGE_SIZE, pagesFor } from '@decpool/model';
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
 * Sizes of buffers in bytes, assumed: a page of commands, a small tensor, a camera's frame (1080p and 4K, NV12), a
 * screen of 1080p with four bytes per pixel, and a weight matrix.
 */
const BUFFER_BYTES = [PAGE_SIZE, 64 * 1024, 300_000, 1_048_576, 3_110_400, 8_294_400, 12_441_600];

export const drawBufferBytes = ({ dice }: Activity): number => dice.pick(BUFFER_BYTES);
