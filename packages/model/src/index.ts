export {
  type BoundaryMap,
  type ChangeResult,
  DirectMap,
  type MappedRange,
  pagesOfLevel,
  splitAtBoundaries,
  splitForChange,
} from './direct-map.ts';
export { InputError, InvariantError } from './errors.ts';
export {
  AREA_CALL,
  CONVERTED,
  type ColumnName,
  EventBatch,
  type EventColumns,
  EventRows,
  eventAt,
  MAX_OWNER,
} from './events/columns.ts';
export * from './events/types.ts';
export * from './geometry.ts';
export {
  DEFAULT_WORKER_DELAY,
  type Faults,
  frameOf,
  type LogHeader,
  logHeader,
  type PageSourceSettings,
  PLAIN_PAGE_SOURCE,
  parseHeader,
  SCHEMA_VERSION,
} from './log/header.ts';
export { encodeHeaderLine, encodeLines, encodeTrailerLine, NdjsonDecoder } from './log/ndjson.ts';
export type { LogTrailer } from './log/trailer.ts';
export * from './memory-state.ts';
export * from './platform.ts';
export * from './requests.ts';
export { Columns } from './state/columns.ts';
export { COUNTER_NAMES, type CounterName, type Counters } from './state/counters.ts';
export type { Frame } from './state/editor.ts';
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
export type {
  AllocationStatus,
  AllocationView,
  BlockView,
  Extent,
  ObjectView,
  PageFact,
  SlabView,
  StateView,
} from './state/view.ts';
export * from './units.ts';
