/**
 * The requests behind the conversions of a recording. dma_direct_alloc() (kernel/dma/direct.c) decrypts exactly
 * the pages that hold the requested bytes, and dma_direct_free() encrypts them again at the same address. So a pair of
 * conversions at one address is one buffer. Where in memory it lies is not used, only that it is the same.
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

/** A range that set_memory_decrypted() or set_memory_encrypted() converts. */
interface Conversion {
  readonly at: Timestamp;
  /** Names the first page: a pfn, or the number of a page of the kernel's address space. */
  readonly page: number;
  readonly pages: number;
  /** Whether the pages are contiguous in the direct map, or a vmalloc area. Default: the direct map. */
  readonly space?: 'direct map' | 'vmalloc' | 'either';
}

export function dmaBuffers(into: TraceRequests) {
  const pagesAt = new Map<number, number>();
  let [wrongSizes, wrongFrees, eitherSpace] = [0, 0, 0];
  return {
    /** `call` converts the pages; without one, a driver converts its own. `stack` has functions, innermost first. */
    decrypted(
      { at, page, pages, space }: Conversion,
      call: DmaAllocation | undefined,
      stack: readonly string[],
    ) {
      const sizeFits = call === undefined || pagesFor(call.bytes, PAGE_SHIFT) === pages;
      if (!sizeFits) wrongSizes++;
      const bytes = call !== undefined && sizeFits ? call.bytes : pages * PAGE_SIZE;
      const caller = callerOf(stack);
      if (call === undefined && space === 'either') eitherSpace++;
      const own = space === 'vmalloc' ? 'vmalloc' : 'alloc_pages_exact';
      const api = call === undefined ? own : 'dma_alloc_coherent';
      const owner = call === undefined ? caller : `${call.device} ${caller}`;
      into.allocate(page, at, { api, owner, pages, bytes });
      pagesAt.set(page, pages);
    },
    encrypted({ at, page, pages }: Conversion) {
      if (pages !== (pagesAt.get(page) ?? pages)) wrongFrees++;
      pagesAt.delete(page);
      into.free(page, at);
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
      if (eitherSpace > 0) {
        into.note(
          `${eitherSpace} converted buffers count as pages of the direct map. With KASLR they can be vmalloc areas. Record vmalloc_base=@vmalloc_base:x64 with each conversion, or boot with nokaslr.`,
        );
      }
    },
  };
}

const CONVERSION = /^(?:__)?set_memory_/;

/** Functions between the probe and the caller of the DMA API: the probe itself, also without a name, the conversion, the DMA layer. */
const BELOW_THE_CALLER =
  /^(?:0x|[0-9a-f]{16}$|k(?:ret)?probe_|(?:aggr|opt)_pre_handler$|ftrace_|(?:__)?set_memory_|(?:__)?dmam?_(?:alloc|direct|pool)_)/;

/** The compiler appends these to the name of a function that it split or specialised. */
const COMPILER_SUFFIX = /\.(?:part|isra|constprop|cold|llvm)\b.*$/;

/** The innermost function above the DMA layer: of the driver (nvme_alloc_queue) or the ring code (vring_alloc_queue_split). */
function callerOf(stack: readonly string[]): string {
  // What handles the probe lies below the conversion, under names that differ between kernels.
  const above = stack.slice(stack.findLastIndex((frame) => CONVERSION.test(frame)) + 1);
  const caller = above.find((frame) => !BELOW_THE_CALLER.test(frame));
  return caller?.replace(COMPILER_SUFFIX, '') ?? 'unknown caller';
}
