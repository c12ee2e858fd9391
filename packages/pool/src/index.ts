export { adaptiveConversion } from './conversion/adaptive.ts';
export { blockConversion } from './conversion/block.ts';
export type { Conversion, PageRange } from './conversion/conversion.ts';
export { granuleConversion } from './conversion/granule.ts';
export { pageConversion } from './conversion/page.ts';
export { usesAtomicPools } from './dma-pool/page-server.ts';
export type { EventSink } from './event-recorder.ts';
export { handover } from './handover.ts';
export type { FreePlace } from './page-allocator/chunk-lists.ts';
export { kernelOf, reachOf, startExactly } from './page-allocator/exact-start.ts';
export {
  type Kernel,
  type KernelRules,
  PageAllocator,
  type Zonelist,
} from './page-allocator/page-allocator.ts';
export type { PerCpu, PerCpuStart } from './page-allocator/per-cpu.ts';
export { aged } from './page-source/aged.ts';
export { bootPoolBytes } from './page-source/boot-reservation.ts';
export { chunksAtStart, freePagesAtStart } from './page-source/free-at-start.ts';
export { PageSource, zonesOf } from './page-source/page-source.ts';
export { directMapOf, fragmented, freshBoot } from './page-source/profiles.ts';
export { type Random, randomFrom } from './page-source/random.ts';
export { watermarksOf } from './page-source/watermarks.ts';
export { firstFit } from './placement/first-fit.ts';
export type { FreeMap, FreeMapListener } from './placement/free-map.ts';
export type { Placement, PlacementFactory } from './placement/placement.ts';
export type { BlockRange, ConversionResult, Policy, PolicyFactory, Recorder } from './policy.ts';
export { POLICY_RULES, PolicyError, type PolicyRule } from './policy-error.ts';
export { shortPolicyName, USUAL } from './policy-names.ts';
export { type AllocationResult, Pool, type PoolOptions, type RequestOptions } from './pool.ts';
export { poolPolicy } from './pool-parts.ts';
export {
  ALL_POLICIES,
  BASELINES,
  CONVERSIONS,
  GRAMMAR,
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
