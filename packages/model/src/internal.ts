/** What other packages of decpool use of this one. It can change in any release: programs import the package itself. */
export { EventRows } from './events/batch.ts';
export { type ColumnName, type EventColumns, NUMBER_COLUMNS } from './events/columns.ts';
export { type Emitters, emittersTo, type RowSink } from './events/emitters.ts';
export { type Field, MAX_OWNER } from './events/fields.ts';
export { eventAt } from './events/objects.ts';
export {
  AREA_CALL,
  CONVERTED,
  fieldsOf,
  SKIPPED,
  type Skipped,
  type TypeName,
  typeName,
  typesWhere,
} from './events/schema.ts';
export {
  exactMemorySchema,
  type PackedChunks,
  packChunks,
  unpackChunks,
  zonePositionsSchema,
} from './exact-memory.ts';
export { checkGeometry, forEachBlock, overlapPages } from './geometry.ts';
export { headerText, logHeader } from './log/header.ts';
export {
  encodeEventLines,
  encodeHeaderLine,
  encodeMarkLine,
  NdjsonDecoder,
  type NdjsonStart,
} from './log/ndjson.ts';
export { LogOrder, type LogRecord } from './log/record.ts';
export { MAX_SEGMENT_EVENTS, type MarkName, type Marks, parseMark } from './log/seal.ts';
export { alteredRow, locatorOf, segmentBytes } from './log/segment.ts';
export { memoryStateSchema } from './memory-state.ts';
export { pageStateEntries } from './page-state-entries.ts';
export {
  conversionMaySleep,
  DIRECTIONS,
  flushCount,
  flushesFor,
  hostCallsByPage,
  hostCallsFor,
  platformSchema,
} from './platform.ts';
export { cacheFlushes, pageAccepts } from './platforms/all.ts';
export { BootPoolEvents, isBootPoolApart } from './projections/boot-pool.ts';
export { CHANGES_BLOCK, EXPOSES, IS_NUMBERED_REQUEST, IS_REQUEST } from './projections/event-sets.ts';
export { EventPass, observeAll, type Projection } from './projections/projection.ts';
export { RunProjections } from './projections/run.ts';
export { checkRequest, MAX_OWNERS, type RequestHistory } from './request-rules.ts';
export { ALL_FLAGS, alignOf, areAttributes, attributesOf, gfpOf, nodeOf } from './requests.ts';
export { decodeState, encodeState } from './state/keyframe.ts';
export { unknownName } from './unknown-name.ts';
