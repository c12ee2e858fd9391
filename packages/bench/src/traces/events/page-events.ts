/**
 * kmem:mm_page_alloc and kmem:mm_page_free (include/trace/events/kmem.h): every page that the page allocator hands
 * out and takes back, for whatever purpose. They are the background of a comparison; a SharedExpression says
 * which of them would be shared memory, and so are requests.
 *
 * Chunks are known by their pfn, never by `page=`, which is a hash or made up. A chunk of some order may be split
 * (split_page()) and its pages freed one by one: it is then freed with the last of them.
 */
import { MAX_PAGE_ORDER, type Migratetype } from '@decpool/model';
import { PAGE_SIZE } from '../../workloads/workload.ts';
import type { SharedExpression } from '../shared-expression.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { fieldOf, isNull, pfnOf, wholeNumber } from './event-fields.ts';
import { isUnnamed, parseGfp } from './gfp-flags.ts';
import { type TracefsEvent, taskName } from './tracefs.ts';

/**
 * enum migratetype, include/linux/mmzone.h, of a kernel with CONFIG_CMA: without it, 4 is Isolate. An allocation
 * carries one of the first three (gfp_migratetype(), include/linux/gfp.h), so the difference does not show.
 */
const MIGRATETYPE_NUMBERS: readonly Migratetype[] = [
  'Unmovable',
  'Movable',
  'Reclaimable',
  'HighAtomic',
  'CMA',
  'Isolate',
];

interface Chunk {
  readonly order: number;
  /** Of its 2^order, those that are not freed. */
  pagesLeft: number;
}

export class PageEvents {
  readonly #into: TraceRequests;
  readonly #shared: SharedExpression | undefined;
  /** By the first pfn. */
  readonly #chunks = new Map<number, Chunk>();
  /** Bit o is set once a chunk of order o was seen: most traces have few orders to search through. */
  #orders = 0;
  #unnamedFlags = 0;

  constructor(into: TraceRequests, shared: SharedExpression | undefined) {
    this.#into = into;
    this.#shared = shared;
  }

  /** mm_page_alloc. Returns what its fields should have been, when they are not. */
  allocated({ task, at, fields }: TracefsEvent): string | undefined {
    const pfn = pfnOf(fieldOf(fields, 'pfn'));
    const order = wholeNumber(fieldOf(fields, 'order'), MAX_PAGE_ORDER);
    const type = wholeNumber(fieldOf(fields, 'migratetype'), MIGRATETYPE_NUMBERS.length - 1);
    const gfpText = fieldOf(fields, 'gfp_flags');
    if (pfn === undefined || order === undefined || type === undefined || gfpText === undefined) {
      return EXPECTED_ALLOC;
    }
    if (pfn === 0 && isNull(fieldOf(fields, 'page'))) {
      this.#into.failed();
      return;
    }
    this.#forgetUnder(pfn, order, at);
    const pages = 1 << order;
    this.#chunks.set(pfn, { order, pagesLeft: pages });
    this.#orders |= pages;
    const gfp = parseGfp(gfpText);
    if (isUnnamed(gfpText)) this.#unnamedFlags++;
    const migratetype = MIGRATETYPE_NUMBERS[type];
    const owner = taskName(task);
    if (this.#shared?.matches({ order, migratetype, gfp: gfp.names, task: owner })) {
      const bytes = pages * PAGE_SIZE;
      this.#into.allocate(pfn, at, { api: 'alloc_pages', pages, bytes, owner, gfp: gfp.flags });
    } else {
      this.#into.backgroundAllocate(pfn, at, { order, migratetype });
    }
    return;
  }

  /** mm_page_free. Returns what its fields should have been, when they are not. */
  freed({ at, fields }: TracefsEvent): string | undefined {
    const pfn = pfnOf(fieldOf(fields, 'pfn'));
    const order = wholeNumber(fieldOf(fields, 'order'), MAX_PAGE_ORDER);
    if (pfn === undefined || order === undefined) return EXPECTED_FREE;
    const first = this.#firstPfnOfChunk(pfn);
    const chunk = first === undefined ? undefined : this.#chunks.get(first);
    if (first === undefined || chunk === undefined) {
      this.#into.free(pfn, at);
      return;
    }
    chunk.pagesLeft -= 1 << order;
    if (chunk.pagesLeft > 0) {
      this.#into.ignore('mm_page_free of a part (its chunk is freed with the last part)');
      return;
    }
    this.#chunks.delete(first);
    this.#into.free(first, at);
    return;
  }

  end(): void {
    if (this.#unnamedFlags === 0) return;
    this.#into.note(
      `${this.#unnamedFlags} page allocations have gfp_flags as a number, whose meaning depends on the kernel. They count as GFP_KERNEL, and gfp~FLAG matches none of them.`,
    );
  }

  /** Ends what the trace still holds allocated in these pages, when its free was not recorded. */
  #forgetUnder(pfn: number, order: number, at: bigint): void {
    const around = this.#firstPfnOfChunk(pfn);
    if (around !== undefined) this.#forget(around, at, around === pfn);
    for (let inside = pfn + 1; inside < pfn + (1 << order); inside++) {
      if (this.#chunks.has(inside)) this.#forget(inside, at, false);
    }
  }

  /** A chunk of which a part was freed may share its pages with others by now: only its name cannot be shared. */
  #forget(first: number, at: bigint, evenInParts: boolean): void {
    const chunk = this.#chunks.get(first);
    if (chunk === undefined || (chunk.pagesLeft < 1 << chunk.order && !evenInParts)) return;
    this.#chunks.delete(first);
    this.#into.missedFree(first, at);
  }

  /** The chunk that holds a page: chunks are aligned to their size. */
  #firstPfnOfChunk(pfn: number): number | undefined {
    if (this.#chunks.has(pfn)) return pfn;
    for (let order = 1; this.#orders >> order !== 0; order++) {
      if (((this.#orders >> order) & 1) === 0) continue;
      const first = pfn - (pfn % (1 << order));
      if (this.#chunks.get(first)?.order === order) return first;
    }
    return undefined;
  }
}

const EXPECTED_ALLOC = `pfn=N order=0..${MAX_PAGE_ORDER} migratetype=0..5 gfp_flags=FLAGS`;
const EXPECTED_FREE = `pfn=N order=0..${MAX_PAGE_ORDER}`;
