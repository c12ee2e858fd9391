/**
 * The whole state of a kernel's page allocator at one moment: every list in its order, the per-CPU lists, watermarks. With it
 * the page source gives the same pages as that kernel. The format it is read from is `freelists v1`, docs/exact-memory.md.
 */
import { InputError } from './errors.ts';
import type { Migratetype } from './migratetypes.ts';

/** A list of free chunks, as their first pages in list order: see packChunks(). */
export type PackedChunks = string;

/** struct per_cpu_pages of one CPU and zone, in pages. Fields that a kernel does not have are absent. */
export interface ExactCpu {
  readonly batch: number;
  readonly high: number;
  readonly highMin?: number;
  readonly highMax?: number;
  readonly freeFactor?: number;
  readonly allocFactor?: number;
  readonly freeCount?: number;
  /** PCPF_PREV_FREE_HIGH_ORDER and PCPF_FREE_HIGH_BATCH, include/linux/mmzone.h. */
  readonly flags?: number;
  /** Changes of the zone's counter of free pages that are not in it yet. */
  readonly freeDiff: number;
  /** By index: order * 3 + migratetype for orders 0 to 3, then order 9 for other types and for Movable. */
  readonly lists: readonly (readonly [index: number, chunks: PackedChunks])[];
}

/** One zone; figures in pages. */
export interface ExactZone {
  /** First page that it spans, and the first after it. */
  readonly start: number;
  readonly end: number;
  readonly managed: number;
  /** NR_FREE_PAGES as the counter stood. */
  readonly freeCounter: number;
  readonly min: number;
  readonly low: number;
  readonly high: number;
  readonly boost: number;
  /** Pages kept from requests, by the highest zone that they may use. */
  readonly lowmemReserve: readonly number[];
  readonly reservedHighatomic: number;
  /** enum zone_flags: 1 boosted watermark, 2 reclaim active, 4 below the high watermark. */
  readonly flags: number;
  /** Migratetype of each pageblock, as runs. Pageblocks without memory are in none. */
  readonly pageblocks: readonly (readonly [firstPfn: number, blocks: number, type: Migratetype])[];
  /** Pageblocks that have pages on LRU lists, which can move, and how many, as runs of blocks with the same number. */
  readonly movable: readonly (readonly [firstPfn: number, blocks: number, pages: number])[];
  readonly lists: readonly (readonly [order: number, type: Migratetype, chunks: PackedChunks])[];
  /** By CPU. */
  readonly cpus: readonly ExactCpu[];
}

export interface ExactMemory {
  /** Release of the kernel: `7.3.4+deb13-amd64`. */
  readonly kernel: string;
  /** In the order of the memory state's zones. */
  readonly zones: readonly ExactZone[];
}

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
