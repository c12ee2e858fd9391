export { adaptiveConversion } from './conversion/adaptive.ts';
export { blockConversion } from './conversion/block.ts';
export type { Conversion, PageRange } from './conversion/conversion.ts';
export { granuleConversion } from './conversion/granule.ts';
export { pageConversion } from './conversion/page.ts';
export { handover } from './handover.ts';
export type { Kernel } from './page-allocator/page-allocator.ts';
export { aged } from './page-source/aged.ts';
export { PageSource } from './page-source/page-source.ts';
export { fragmented, freshBoot } from './page-source/profiles.ts';
export { type Random, randomFrom } from './page-source/random.ts';
export { firstFit } from './placement/first-fit.ts';
export type { FreeMap, FreeMapListener } from './placement/free-map.ts';
export type { Placement, PlacementFactory } from './placement/placement.ts';
export type { BlockRange, ConversionResult, Policy, PolicyFactory, Recorder } from './policy.ts';
export { POLICY_RULES, PolicyError, type PolicyRule } from './policy-error.ts';
export { type AllocationResult, Pool, type PoolOptions, type RequestOptions } from './pool.ts';
export { poolPolicy } from './pool-parts.ts';
export {
  ALL_POLICIES,
  BASELINES,
  CONVERSIONS,
  PLACEMENTS,
  policyNamed,
  RECOMMENDED,
  RESERVES,
  RETURNS,
  SHORT_NAMES,
  SHRINKERS,
  type Strategy,
} from './registry.ts';
export { cachePrefix, kmallocSize, type SlabCache, slabCacheFor, slabOrder } from './slab/slab-cache.ts';
export { demand } from './supply/demand.ts';
export { hysteresis } from './supply/hysteresis.ts';
export { immediate } from './supply/immediate.ts';
export { neverReturn } from './supply/never-return.ts';
export { reserve } from './supply/reserve.ts';
export { shrinker } from './supply/shrinker.ts';
export type { EmptyBlock, Supply, SupplyFactory } from './supply/supply.ts';
export type { SwiotlbSettings } from './swiotlb/swiotlb.ts';
