/** Every counter of the state, in canonical order: the order in which the state hash takes them. */
export const COUNTER_NAMES = [
  /** Events folded so far; the seq of the next one. */
  'events',
  /** Simulated ns of the last event. */
  'time',
  'requests',
  'failedRequests',
  'owners',
  /** Highest allocation id asked for; ids are given from 1 without a gap. */
  'lastAllocation',
  /** Extents ever allocated. */
  'extents',
  'liveAllocations',
  /** Bytes asked for by live allocations. */
  'liveBytes',
  /** Pages in extents of live allocations; those of slabs are slabPages. */
  'livePages',
  'claimedPages',
  'sharedPages',
  'unknownPages',
  'leakedPages',
  /** DirectMap4k, DirectMap2M, DirectMap1G of /proc/meminfo, in pages. */
  'mapped4KPages',
  'mapped2MPages',
  'mapped1GPages',
  /** direct_map_level2_splits and direct_map_level3_splits of /proc/vmstat. */
  'splits2M',
  'splits1G',
  'restores2M',
  /** Contiguous bits cleared, of 32M and of 64K. */
  'splits32M',
  'splits64K',
  /** Page-table pages added by splits, less those freed by restores. */
  'pageTablePages',
  /** Successful conversions of a contiguous range, or of a vmalloc area, in either direction. */
  'conversions',
  'convertedPages',
  'failedConversions',
  /** Calls to the host, walks over the entries and flushes: also of conversions that failed. */
  'hostCalls',
  'pageTablePasses',
  'fullFlushes',
  'rangedFlushes',
  /** Entries of the direct map that conversions changed. */
  'mappingChanges',
  /** Pages whose content was undefined after they became shared, and that had to be zeroed. */
  'zeroedPages',
  /** Blocks with a shared or unknown page now, and ever. */
  'sharedBlocks',
  'touchedBlocks',
  /** Blocks that hold both private and not-private pages: KVM cannot map such a 2 MiB range huge. */
  'mixedBlocks',
  /** Private pages physically followed by a page that is not private. */
  'borders',
  /** Slabs ever created; those there are now, and their pages. */
  'slabs',
  'liveSlabs',
  'slabPages',
  /** Objects in slabs now. */
  'liveObjects',
  /** Pages mapped in vmalloc areas now. */
  'vmAreaPages',
  /** Allocations mapped into user space now, each mapping counted; and requests to map or unmap so far. */
  'userMappings',
  'userMapRequests',
  /** Pages that others took from the page allocator and hold. */
  'backgroundPages',
  /** Times that the deferred worker filled the reserve up. */
  'refills',
  /** Pageblocks that the page allocator compacted, and the pages it moved for that. */
  'compactions',
  'movedPages',
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];
export type Counters = Readonly<Record<CounterName, number>>;

/** Counters in the making: what the reducer writes. */
export type MutableCounters = Record<CounterName, number>;

export const zeroCounters = (): MutableCounters =>
  Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as MutableCounters;

/** By COUNTER_NAMES: the canonical form. */
export const valuesOf = (counters: Counters): Float64Array =>
  Float64Array.from(COUNTER_NAMES, (name) => counters[name]);
