/**
 * kmem:mm_page_alloc and kmem:mm_page_free (include/trace/events/kmem.h): all pages that the page allocator serves
 * and gets back. They are background, except those that --shared selects: these are requests for shared memory.
 *
 * Chunks are known by their pfn, never by `page=`, which is a hash or made up. A chunk may be split (split_page())
 * and its pages freed one by one: the chunk is then freed with its last page.
 */

import type { Migratetype } from '@decpool/model';
import { MAX_PAGE_ORDER } from '@decpool/model';
import { wholePages } from '../../workloads/request-list.ts';
import type { ImportOptions } from '../format.ts';
import type { TraceRequests } from '../trace-requests.ts';
import { fieldOf, isNull, pfnOf, wholeNumber } from './event-fields.ts';
import { taskName } from './event-line.ts';
import { type EventFamily, fieldHandler } from './event-reader.ts';
import { isUnnamed, parseGfp } from './gfp-flags.ts';
import type { Timestamp } from './timestamps.ts';

/**
 * enum migratetype, include/linux/mmzone.h, of a kernel with CONFIG_CMA. Without it 4 is Isolate, but allocations
 * have one of the first three (gfp_migratetype(), include/linux/gfp.h).
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
  /** Pages that are not freed. */
  pagesLeft: number;
}

export function pageEvents(into: TraceRequests, { shared }: ImportOptions): EventFamily {
  /** By the first pfn. */
  const chunks = new Map<number, Chunk>();
  /** Bit o is set once a chunk of order o was allocated: most traces have few orders to search. */
  let orders = 0;
  let unnamedFlags = 0;

  /** The first pfn of the chunk that holds a page. Chunks are aligned to their size. */
  function chunkStart(pfn: number): number | undefined {
    if (chunks.has(pfn)) return pfn;
    for (let order = 1; orders >> order !== 0; order++) {
      if (((orders >> order) & 1) === 0) continue;
      const start = pfn - (pfn % (1 << order));
      if (chunks.get(start)?.order === order) return start;
    }
    return undefined;
  }

  /** Frees the chunks in these pages whose free was not recorded. */
  function freeMissed(pfn: number, order: number, at: Timestamp): void {
    for (let around = MAX_PAGE_ORDER; around > 0; around--) {
      if (((orders >> around) & 1) === 0) continue;
      const start = pfn - (pfn % (1 << around));
      if (start !== pfn && chunks.get(start)?.order === around) freeMissedChunk(start, at, false);
    }
    freeMissedChunk(pfn, at, true);
    for (let inside = pfn + 1; inside < pfn + (1 << order); inside++) freeMissedChunk(inside, at, false);
  }

  /** A chunk of which some pages were freed may lie under other chunks by now. Only its first pfn cannot be shared. */
  function freeMissedChunk(start: number, at: Timestamp, evenIfPartlyFreed: boolean): void {
    const chunk = chunks.get(start);
    if (chunk === undefined || (chunk.pagesLeft < 1 << chunk.order && !evenIfPartlyFreed)) return;
    chunks.delete(start);
    into.missedFree(start, at);
  }

  const readers = {
    pfn: (fields: string) => pfnOf(fieldOf(fields, 'pfn')),
    order: (fields: string) => wholeNumber(fieldOf(fields, 'order'), MAX_PAGE_ORDER),
  };
  return {
    handlers: {
      mm_page_alloc: fieldHandler(
        `pfn=N order=0..${MAX_PAGE_ORDER} migratetype=0..5 gfp_flags=FLAGS`,
        {
          ...readers,
          type: (fields) => wholeNumber(fieldOf(fields, 'migratetype'), MIGRATETYPE_NUMBERS.length - 1),
          flags: (fields) => fieldOf(fields, 'gfp_flags'),
        },
        ({ pfn, order, type, flags }, { task, at, fields }) => {
          if (pfn === 0 && isNull(fieldOf(fields, 'page'))) return into.failed();
          freeMissed(pfn, order, at);
          const pages = 1 << order;
          chunks.set(pfn, { order, pagesLeft: pages });
          orders |= pages;
          const gfp = parseGfp(flags);
          if (isUnnamed(flags)) unnamedFlags++;
          const migratetype = MIGRATETYPE_NUMBERS[type];
          const owner = taskName(task);
          if (shared?.matches({ order, migratetype, gfp: gfp.names, task: owner })) {
            into.allocate(pfn, at, { ...wholePages(pages, owner), gfp: gfp.flags });
          } else {
            into.backgroundAllocate(pfn, at, order, migratetype);
          }
        },
      ),
      mm_page_free: fieldHandler(`pfn=N order=0..${MAX_PAGE_ORDER}`, readers, ({ pfn, order }, { at }) => {
        const start = chunkStart(pfn) ?? pfn;
        const chunk = chunks.get(start);
        if (chunk !== undefined) chunk.pagesLeft -= 1 << order;
        if (chunk !== undefined && chunk.pagesLeft > 0) {
          into.ignore('mm_page_free of a part (its chunk is freed with the last part)');
        } else {
          chunks.delete(start);
          into.free(start, at);
        }
      }),
    },
    end() {
      if (unnamedFlags === 0) return;
      into.note(
        `${unnamedFlags} page allocations have gfp_flags as a number, whose meaning depends on the kernel. They count as GFP_KERNEL, and gfp~FLAG matches none of them.`,
      );
    },
  };
}
