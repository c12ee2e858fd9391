/**
 * The whole state of a kernel's page allocator at one moment: every list in its order, the per-CPU lists, watermarks. With it
 * the page source gives the same pages as that kernel. The format it is read from is `freelists v1`, docs/reference/freelists.md.
 */
import * as z from 'zod';
import { InputError } from './errors.ts';
import { migratetype, whole } from './schemas.ts';

/** A list of free chunks, as their first pages in list order: see packChunks(). */
export type PackedChunks = string;
const packedChunks = z.string();

/** struct per_cpu_pages of one CPU and zone, in pages. Fields that a kernel does not have are absent. */
const exactCpu = z
  .strictObject({
    batch: whole,
    high: whole,
    highMin: whole.exactOptional(),
    highMax: whole.exactOptional(),
    freeFactor: whole.exactOptional(),
    allocFactor: whole.exactOptional(),
    freeCount: whole.exactOptional(),
    /** PCPF_PREV_FREE_HIGH_ORDER and PCPF_FREE_HIGH_BATCH, include/linux/mmzone.h. */
    flags: whole.exactOptional(),
    /** Changes of the zone's counter of free pages that are not in it yet. */
    freeDiff: z.number().int(),
    /** By index: order * 3 + migratetype for orders 0 to 3, then order 9 for other types and for Movable. */
    lists: z.array(z.tuple([whole, packedChunks]).readonly()).readonly(),
  })
  .readonly();
/** The per-CPU lists of one CPU in one zone. */
export type ExactCpu = z.infer<typeof exactCpu>;

/** Runs [first page, blocks, migratetype] of pageblocks. Pageblocks without memory are in none. */
const typeRuns = z.array(z.tuple([whole, whole, migratetype]).readonly()).readonly();
/** Runs [first page, blocks, pages of each] of pageblocks with pages on LRU lists, which can move. */
const movableRuns = z.array(z.tuple([whole, whole, whole]).readonly()).readonly();

/** Where the free chunks of a zone lie, if the order of the lists is not known. */
export const zonePositionsSchema = z
  .strictObject({
    /** By order, ascending. A chunk has the migratetype of its pageblock. */
    chunks: z.array(z.tuple([whole, packedChunks]).readonly()).readonly(),
    pageblocks: typeRuns,
    movable: movableRuns,
  })
  .readonly();
/** Where the free chunks of a zone lie, and its pageblocks by migratetype. */
export type ZonePositions = z.infer<typeof zonePositionsSchema>;

/** One zone; figures in pages. */
const exactZone = z
  .strictObject({
    /** First page that it spans, and the first after it. */
    start: whole,
    end: whole,
    managed: whole,
    /** NR_FREE_PAGES as the counter stood. */
    freeCounter: z.number().int(),
    min: whole,
    low: whole,
    high: whole,
    boost: whole,
    /** Pages kept from requests, by the highest zone that they may use. */
    lowmemReserve: z.array(whole).readonly(),
    reservedHighatomic: whole,
    /** enum zone_flags: 1 boosted watermark, 2 reclaim active, 4 below the high watermark. */
    flags: whole,
    pageblocks: typeRuns,
    movable: movableRuns,
    /** By order and migratetype. */
    lists: z.array(z.tuple([whole, migratetype, packedChunks]).readonly()).readonly(),
    cpus: z.array(exactCpu).readonly(),
  })
  .readonly();
/** Every free list of one zone, in its order; figures in pages. */
export type ExactZone = z.infer<typeof exactZone>;

/** Checks the exact part of a memory state, as a log's header has it. */
export const exactMemorySchema = z
  .strictObject({
    /** Release of the kernel: `7.3.4+deb13-amd64`. */
    kernel: z.string(),
    /** In the order of the memory state's zones. */
    zones: z.array(exactZone).readonly(),
  })
  .readonly();
/** Every free list of a kernel in its order, from which the page allocator starts as that kernel stood. */
export type ExactMemory = z.infer<typeof exactMemorySchema>;

/**
 * First pages as text: the first as it is, then differences; `d*n` stands for n equal differences. Lists are long, and are part
 * of a log's header: `18560 1*63 -120`.
 */
export function packChunks(pfns: readonly number[]): PackedChunks {
  const parts: string[] = [];
  for (let at = 0; at < pfns.length; ) {
    const step = pfns[at] - (pfns[at - 1] ?? 0);
    let end = at + 1;
    while (at > 0 && end < pfns.length && pfns[end] - pfns[end - 1] === step) end++;
    parts.push(end - at > 1 ? `${step}*${end - at}` : `${step}`);
    at = end;
  }
  return parts.join(' ');
}

/** Throws InputError for a text that packChunks() cannot have made, or a page beyond `endPfn`. */
export function unpackChunks(packed: PackedChunks, endPfn: number): number[] {
  const pfns: number[] = [];
  let last = 0;
  for (const part of packed === '' ? [] : packed.split(' ')) {
    const match = /^(-?\d+)(?:\*(\d+))?$/.exec(part);
    const repeat = Number(match?.[2] ?? 1);
    if (match === null || repeat < 1 || repeat > endPfn) {
      throw new InputError(`free list '${part}': expected a difference of pfns, or difference*count`);
    }
    for (let each = 0; each < repeat; each++) {
      last += Number(match[1]);
      if (last < 0 || last >= endPfn) {
        throw new InputError(`free list: page ${last} is outside the zone's memory, 0 to ${endPfn}`);
      }
      pfns.push(last);
    }
  }
  return pfns;
}
