import { pagesFor } from '@decpool/model';
import { PAGE_SHIFT, PAGE_SIZE } from '../../workloads/workload.ts';
import type { Timestamp } from '../events/timestamps.ts';
import type { TraceRequests } from '../trace-requests.ts';

/** set_memory_decrypted() on a contiguous range. */
export interface Decryption {
  readonly at: Timestamp;
  readonly pfn: number;
  readonly pages: number;
  /** Arguments of the dma_alloc_attrs() call; undefined if there was none, as for a vmbus ring. */
  readonly asked: { readonly device: string; readonly bytes: number } | undefined;
  /** Functions, innermost first. */
  readonly stack: readonly string[];
}

/** set_memory_encrypted() on a contiguous range. */
export interface Encryption {
  readonly at: Timestamp;
  readonly pfn: number;
  readonly pages: number;
}

/**
 * The requests behind the conversions of a recording. dma_direct_alloc() (kernel/dma/direct.c) decrypts exactly
 * the pages that hold the bytes asked for, and dma_direct_free() encrypts them again at the same pfn: so a pair of
 * conversions at one pfn is one buffer, and its pages are contiguous.
 */
export class DmaBuffers {
  readonly #into: TraceRequests;
  readonly #pagesAt = new Map<number, number>();
  #sizeDisagrees = 0;
  #freeDisagrees = 0;

  constructor(into: TraceRequests) {
    this.#into = into;
  }

  decrypted({ at, pfn, pages, asked, stack }: Decryption): void {
    const agrees = asked === undefined || pagesFor(asked.bytes, PAGE_SHIFT) === pages;
    if (!agrees) this.#sizeDisagrees++;
    const bytes = asked !== undefined && agrees ? asked.bytes : pages * PAGE_SIZE;
    const caller = callerOf(stack);
    // A conversion without a dma_alloc_attrs() call before it is a driver that converts its own pages.
    const wanted =
      asked === undefined
        ? ({ api: 'alloc_pages_exact', owner: caller } as const)
        : ({ api: 'dma_alloc_coherent', owner: `${asked.device} ${caller}` } as const);
    this.#into.allocate(pfn, at, { ...wanted, pages, bytes });
    this.#pagesAt.set(pfn, pages);
  }

  encrypted({ at, pfn, pages }: Encryption): void {
    const allocated = this.#pagesAt.get(pfn);
    if (allocated !== undefined && allocated !== pages) this.#freeDisagrees++;
    this.#pagesAt.delete(pfn);
    this.#into.free(pfn, at);
  }

  end(): void {
    if (this.#sizeDisagrees > 0) {
      this.#into.note(
        `${this.#sizeDisagrees} buffers have a requested size that does not match their pages. They count as whole pages.`,
      );
    }
    if (this.#freeDisagrees > 0) {
      this.#into.note(
        `${this.#freeDisagrees} frees cover another number of pages than their allocation. Each frees the whole allocation.`,
      );
    }
  }
}

/** Frames between the probe and the code that wants memory: the probe itself, the conversion, the DMA layer. */
const BELOW_THE_CALLER =
  /^(?:0x|k(?:ret)?probe_|ftrace_|(?:__)?set_memory_|(?:__)?dmam?_(?:alloc|direct|pool)_)/;

/** What the compiler appends to the name of a function it has cut up or specialised. */
const COMPILER_SUFFIX = /\.(?:part|isra|constprop|cold|llvm)\b.*$/;

/**
 * The function a kernel engineer would open first: the innermost one above the DMA layer, which is the driver's
 * own (nvme_alloc_queue) or the ring code its driver calls (vring_alloc_queue_split).
 */
function callerOf(stack: readonly string[]): string {
  const caller = stack.find((frame) => !BELOW_THE_CALLER.test(frame));
  return caller === undefined ? 'unknown caller' : caller.replace(COMPILER_SUFFIX, '');
}
