export {
  type BoundaryMap,
  type ChangeResult,
  DirectMap,
  type MappedRange,
  splitAtBoundaries,
  splitForChange,
} from './direct-map.ts';
export { InputError, InvariantError } from './errors.ts';
export { EventBatch } from './events/batch.ts';
export { eventsInCommon } from './events/compare.ts';
export {
  type BodyOf,
  EVENT_TYPES,
  EVENTS,
  type EventBody,
  type EventType,
  eventText,
  FAILURE_REASONS,
  type FailureReason,
  type PoolEvent,
  TYPE,
} from './events/schema.ts';
export type { ExactCpu, ExactMemory, ExactZone, ZonePositions } from './exact-memory.ts';
export { blockCount, type Geometry, regionCount, x86Geometry } from './geometry.ts';
export {
  DEFAULT_WORKER_DELAY,
  type Faults,
  type LogHeader,
  machineOf,
  type PageSourceSettings,
  PLAIN_PAGE_SOURCE,
  parseHeader,
  type ReadHeader,
} from './log/header.ts';
export type { Checkpoint, Keyframe, Seal, Trailer } from './log/seal.ts';
export { RULES_REVISION, SCHEMA_VERSION } from './log/upcast.ts';
export {
  gradeOf,
  LEVELS,
  type LevelName,
  type MappingLevel,
  type MappingRun,
  type MemoryGrade,
  type MemoryState,
  type PageRun,
  spanOf,
  type ZoneState,
} from './memory-state.ts';
export { MIGRATETYPES, type Migratetype } from './migratetypes.ts';
export { type Direction, GRANULES, type GranulePages, hasLargePages, type Platform } from './platform.ts';
export {
  formulaByPlatform,
  PLATFORM_NAMES,
  PLATFORM_PROFILES,
  type PlatformName,
  platformNamed,
} from './platforms/all.ts';
export type { PlatformProfile } from './platforms/profile.ts';
export { BounceSlots } from './projections/bounce-slots.ts';
export { type Cause, Causes } from './projections/causes.ts';
export { anyOf, type EventSet, eventSet, isFailedDecryption } from './projections/event-sets.ts';
export { FreeMemory } from './projections/free-memory.ts';
export {
  type BlockHolder,
  type Holding,
  holdings,
  holdingsOf,
  type Pin,
  Pins,
} from './projections/holdings.ts';
export { Owners } from './projections/owners.ts';
export { PageTime } from './projections/page-time.ts';
export { type LoggedRequest, RequestsInLog } from './projections/requests.ts';
export type { RunPart } from './projections/run.ts';
export { SharedBlocks } from './projections/shared-blocks.ts';
export { SharedIdle } from './projections/shared-idle.ts';
export {
  type OwnerFigures,
  SPLIT_LEVELS,
  type SplitCounts,
  type SplitLevel,
  SplitsByOwner,
  type SplitsOfOwner,
  splitLevel,
} from './projections/splits.ts';
export {
  type AllocateRequest,
  ANY_NODE,
  APIS,
  type Api,
  type BackgroundRequest,
  type FreeRequest,
  GFP,
  GFP_KERNEL,
  gfpName,
  gfpNamed,
  isInBytes,
  MAX_NODE,
  maySleep,
  type Request,
  type UserMapRequest,
  zoneOf,
} from './requests.ts';
export { Columns } from './state/columns.ts';
export { COUNTER_NAMES, type CounterName, type Counters } from './state/counters.ts';
export type { Machine } from './state/editor.ts';
export { brokenInvariants } from './state/invariants.ts';
export {
  foldBatch,
  foldRows,
  hashOf,
  initialState,
  publish,
  type State,
  type Tables,
  viewOf,
} from './state/state.ts';
export type { AllocationStatus, BlockView, Extent, ObjectView, StateView } from './state/view.ts';
export * from './units.ts';
