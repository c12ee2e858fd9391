/** What is known of a run beside its state: pure folds over its events, read by metrics, bounds, histories and reports. */
export { BootPoolEvents, isBootPoolApart } from './boot-pool.ts';
export { BounceSlots } from './bounce-slots.ts';
export { type Cause, Causes } from './causes.ts';
export {
  anyOf,
  CHANGES_BLOCK,
  type EventSet,
  EXPOSES,
  eventSet,
  IS_NUMBERED_REQUEST,
  IS_REQUEST,
  isFailedDecryption,
} from './event-sets.ts';
export { FreeMemory } from './free-memory.ts';
export { type BlockHolder, type Holding, holdings, holdingsOf, type Pin, Pins } from './holdings.ts';
export { Owners } from './owners.ts';
export { PageTime } from './page-time.ts';
export { EventPass, observeAll, type Projection } from './projection.ts';
export { type LoggedRequest, RequestsInLog } from './requests.ts';
export { type RunPart, RunProjections } from './run.ts';
export { SharedBlocks } from './shared-blocks.ts';
export { SharedIdle } from './shared-idle.ts';
export {
  type OwnerFigures,
  SPLIT_LEVELS,
  type SplitCounts,
  type SplitLevel,
  SplitsByOwner,
  type SplitsOfOwner,
  splitLevel,
} from './splits.ts';
