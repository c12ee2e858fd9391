/** The kernel's measures of fragmentation, from the free chunks of each order. Divisions drop the remainder, as there. */

/** Free chunks by order, as /proc/buddyinfo has them: counts[o] chunks of 2^o pages. */
type CountsByOrder = readonly number[];

export function freePages(counts: CountsByOrder): number {
  return counts.reduce((pages, count, order) => pages + count * 2 ** order, 0);
}

/** Chunks of order k that the free ones can be cut into: free_blocks_suitable of fill_contig_page_info(), mm/vmstat.c. */
export function suitableChunks(counts: CountsByOrder, order: number): number {
  let suitable = 0;
  for (let o = order; o < counts.length; o++) suitable += counts[o] * 2 ** (o - order);
  return suitable;
}

/**
 * Share of free memory that a request of the order cannot use, in thousandths: 0 to 1000. Without free memory 1000.
 * unusable_free_index(), mm/vmstat.c; /sys/kernel/debug/extfrag/unusable_index.
 */
export function unusableFreeIndex(counts: CountsByOrder, order: number): number {
  const free = freePages(counts);
  if (free === 0) return 1000;
  return Math.floor(((free - suitableChunks(counts, order) * 2 ** order) * 1000) / free);
}

/**
 * Whether a request of the order would fail for want of memory (towards 0) or for fragmentation (towards 1000), in
 * thousandths: -1000 where it would not fail, 0 without free memory. __fragmentation_index(), mm/vmstat.c;
 * /sys/kernel/debug/extfrag/extfrag_index.
 */
export function fragmentationIndex(counts: CountsByOrder, order: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return 0;
  if (suitableChunks(counts, order) > 0) return -1000;
  const requested = 2 ** order;
  return 1000 - Math.floor((1000 + Math.floor((freePages(counts) * 1000) / requested)) / total);
}

/**
 * Percent of free memory that a request of the order cannot use: 0 to 100. Without free memory 0. extfrag_for_order(),
 * mm/vmstat.c, by which proactive compaction goes.
 */
export function externalFragmentation(counts: CountsByOrder, order: number): number {
  const free = freePages(counts);
  if (free === 0) return 0;
  return Math.floor(((free - suitableChunks(counts, order) * 2 ** order) * 100) / free);
}
