/** What other packages of decpool use of this one. It can change in any release: programs import the package itself. */
export type { EventSink } from './event-recorder.ts';
export { handover } from './handover.ts';
export type { FreePlace } from './page-allocator/chunk-lists.ts';
export { kernelOf, reachOf, startExactly } from './page-allocator/exact-start.ts';
export { type KernelRules, PageAllocator, type Zonelist } from './page-allocator/page-allocator.ts';
export type { PerCpu, PerCpuStart } from './page-allocator/per-cpu.ts';
export { bootPoolBytes } from './page-source/boot-reservation.ts';
export { chunksAtStart, freePagesAtStart } from './page-source/free-at-start.ts';
export { PageSource, zonesOf } from './page-source/page-source.ts';
export { directMapOf } from './page-source/profiles.ts';
export { watermarksOf } from './page-source/watermarks.ts';
export { POLICY_RULES } from './policy-error.ts';
export { shortPolicyName, USUAL } from './policy-names.ts';
export {
  BASELINES,
  CONVERSIONS,
  FIRST_TRIES,
  GRAMMAR,
  PLACEMENTS,
  RECOMMENDED,
  RESERVES,
  RETURNS,
  SHORT_NAMES,
  SHRINKERS,
  type Strategy,
} from './registry.ts';
export { mayTakeSlots } from './swiotlb/swiotlb.ts';
