/**
 * The requests behind the conversions of a recording. dma_direct_alloc() (kernel/dma/direct.c) decrypts exactly
 * the pages that hold the requested bytes, and dma_direct_free() encrypts them again at the same pfn. So a pair of
 * conversions at one pfn is one buffer with contiguous pages.
 */
import { PAGE_SIZE } from '@decpool/model';
import { PAGE_SHIFT, pagesFor } from '@decpool/model/internal';
import type { Timestamp } from '../events/timestamps.ts';
import type { TraceRequests } from '../trace-requests.ts';

/** Arguments of a dma_alloc_attrs() call. */
export interface DmaAllocation {
  readonly device: string;
  readonly bytes: number;
}

/** A contiguous range that set_memory_decrypted() or set_memory_encrypted() converts. */
interface Conversion {
  readonly at: Timestamp;
  readonly pfn: number;
  readonly pages: number;
}

export function dmaBuffers(into: TraceRequests) {
  const pagesAt = new Map<number, number>();
  let [wrongSizes, wrongFrees] = [0, 0];
  return {
    /** `call` converts the pages; without one, a driver converts its own. `stack` has functions, innermost first. */
    decrypted({ at, pfn, pages }: Conversion, call: DmaAllocation | undefined, stack: readonly string[]) {
      const sizeFits = call === undefined || pagesFor(call.bytes, PAGE_SHIFT) === pages;
      if (!sizeFits) wrongSizes++;
      const bytes = call !== undefined && sizeFits ? call.bytes : pages * PAGE_SIZE;
      const caller = callerOf(stack);
      const api = call === undefined ? 'alloc_pages_exact' : 'dma_alloc_coherent';
      const owner = call === undefined ? caller : `${call.device} ${caller}`;
      into.allocate(pfn, at, { api, owner, pages, bytes });
      pagesAt.set(pfn, pages);
    },
    encrypted({ at, pfn, pages }: Conversion) {
      if (pages !== (pagesAt.get(pfn) ?? pages)) wrongFrees++;
      pagesAt.delete(pfn);
      into.free(pfn, at);
    },
    /** Call after the last conversion. */
    end() {
      if (wrongSizes > 0) {
        into.note(
          `${wrongSizes} buffers have a requested size that does not match their pages. They count as whole pages.`,
        );
      }
      if (wrongFrees > 0) {
        into.note(
          `${wrongFrees} frees cover another number of pages than their allocation. Each frees the whole allocation.`,
        );
      }
    },
  };
}

/** Functions between the probe and the caller of the DMA API: the probe itself, the conversion, the DMA layer. */
const BELOW_THE_CALLER =
  /^(?:0x|k(?:ret)?probe_|ftrace_|(?:__)?set_memory_|(?:__)?dmam?_(?:alloc|direct|pool)_)/;

/** The compiler appends these to the name of a function that it split or specialised. */
const COMPILER_SUFFIX = /\.(?:part|isra|constprop|cold|llvm)\b.*$/;

/** The innermost function above the DMA layer: of the driver (nvme_alloc_queue) or the ring code (vring_alloc_queue_split). */
function callerOf(stack: readonly string[]): string {
  const caller = stack.find((frame) => !BELOW_THE_CALLER.test(frame));
  return caller?.replace(COMPILER_SUFFIX, '') ?? 'unknown caller';
}
