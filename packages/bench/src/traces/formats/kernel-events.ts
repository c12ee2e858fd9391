/**
 * The trace events that every kernel has, as tracefs, trace-cmd or `perf script` print them: pages (kmem), coherent
 * DMA buffers (dma), streaming mappings through bounce buffers (swiotlb) and kmalloc objects (kmem). One file may
 * hold several kinds.
 */
import { DmaEvents } from '../events/dma-events.ts';
import { PageEvents } from '../events/page-events.ts';
import { isPerfFrame, parsePerfEvent } from '../events/perf-script.ts';
import { SlabEvents } from '../events/slab-events.ts';
import { MAPPING_LIFETIME, SwiotlbEvents } from '../events/swiotlb-events.ts';
import type { Timestamp } from '../events/timestamps.ts';
import {
  missingEntries,
  parseStackFrame,
  parseTracefsEvent,
  STACK_TRACE,
  type TracefsEvent,
} from '../events/tracefs.ts';
import type { ImportOptions, LineReader, TraceFormat } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';

export const kernelEvents: TraceFormat = {
  name: 'kernel-events',
  description: 'Allocations of a recorded kernel, from its trace events.',
  example:
    'dd-166  [000] .....  7.983856: mm_page_alloc: page=0000000062dcadab pfn=0x113a00 order=8 migratetype=0 gfp_flags=GFP_KERNEL',
  recognises: (text) => TELLING.has(parseEvent(text)?.event ?? ''),
  reader: (into, _name, options) => new KernelEventsReader(into, options),
};

/** The events that are read. */
const TELLING: ReadonlySet<string> = new Set([
  'mm_page_alloc',
  'mm_page_free',
  'dma_alloc',
  'dma_alloc_pages',
  'dma_free',
  'dma_free_pages',
  'swiotlb_bounced',
  'kmalloc',
  'kmalloc_node',
  'kfree',
]);

const parseEvent = (text: string): TracefsEvent | undefined =>
  parseTracefsEvent(text) ?? parsePerfEvent(text);

/** What `trace-cmd report` says of the file before its first event. */
const TRACE_CMD_HEADER = /^(?:cpus=\d+|version = \d+|CPU \d+ is empty)$/;

class KernelEventsReader implements LineReader {
  readonly #into: TraceRequests;
  readonly #pages: PageEvents;
  readonly #dma: DmaEvents;
  readonly #swiotlb: SwiotlbEvents;
  readonly #slab: SlabEvents;
  #missing = 0;
  #last: Timestamp = 0n;

  constructor(into: TraceRequests, { shared, mappingLifetime = MAPPING_LIFETIME }: ImportOptions) {
    this.#into = into;
    this.#pages = new PageEvents(into, shared);
    this.#dma = new DmaEvents(into);
    this.#swiotlb = new SwiotlbEvents(into, mappingLifetime);
    this.#slab = new SlabEvents(into, shared);
    if (shared !== undefined)
      into.note(`Requests are the allocations with ${shared.text}. Other pages are background.`);
  }

  read(text: string, line: number): void {
    const event = parseEvent(text);
    if (event === undefined) {
      this.#takeFilling(text, line);
      return;
    }
    this.#last = event.at;
    const expected = this.#take(event);
    if (expected !== undefined) this.#into.unparsed(line, text, `${event.event}: expected ${expected}`);
  }

  end(): void {
    this.#pages.end();
    this.#slab.end();
    this.#swiotlb.end(this.#last);
    if (this.#missing > 0) {
      this.#into.note(
        `The trace buffer overran: ${this.#missing} entries are missing, and allocations and frees with them. Record with a larger buffer_size_kb.`,
      );
    }
  }

  /** Returns what the fields should have been, when they are not. */
  #take(event: TracefsEvent): string | undefined {
    switch (event.event) {
      case 'mm_page_alloc':
        return this.#pages.allocated(event);
      case 'mm_page_free':
        return this.#pages.freed(event);
      case 'dma_alloc':
      case 'dma_alloc_pages':
        return this.#dma.allocated(event);
      case 'dma_free':
      case 'dma_free_pages':
        return this.#dma.freed(event);
      case 'swiotlb_bounced':
        return this.#swiotlb.bounced(event);
      case 'dma_map_phys':
      case 'dma_map_page':
        return this.#swiotlb.mapped(event);
      case 'dma_unmap_phys':
      case 'dma_unmap_page':
        return this.#swiotlb.unmapped(event);
      case 'kmalloc':
      case 'kmalloc_node':
        return this.#slab.allocated(event);
      case 'kfree':
        return this.#slab.freed(event);
      case STACK_TRACE:
        this.#into.ignore('stack trace lines');
        return;
      default:
        // Among them mm_page_free_batched, which repeats the pages of mm_page_free.
        this.#into.ignore(event.event);
        return;
    }
  }

  #takeFilling(text: string, line: number): void {
    const missing = missingEntries(text);
    this.#missing += missing ?? 0;
    if (missing !== undefined || text.startsWith('#')) this.#into.ignore('comments');
    else if (text.trim() === '') this.#into.ignore('blank lines');
    else if (parseStackFrame(text) !== undefined || isPerfFrame(text)) this.#into.ignore('stack trace lines');
    else if (TRACE_CMD_HEADER.test(text)) this.#into.ignore('comments');
    else
      this.#into.unparsed(
        line,
        text,
        'not a line of tracefs (TASK-PID [CPU] SECONDS: EVENT: FIELDS) or of perf script (TASK TID [CPU] SECONDS: SYSTEM:EVENT: FIELDS)',
      );
  }
}
