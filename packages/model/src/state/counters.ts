/**
 * Every counter of the state. A literal: engines give it a fixed layout with the values in the object itself. Keyframes hold
 * them in this order. A new counter goes last and counts events of new types only: older keyframes do not have it.
 */
const ZEROS = {
  /** Events folded so far; the seq of the next one. */
  events: 0,
  /** Simulated ns of the last event. */
  time: 0,
  requests: 0,
  failedRequests: 0,
  owners: 0,
  /** Highest allocation id asked for; ids are given from 1 without a gap. */
  lastAllocation: 0,
  /** Extents ever allocated. */
  extents: 0,
  liveAllocations: 0,
  /** Bytes asked for by live allocations. */
  liveBytes: 0,
  /** Pages in extents of live allocations; those of slabs are slabPages. */
  livePages: 0,
  claimedPages: 0,
  sharedPages: 0,
  unknownPages: 0,
  leakedPages: 0,
  /** DirectMap4k, DirectMap2M, DirectMap1G of /proc/meminfo, in pages. */
  mapped4KPages: 0,
  mapped2MPages: 0,
  mapped1GPages: 0,
  /** direct_map_level2_splits and direct_map_level3_splits of /proc/vmstat. */
  splits2M: 0,
  splits1G: 0,
  restores2M: 0,
  /** Contiguous bits cleared, of 32M and of 64K. */
  splits32M: 0,
  splits64K: 0,
  /** Page-table pages added by splits, less those freed by restores. */
  pageTablePages: 0,
  /** Successful conversions of a contiguous range, or of a vmalloc area, in either direction. */
  conversions: 0,
  convertedPages: 0,
  failedConversions: 0,
  /** Calls to the host, walks over the entries and flushes: also of conversions that failed. */
  hostCalls: 0,
  pageTablePasses: 0,
  fullFlushes: 0,
  rangedFlushes: 0,
  /** Entries of the direct map that conversions changed. */
  mappingChanges: 0,
  /** Pages that became shared: their content is undefined then. */
  zeroedPages: 0,
  /** Blocks with a shared or unknown page now, and ever. */
  sharedBlocks: 0,
  touchedBlocks: 0,
  /** Blocks that hold both private and not-private pages: KVM cannot map such a 2 MiB range huge. */
  mixedBlocks: 0,
  /** Private pages physically followed by a page that is not private. */
  borders: 0,
  /** Slabs ever created; those there are now, and their pages. */
  slabs: 0,
  liveSlabs: 0,
  slabPages: 0,
  /** Objects in slabs now. */
  liveObjects: 0,
  /** Pages mapped in vmalloc areas now. */
  vmAreaPages: 0,
  /** Allocations mapped into user space now, each mapping counted; and requests to map or unmap so far. */
  userMappings: 0,
  userMapRequests: 0,
  /** Pages that others took from the page allocator and hold. */
  backgroundPages: 0,
  /** Times that the deferred worker filled the reserve up. */
  refills: 0,
  /** Pageblocks that the page allocator compacted, and the pages it moved for that. */
  compactions: 0,
  movedPages: 0,
};

/** Name of a counter of the state, such as `splits2M`. */
export type CounterName = keyof typeof ZEROS;
/** Names of all counters. */
export const COUNTER_NAMES = Object.keys(ZEROS) as readonly CounterName[];
/** The counters of a state, which only grow or follow from its tables. */
export type Counters = Readonly<Record<CounterName, number>>;

/** Counters in the making: what the reducer writes. */
export type MutableCounters = Record<CounterName, number>;

/** A copy. Compiled, as one that spreads an object of so many members takes ten times as long, and live states copy one for each event. */
export const copyOf: (counters: Counters) => MutableCounters = new Function(
  'from',
  `return { ${COUNTER_NAMES.map((name) => `${name}: from.${name}`).join(', ')} }`,
) as (counters: Counters) => MutableCounters;

export const zeroCounters = (): MutableCounters => copyOf(ZEROS);

/** How many counters, from the first, the state hash covers in every schema version so far: it never changes for old logs. */
const HASHED_COUNTERS = 47;
export const HASHED_COUNTER_NAMES = COUNTER_NAMES.slice(0, HASHED_COUNTERS);

/** The values in the order of their names. */
export const valuesOf = (counters: Counters, names: readonly CounterName[]): Float64Array =>
  Float64Array.from(names, (name) => counters[name]);
