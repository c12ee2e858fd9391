/**
 * The kernel's own trace events, as tracefs, trace-cmd or `perf script` print them: pages and kmalloc objects (kmem),
 * coherent DMA buffers (dma) and streaming mappings through bounce buffers (swiotlb). A file may hold several kinds.
 */
import { dmaEvents } from '../events/dma-events.ts';
import { parseTraceEvent } from '../events/event-line.ts';
import { eventReader } from '../events/event-reader.ts';
import { watchFlags } from '../events/flags-seen.ts';
import { pageEvents } from '../events/page-events.ts';
import { slabEvents } from '../events/slab-events.ts';
import { swiotlbEvents } from '../events/swiotlb-events.ts';
import type { ImportOptions, TraceFormat } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';

const FAMILIES = [
  { start: pageEvents, recognisedBy: ['mm_page_alloc', 'mm_page_free'] },
  { start: slabEvents, recognisedBy: ['kmalloc', 'kmalloc_node', 'kfree'] },
  {
    start: dmaEvents,
    recognisedBy: [
      'dma_alloc',
      'dma_alloc_pages',
      'dma_alloc_sgt',
      'dma_free',
      'dma_free_pages',
      'dma_free_sgt',
    ],
  },
  // Its dma_map and dma_unmap events alone make no request.
  { start: swiotlbEvents, recognisedBy: ['swiotlb_bounced'] },
];
const RECOGNISED_BY: ReadonlySet<string> = new Set(FAMILIES.flatMap(({ recognisedBy }) => recognisedBy));

export const kernelEvents: TraceFormat = {
  name: 'kernel-events',
  description: 'Allocations of a recorded kernel, from its trace events.',
  example:
    'dd-166  [000] .....  7.983856: mm_page_alloc: page=0000000062dcadab pfn=0x113a00 order=8 migratetype=0 gfp_flags=GFP_KERNEL',
  takesShared: true,
  binaryFiles: {
    '\u0017\bDtracing': 'this is a recording of trace-cmd; give what `trace-cmd report` prints of it',
    PERFILE2: 'this is a recording of perf; give what `perf script` prints of it',
  },
  recognises: (text) => RECOGNISED_BY.has(parseTraceEvent(text)?.event ?? ''),
  reader(into, _name, options) {
    if (options.shared === undefined) return eventsOf(into, options);
    into.note(`Requests are the allocations with ${options.shared.text}. Other pages are background.`);
    const { shared, missing } = watchFlags(options.shared);
    const reader = eventsOf(into, { ...options, shared });
    return {
      ...reader,
      end() {
        reader.end();
        for (const sentence of missing()) into.hint(sentence);
      },
    };
  },
};

const eventsOf = (into: TraceRequests, options: ImportOptions) =>
  eventReader(
    into,
    FAMILIES.map(({ start }) => start(into, options)),
  );
