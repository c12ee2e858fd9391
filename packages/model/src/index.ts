/** What a program can call of the model. What only decpool's own packages use is in `internal.ts`. */

// Units: pages, blocks, orders and simulated time.

export {
  type AllocationId,
  allocationId,
  type BlockIndex,
  blockIndex,
  MAX_PAGE_ORDER,
  type Nanoseconds,
  nanoseconds,
  orderFor,
  PAGE_SIZE,
  type Pfn,
  pfn,
  type SlabId,
} from './units.ts';

// Requests: what a guest asks of a pool.

export type { FailureReason } from './events/schema.ts';
export {
  type AllocateRequest,
  ANY_NODE,
  type Api,
  type BackgroundRequest,
  type FreeRequest,
  GFP,
  GFP_KERNEL,
  type Request,
  type UserMapRequest,
} from './requests.ts';

// Guests: a platform, and the memory that a run starts from.

export { type Geometry, x86Geometry } from './geometry.ts';
export type { Faults, PageSourceSettings } from './log/header.ts';
export { type MappingLevel, type MappingRun, type MemoryState, spanOf } from './memory-state.ts';
export type { Migratetype } from './migratetypes.ts';
export type { Platform } from './platform.ts';
export { PLATFORM_NAMES, type PlatformName, platformNamed } from './platforms/all.ts';

// Events: what has happened, as objects and as batches of rows.

export { EventBatch } from './events/batch.ts';
export { type EventType, eventText, type PoolEvent, TYPE } from './events/schema.ts';

// States: folded from events, never changed; columns are the same, changed in place.

export { Columns } from './state/columns.ts';
export type { CounterName, Counters } from './state/counters.ts';
export type { Machine } from './state/editor.ts';
export { brokenInvariants } from './state/invariants.ts';
export { foldBatch, hashOf, initialState, type State, viewOf } from './state/state.ts';
export type {
  AllocationStatus,
  AllocationView,
  BlockView,
  Extent,
  ObjectView,
  SlabView,
  StateView,
} from './state/view.ts';

// Logs: what is in them beside events, and what is computed from them.

export { type LogHeader, machineOf } from './log/header.ts';
export type { Checkpoint, Keyframe, Seal } from './log/seal.ts';
export type { LoggedRequest } from './projections/requests.ts';
export type { OwnerFigures } from './projections/splits.ts';

// Errors.

export { InputError, InvariantError } from './errors.ts';
