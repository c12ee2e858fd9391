/** What other packages of decpool use of this one. It can change in any release: programs import the package itself. */

export {
  type BoundaryMap,
  type ChangeResult,
  DirectMap,
  type MappedRange,
  splitAtBoundaries,
  splitForChange,
} from './direct-map.ts';
export { EventRows, receiveBatch, type SentBatch, sendBatch } from './events/batch.ts';
export { type ColumnName, type EventColumns, NUMBER_COLUMNS } from './events/columns.ts';
export { eventsInCommon } from './events/compare.ts';
export { type Emitters, emittersTo, type RowSink } from './events/emitters.ts';
export { type Field, MAX_OWNER } from './events/fields.ts';
export { eventAt } from './events/objects.ts';
export {
  AREA_CALL,
  type BodyOf,
  CONVERTED,
  EVENT_TYPES,
  EVENTS,
  type EventBody,
  FAILURE_REASONS,
  fieldsOf,
  SKIPPED,
  type Skipped,
  type TypeName,
  typeName,
  typesWhere,
} from './events/schema.ts';
export {
  type ExactCpu,
  type ExactMemory,
  type ExactZone,
  exactMemorySchema,
  type PackedChunks,
  packChunks,
  unpackChunks,
  type ZonePositions,
  zonePositionsSchema,
} from './exact-memory.ts';
export { blockCount, checkGeometry, forEachBlock, overlapPages, regionCount } from './geometry.ts';
export {
  DEFAULT_WORKER_DELAY,
  headerText,
  logHeader,
  MAX_RETRIES,
  PLAIN_PAGE_SOURCE,
  parseHeader,
  type ReadHeader,
} from './log/header.ts';
export {
  encodeEventLines,
  encodeHeaderLine,
  encodeMarkLine,
  isJson,
  KEYFRAME_LINE_START,
  NdjsonDecoder,
  type NdjsonStart,
} from './log/ndjson.ts';
export { LogOrder, type LogRecord } from './log/record.ts';
export { MAX_SEGMENT_EVENTS, type MarkName, type Marks, parseMark, type Trailer } from './log/seal.ts';
export { alteredRow, locatorOf, segmentBytes } from './log/segment.ts';
export { RULES_REVISION, SCHEMA_VERSION } from './log/upcast.ts';
export {
  gradeOf,
  LEVELS,
  type LevelName,
  type MemoryGrade,
  memoryStateSchema,
  type PageRun,
  type ZoneState,
} from './memory-state.ts';
export { MIGRATETYPES } from './migratetypes.ts';
export { pageStateEntries } from './page-state-entries.ts';
export {
  conversionMaySleep,
  DIRECTIONS,
  type Direction,
  flushCount,
  flushesFor,
  GRANULES,
  type GranulePages,
  hasLargePages,
  hostCallsByPage,
  hostCallsFor,
  platformSchema,
} from './platform.ts';
export {
  cacheFlushes,
  endsIfHostRefuses,
  formulaByPlatform,
  hasRestrictedPool,
  PLATFORM_PROFILES,
  pageAccepts,
} from './platforms/all.ts';
export type { PlatformProfile } from './platforms/profile.ts';
export { BootPoolEvents } from './projections/boot-pool.ts';
export { BounceSlots } from './projections/bounce-slots.ts';
export { type Cause, Causes } from './projections/causes.ts';
export {
  anyOf,
  CHANGES_BLOCK,
  type EventSet,
  EXPOSES,
  eventSet,
  IS_NUMBERED_REQUEST,
  IS_REQUEST,
  isFailedDecryption,
} from './projections/event-sets.ts';
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
export { EventPass, observeAll, type Projection } from './projections/projection.ts';
export { RequestsInLog } from './projections/requests.ts';
export { type RunPart, RunProjections } from './projections/run.ts';
export { SharedBlocks } from './projections/shared-blocks.ts';
export { SharedIdle } from './projections/shared-idle.ts';
export {
  SPLIT_LEVELS,
  type SplitCounts,
  type SplitLevel,
  SplitsByOwner,
  type SplitsOfOwner,
  splitLevel,
} from './projections/splits.ts';
export { checkRequest, MAX_OWNERS, type RequestHistory } from './request-rules.ts';
export {
  ALL_FLAGS,
  APIS,
  alignOf,
  areAttributes,
  attributesOf,
  cpuOf,
  gfpName,
  gfpNamed,
  gfpOf,
  isInBytes,
  MAX_CPU,
  MAX_NODE,
  maySleep,
  nodeOf,
  zoneOf,
} from './requests.ts';
export { COUNTER_NAMES } from './state/counters.ts';
export { decodeState, encodeState } from './state/keyframe.ts';
export { foldRows, publish, type Tables } from './state/state.ts';
export { PAGE_SHIFT, pagesFor, slabId } from './units.ts';
export { nearestNames, unknownName } from './unknown-name.ts';
