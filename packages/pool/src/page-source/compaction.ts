/**
 * Compaction (mm/compaction.c): empties a pageblock by moving its pages elsewhere. Two scanners walk towards each
 * other: the migrate scanner from the low end of a zone, looking for a pageblock to empty; the free scanner from its
 * far end, looking for free pages to move to.
 *
 * A memory state does not say what each used page is. The assumption: in Movable pageblocks all used pages are
 * movable, except those that were claimed; so one claimed page keeps its pageblock from being emptied. In other
 * pageblocks nothing is movable.
 *
 * Simpler than the kernel's: one pageblock is emptied whole, by pages that fit, or nothing is moved at all; the
 * kernel moves what it can, stops as soon as a chunk of the wanted order is there, and gives up for a while after
 * failures (compact_defer).
 */

import { TYPE } from '../page-allocator/migratetypes.ts';
import type { FreeArea } from './free-area.ts';

/** What a compaction did. */
export interface CompactionResult {
  /** The block that is free now. */
  readonly block: number;
  /** Pages that were copied elsewhere: what it cost. */
  readonly movedPages: number;
}

/** Free pages without which compaction is not tried, so that there is where to move to: compact_gap(), include/linux/compaction.h. */
export const compactGap = (order: number): number => 2 << order;

/** Frees a pageblock of a zone, so that a chunk of `order` comes about; undefined when that cannot be. */
export function compactZone(area: FreeArea, zone: number, order: number): CompactionResult | undefined {
  if (area.lists.freePagesOf[zone] < compactGap(order)) return undefined;
  const [first, end] = area.zones.blocksOf(zone);
  let room = 0;
  for (let block = first; block < end; block++) room += roomIn(area, zone, block);
  for (let block = first; block < end; block++) {
    room -= roomIn(area, zone, block);
    const used = area.pageblockPages - area.lists.freePagesIn[block];
    if (used > room || !canEmpty(area, zone, block)) continue;
    takeFarPages(area, zone, used);
    freeUsedPages(area, zone, block);
    return { block, movedPages: used };
  }
  return undefined;
}

/** Whether all that is in use in a pageblock can be moved. */
function canEmpty(area: FreeArea, zone: number, block: number): boolean {
  return (
    area.zones.zoneOfBlock(block) === zone &&
    area.zones.isWhole(block) &&
    area.typeOf(block) === TYPE.Movable &&
    area.claimedIn(block) === 0
  );
}

/** Free pages in a pageblock that pages may move to: a Movable one, not free as a whole (suitable_migration_target). */
function roomIn(area: FreeArea, zone: number, block: number): number {
  const free = area.lists.freePagesIn[block];
  const isTarget =
    free < area.pageblockPages &&
    area.zones.zoneOfBlock(block) === zone &&
    area.typeOf(block) === TYPE.Movable;
  return isTarget ? free : 0;
}

/** isolate_freepages(): takes single pages from the far end of the zone downward. There must be as many. */
function takeFarPages(area: FreeArea, zone: number, wanted: number): void {
  let left = wanted;
  for (let target = area.zones.blocksOf(zone)[1] - 1; left > 0; target--) {
    if (roomIn(area, zone, target) > 0) left -= takePagesIn(area, zone, target, left);
  }
}

/** Takes up to `wanted` free pages of a pageblock in address order, and returns how many there were. */
function takePagesIn(area: FreeArea, zone: number, block: number, wanted: number): number {
  const { lists, pageblockPages } = area;
  const end = (block + 1) * pageblockPages;
  let taken = 0;
  for (let pfn = block * pageblockPages; pfn < end && taken < wanted; ) {
    const order = lists.orderOf[pfn];
    if (order < 0) {
      pfn++;
      continue;
    }
    const next = pfn + (1 << order);
    const used = Math.min(1 << order, wanted - taken);
    lists.remove(zone, pfn);
    for (let rest = pfn + used; rest < next; rest++) area.free(zone, rest, 0);
    taken += used;
    pfn = next;
  }
  return taken;
}

/** Frees what was in use in a pageblock, page by page: it merges into one chunk. */
function freeUsedPages(area: FreeArea, zone: number, block: number): void {
  const { lists, pageblockPages } = area;
  const end = (block + 1) * pageblockPages;
  const used: number[] = [];
  for (let pfn = block * pageblockPages; pfn < end; ) {
    const order = lists.orderOf[pfn];
    if (order < 0) used.push(pfn);
    pfn += order < 0 ? 1 : 1 << order;
  }
  for (const pfn of used) area.free(zone, pfn, 0);
}
