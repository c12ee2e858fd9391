/** What a program can call of the pool. What only decpool's own packages use is in `internal.ts`. */

// Pools: requests go in, events come out.

export { type AllocationResult, Pool, type PoolOptions, type RequestOptions } from './pool.ts';
export { ALL_POLICIES, policyNamed } from './registry.ts';
export type { SwiotlbSettings } from './swiotlb/swiotlb.ts';

// Memory to start from.

export type { Kernel } from './page-allocator/page-allocator.ts';
export { aged } from './page-source/aged.ts';
export { fragmented, freshBoot } from './page-source/profiles.ts';

// Policies of your own: a whole one, or a pool made of parts.

export { type Random, randomFrom } from './page-source/random.ts';
export type { BlockRange, ConversionResult, Policy, PolicyFactory, Recorder } from './policy.ts';
export { PolicyError, type PolicyRule } from './policy-error.ts';
export { poolPolicy } from './pool-parts.ts';
export { type SlabCache, slabCacheFor } from './slab/slab-cache.ts';

// Placements: where in the pool a request goes.

export { firstFit } from './placement/first-fit.ts';
export type { FreeMap, FreeMapListener } from './placement/free-map.ts';
export type { Placement, PlacementFactory } from './placement/placement.ts';

// Conversions: how much is converted at once.

export { adaptiveConversion } from './conversion/adaptive.ts';
export { blockConversion } from './conversion/block.ts';
export type { Conversion, PageRange } from './conversion/conversion.ts';
export { granuleConversion } from './conversion/granule.ts';
export { pageConversion } from './conversion/page.ts';

// Supplies: when blocks go back, and what is kept ready.

export { demand } from './supply/demand.ts';
export { hysteresis } from './supply/hysteresis.ts';
export { immediate } from './supply/immediate.ts';
export { neverReturn } from './supply/never-return.ts';
export { reserve } from './supply/reserve.ts';
export { shrinker } from './supply/shrinker.ts';
export type { EmptyBlock, Supply, SupplyFactory } from './supply/supply.ts';
