export {
  type BoundaryMap,
  type ChangeResult,
  DirectMap,
  type MappedRange,
  splitAtBoundaries,
  splitForChange,
} from './direct-map.ts';
export { InputError, InvariantError } from './errors.ts';
export { EventBatch, EventRows } from './events/batch.ts';
export { type ColumnName, type EventColumns, NUMBER_COLUMNS } from './events/columns.ts';
export { eventsInCommon } from './events/compare.ts';
export { type Emitters, emittersTo, type RowSink } from './events/emitters.ts';
export { type Field, MAX_OWNER } from './events/fields.ts';
export { eventAt } from './events/objects.ts';
export * from './events/schema.ts';
export * from './exact-memory.ts';
export * from './geometry.ts';
export {
  DEFAULT_WORKER_DELAY,
  type Faults,
  headerText,
  type LogHeader,
  logHeader,
  machineOf,
  type PageSourceSettings,
  PLAIN_PAGE_SOURCE,
  parseHeader,
  type ReadHeader,
} from './log/header.ts';
export {
  encodeEventLines,
  encodeHeaderLine,
  encodeMarkLine,
  NdjsonDecoder,
  type NdjsonStart,
} from './log/ndjson.ts';
export { LogOrder, type LogRecord } from './log/record.ts';
export {
  type Checkpoint,
  type Keyframe,
  MAX_SEGMENT_EVENTS,
  type MarkName,
  type Marks,
  parseMark,
  type Seal,
  type Trailer,
} from './log/seal.ts';
export { alteredRow, locatorOf, segmentBytes } from './log/segment.ts';
export { RULES_REVISION, SCHEMA_VERSION } from './log/upcast.ts';
export * from './memory-state.ts';
export { MIGRATETYPES, type Migratetype } from './migratetypes.ts';
export { pageStateEntries } from './page-state-entries.ts';
export * from './platform.ts';
export * from './platforms/all.ts';
export type { PlatformProfile } from './platforms/profile.ts';
export * from './projections/index.ts';
export { checkRequest, MAX_OWNERS, type RequestHistory } from './request-rules.ts';
export * from './requests.ts';
export { Columns } from './state/columns.ts';
export { COUNTER_NAMES, type CounterName, type Counters } from './state/counters.ts';
export type { Machine } from './state/editor.ts';
export { brokenInvariants } from './state/invariants.ts';
export { decodeState, encodeState } from './state/keyframe.ts';
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
export { unknownName } from './unknown-name.ts';
