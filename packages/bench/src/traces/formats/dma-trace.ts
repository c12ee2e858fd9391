import {
  missingEntries,
  parseStackFrame,
  parseTracefsEvent,
  STACK_TRACE,
  type TracefsEvent,
} from '../events/tracefs.ts';
import type { LineReader, TraceFormat } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { type Decryption, DmaBuffers, type Encryption } from './dma-buffers.ts';

/**
 * tracefs text with these kprobe events; the names are ours, the functions the kernel's:
 * cohalloc and cohallocr (dma_alloc_attrs() and its return), cohfree (dma_free_attrs()),
 * setdec and setenc (set_memory_decrypted() and set_memory_encrypted(), with a stack trace).
 */
export const dmaTrace: TraceFormat = {
  name: 'dma-trace',
  description: 'Coherent DMA buffers of real drivers, recorded while devices were hot-plugged.',
  example:
    'kworker/u4:1-25  [000] .....  7.421072: setdec: (set_memory_decrypted+0x0/0x50) addr=0xffff88810dabf000 npages=1',
  recognises: (text) => PROBES.has(parseTracefsEvent(text)?.event ?? ''),
  reader: (into) => new DmaTraceReader(into),
};

const PROBES: ReadonlySet<string> = new Set(['cohalloc', 'cohallocr', 'cohfree', 'setdec', 'setenc']);

/** The direct map without KASLR: __PAGE_OFFSET_BASE_L4, arch/x86/include/asm/page_64_types.h, 64 TiB long. */
const PAGE_OFFSET = 0xffff888000000000n;
const DIRECT_MAP_BYTES = 1n << 46n;

const SIZE = /dev="([^"]*)" size=(\d+)/;
const RANGE = /addr=0x([0-9a-f]+) npages=(\d+)/;
const POINTER = /cpu_addr=(0x[0-9a-f]+)/;

type Conversion =
  | (Decryption & { readonly kind: 'decrypted'; readonly stack: string[] })
  | (Encryption & { readonly kind: 'encrypted' });

class DmaTraceReader implements LineReader {
  readonly #into: TraceRequests;
  /** In the order of the file. Kept to the end: a stack trace may come after events of other CPUs. */
  readonly #conversions: Conversion[] = [];
  /** By task: the dma_alloc_attrs() it is in, until that has converted memory or returned. */
  readonly #inAlloc = new Map<string, { readonly device: string; readonly bytes: number }>();
  /** By task: the stack of its newest conversion, while nothing else of that task came after it. */
  readonly #awaitsStack = new Map<string, string[]>();
  /** Where the frames on the lines to come belong. */
  #frames: string[] | undefined;
  #missing = 0;

  constructor(into: TraceRequests) {
    this.#into = into;
  }

  read(text: string, line: number): void {
    const frame = parseStackFrame(text);
    if (frame !== undefined) {
      this.#frames?.push(frame);
      this.#into.ignore('stack trace lines');
      return;
    }
    this.#frames = undefined;
    const event = parseTracefsEvent(text);
    if (event === undefined) {
      this.#takeFilling(text, line);
      return;
    }
    const expected = this.#take(event);
    if (expected !== undefined) this.#into.unparsed(line, text, `${event.event}: expected ${expected}`);
  }

  #takeFilling(text: string, line: number): void {
    const missing = missingEntries(text);
    this.#missing += missing ?? 0;
    if (missing !== undefined || text.startsWith('#')) this.#into.ignore('comments');
    else if (text.trim() === '') this.#into.ignore('blank lines');
    else
      this.#into.unparsed(line, text, 'not a tracefs line: expected TASK-PID [CPU] SECONDS: EVENT: FIELDS');
  }

  /** Returns what the fields should have been, when they are not. */
  #take(event: TracefsEvent): string | undefined {
    const stack = this.#awaitsStack.get(event.task);
    this.#awaitsStack.delete(event.task);
    switch (event.event) {
      case STACK_TRACE:
        this.#frames = stack;
        this.#into.ignore('stack trace lines');
        return;
      case 'cohalloc':
        return this.#allocCalled(event);
      case 'cohallocr':
        return this.#allocReturned(event);
      case 'cohfree':
        return this.#freeCalled(event);
      case 'setdec':
        return this.#decrypted(event);
      case 'setenc':
        return this.#encrypted(event);
      default:
        // Streaming maps (dma_map_phys, swiotlb_bounced). dma_alloc and dma_free are the same buffers as our probes.
        this.#into.ignore(event.event);
        return;
    }
  }

  #allocCalled({ task, fields }: TracefsEvent): string | undefined {
    const match = SIZE.exec(fields);
    if (match === null) return 'dev="DEVICE" size=BYTES';
    if (this.#inAlloc.has(task)) this.#into.ignore('cohalloc served elsewhere');
    this.#inAlloc.set(task, { device: match[1], bytes: Number(match[2]) });
    return;
  }

  #allocReturned({ task, fields }: TracefsEvent): string | undefined {
    const match = POINTER.exec(fields);
    if (match === null) return 'cpu_addr=0xADDRESS';
    const served = match[1] !== '0x0';
    if (this.#inAlloc.delete(task)) {
      this.#into.ignore(served ? 'cohalloc served elsewhere' : 'cohalloc that failed');
      if (!served) {
        this.#into.failed();
        return;
      }
    }
    this.#into.ignore('cohallocr');
    return;
  }

  #freeCalled({ fields }: TracefsEvent): string | undefined {
    const match = POINTER.exec(fields);
    if (match === null) return 'cpu_addr=0xADDRESS';
    this.#into.ignore(match[1] === '0x0' ? 'cohfree of 0x0' : 'cohfree');
    return;
  }

  #decrypted({ task, at, fields }: TracefsEvent): string | undefined {
    const range = rangeOf(fields);
    if (range === undefined) return EXPECTED_RANGE;
    const asked = this.#inAlloc.get(task);
    if (this.#inAlloc.delete(task)) this.#into.ignore('cohalloc (size of a setdec)');
    const stack: string[] = [];
    this.#awaitsStack.set(task, stack);
    this.#conversions.push({ kind: 'decrypted', at, ...range, asked, stack });
    return;
  }

  #encrypted({ at, fields }: TracefsEvent): string | undefined {
    const range = rangeOf(fields);
    if (range === undefined) return EXPECTED_RANGE;
    this.#conversions.push({ kind: 'encrypted', at, ...range });
    return;
  }

  end(): void {
    if (this.#inAlloc.size > 0) this.#into.ignore('cohalloc served elsewhere', this.#inAlloc.size);
    if (this.#missing > 0) {
      this.#into.note(
        `The trace buffer overran: ${this.#missing} entries are missing, and requests with them. Record with a larger buffer_size_kb.`,
      );
    }
    const buffers = new DmaBuffers(this.#into);
    for (const conversion of this.#conversions) {
      if (conversion.kind === 'decrypted') buffers.decrypted(conversion);
      else buffers.encrypted(conversion);
    }
    buffers.end();
  }
}

const EXPECTED_RANGE =
  'addr=0xADDRESS npages=N with an address in the direct map from 0xffff888000000000 (record with nokaslr)';

function rangeOf(fields: string): { readonly pfn: number; readonly pages: number } | undefined {
  const match = RANGE.exec(fields);
  if (match === null) return undefined;
  const offset = BigInt(`0x${match[1]}`) - PAGE_OFFSET;
  const pages = Number(match[2]);
  if (offset < 0n || offset >= DIRECT_MAP_BYTES || pages < 1) return undefined;
  return { pfn: Number(offset >> 12n), pages };
}
