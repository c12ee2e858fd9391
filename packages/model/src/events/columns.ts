/**
 * Events as columns. A row is 32 bytes in nine typed arrays; the fields a type does not have are 0. This is
 * what the pool writes, what a fold reads and what the Arrow log stores; frozen event objects are made from rows
 * only where somebody wants to look at one.
 */
import { InputError } from '../errors.ts';
import { MIGRATETYPES } from '../memory-state.ts';
import { DIRECTIONS } from '../platform.ts';
import {
  ANY_NODE,
  APIS,
  alignOf,
  areAttributes,
  attributesOf,
  GFP_KERNEL,
  gfpName,
  gfpNamed,
  gfpOf,
  MAX_NODE,
  nodeOf,
} from '../requests.ts';
import type { AllocationId, Nanoseconds, Pfn } from '../units.ts';
import { unknownName } from '../unknown-name.ts';
import { EVENT_TYPES, FAILURE_REASONS, type PoolEvent, SKIPPED, TYPE } from './types.ts';

/**
 * The columns of a number of rows. `code` holds the api, migratetype, level, direction or reason of a type. Fields that
 * no two types have in common share a column; FIELDS says which.
 */
export interface EventColumns {
  readonly type: Uint8Array;
  readonly code: Uint8Array;
  readonly owner: Uint16Array;
  readonly request: Uint32Array;
  readonly allocation: Uint32Array;
  readonly pfn: Uint32Array;
  readonly pages: Uint32Array;
  readonly bytes: Uint32Array;
  readonly time: Float64Array;
  /** Names given by `owner-registered` rows, by row. */
  readonly names: ReadonlyMap<number, string>;
}

export type ColumnName = Exclude<keyof EventColumns, 'names'>;

/** The columns of numbers, in the order in which a log has them. */
export const NUMBER_COLUMNS = [
  'type',
  'code',
  'owner',
  'request',
  'allocation',
  'pfn',
  'pages',
  'bytes',
  'time',
] as const satisfies readonly ColumnName[];

/** Highest owner number a row can hold. */
export const MAX_OWNER = 0xffff;

export function allocateColumns(rows: number): EventColumns & { readonly names: Map<number, string> } {
  return {
    type: new Uint8Array(rows),
    code: new Uint8Array(rows),
    owner: new Uint16Array(rows),
    request: new Uint32Array(rows),
    allocation: new Uint32Array(rows),
    pfn: new Uint32Array(rows),
    pages: new Uint32Array(rows),
    bytes: new Uint32Array(rows),
    time: new Float64Array(rows),
    names: new Map(),
  };
}

/** One row as the frozen event it stands for. `seq` is the row's position in the log. */
export function eventAt(columns: EventColumns, row: number, seq: number): PoolEvent {
  return Object.freeze(decode(columns, row, seq));
}

function decode(columns: EventColumns, row: number, seq: number): PoolEvent {
  const type = EVENT_TYPES[columns.type[row]];
  const time = columns.time[row] as Nanoseconds;
  const request = columns.request[row];
  const code = columns.code[row];
  const pfn = columns.pfn[row] as Pfn;
  const pages = columns.pages[row];
  const allocation = columns.allocation[row] as AllocationId;
  switch (type) {
    case 'owner-registered':
      return { seq, time, request, type, owner: columns.owner[row], name: columns.names.get(row) ?? '' };
    case 'allocation-requested': {
      const bytes = columns.bytes[row];
      return {
        seq,
        time,
        request,
        type,
        allocation,
        api: APIS[code],
        pages,
        bytes,
        owner: columns.owner[row],
        ...attributeFields(pfn),
      };
    }
    case 'free-requested':
      return { seq, time, request, type, allocation, ...attributeFields(pfn) };
    case 'pages-claimed':
      return { seq, time, request, type, pfn, pages, migratetype: MIGRATETYPES[code] };
    case 'large-page-split':
      return { seq, time, request, type, pfn, level: code as 2 | 3 };
    case 'large-page-restored':
      return { seq, time, request, type, pfn };
    case 'pages-returned':
    case 'pages-decrypted':
    case 'pages-encrypted':
    case 'background-freed':
    case 'block-compacted':
      return { seq, time, request, type, pfn, pages };
    case 'pages-leaked':
      return { seq, time, request, type, pfn, pages, owner: columns.owner[row] };
    case 'conversion-failed': {
      const direction = DIRECTIONS[code & 1];
      const failed = { seq, time, request, type, pfn, pages, direction } as const;
      return {
        ...failed,
        ...(code & CONVERTED ? { converted: true } : {}),
        ...(code & AREA_CALL ? { offset: columns.bytes[row] } : {}),
      };
    }
    case 'pages-allocated':
    case 'pages-freed':
      return { seq, time, request, type, allocation, pfn, pages };
    case 'allocation-failed':
      return { seq, time, request, type, allocation, pages, reason: FAILURE_REASONS[code] };
    case 'slab-created': {
      const unitBytes = columns.bytes[row];
      return { seq, time, request, type, allocation, pfn, pages, unitBytes, cache: columns.owner[row] };
    }
    case 'slab-destroyed':
      return { seq, time, request, type, allocation, slab: pfn };
    case 'object-allocated': {
      const bytes = columns.bytes[row];
      return { seq, time, request, type, allocation, slab: pfn, unit: pages, bytes };
    }
    case 'object-freed':
    case 'user-mapped':
    case 'user-unmapped':
      return { seq, time, request, type, allocation };
    case 'vm-area-mapped':
    case 'vm-area-unmapped':
      return { seq, time, request, type, allocation, pages };
    case 'vm-area-decrypted':
    case 'vm-area-encrypted':
      return { seq, time, request, type, pfn, pages, offset: columns.bytes[row] };
    case 'contiguous-split':
      return { seq, time, request, type, pfn, level: code as 1 | 2 };
    case 'background-allocated':
      return { seq, time, request, type, pfn, pages, migratetype: MIGRATETYPES[code] };
    case 'reserve-refilled':
      return { seq, time, request, type, pages };
    case 'request-skipped':
      return { seq, time, request, type, allocation, what: SKIPPED[code], ...attributeFields(pfn) };
    case 'background-failed':
      return { seq, time, request, type, chunk: allocation, pages, migratetype: MIGRATETYPES[code] };
  }
}

/** Bit of a failed conversion's code: the host converted all the same. */
export const CONVERTED = 2;
/** Bit of a failed conversion's code: it was a call on a vmalloc address, and the row has its `offset`. */
export const AREA_CALL = 4;

/** The attributes of a request that are not the usual ones: what is left out is GFP_KERNEL, any node, no alignment. */
export function attributeFields(attributes: number): { gfp?: string; node?: number; align?: number } {
  if (attributes === 0) return {};
  const [gfp, node, align] = [gfpOf(attributes), nodeOf(attributes), alignOf(attributes)];
  return {
    ...(gfp === GFP_KERNEL ? {} : { gfp: gfpName(gfp) }),
    ...(node === ANY_NODE ? {} : { node }),
    ...(align === 1 ? {} : { align }),
  };
}

/**
 * How a field of an event object is stored: in the column of its name unless told. `attribute` is one of the fields
 * that share the word of attributesOf().
 */
export type FieldKind =
  | 'u32'
  | { readonly column: 'allocation' | 'pfn' | 'pages' | 'bytes' }
  | 'owner'
  | 'name'
  | 'attribute'
  | 'converted'
  | 'area offset'
  | { readonly levels: readonly number[] }
  | readonly string[];

const SLAB: FieldKind = { column: 'pfn' };
const LARGE: FieldKind = { levels: [2, 3] };
const CONTIGUOUS: FieldKind = { levels: [1, 2] };

/** Fields of each type besides seq, time and request; an enumeration is a field with its list of names. */
export const FIELDS: Readonly<Record<PoolEvent['type'], Readonly<Record<string, FieldKind>>>> = {
  'owner-registered': { owner: 'owner', name: 'name' },
  'allocation-requested': {
    allocation: 'u32',
    api: APIS,
    pages: 'u32',
    bytes: 'u32',
    owner: 'owner',
    gfp: 'attribute',
    node: 'attribute',
    align: 'attribute',
  },
  'free-requested': { allocation: 'u32', gfp: 'attribute' },
  'pages-claimed': { pfn: 'u32', pages: 'u32', migratetype: MIGRATETYPES },
  'pages-returned': { pfn: 'u32', pages: 'u32' },
  'large-page-split': { pfn: 'u32', level: LARGE },
  'large-page-restored': { pfn: 'u32' },
  'pages-decrypted': { pfn: 'u32', pages: 'u32' },
  'pages-encrypted': { pfn: 'u32', pages: 'u32' },
  'conversion-failed': {
    pfn: 'u32',
    pages: 'u32',
    direction: DIRECTIONS,
    converted: 'converted',
    offset: 'area offset',
  },
  'pages-allocated': { allocation: 'u32', pfn: 'u32', pages: 'u32' },
  'pages-freed': { allocation: 'u32', pfn: 'u32', pages: 'u32' },
  'allocation-failed': { allocation: 'u32', pages: 'u32', reason: FAILURE_REASONS },
  'pages-leaked': { pfn: 'u32', pages: 'u32', owner: 'owner' },
  'slab-created': {
    allocation: 'u32',
    pfn: 'u32',
    pages: 'u32',
    unitBytes: { column: 'bytes' },
    cache: 'owner',
  },
  'slab-destroyed': { allocation: 'u32', slab: SLAB },
  'object-allocated': { allocation: 'u32', slab: SLAB, unit: { column: 'pages' }, bytes: 'u32' },
  'object-freed': { allocation: 'u32' },
  'vm-area-mapped': { allocation: 'u32', pages: 'u32' },
  'vm-area-unmapped': { allocation: 'u32', pages: 'u32' },
  'vm-area-decrypted': { pfn: 'u32', pages: 'u32', offset: { column: 'bytes' } },
  'vm-area-encrypted': { pfn: 'u32', pages: 'u32', offset: { column: 'bytes' } },
  'contiguous-split': { pfn: 'u32', level: CONTIGUOUS },
  'user-mapped': { allocation: 'u32' },
  'user-unmapped': { allocation: 'u32' },
  'background-allocated': { pfn: 'u32', pages: 'u32', migratetype: MIGRATETYPES },
  'background-freed': { pfn: 'u32', pages: 'u32' },
  'reserve-refilled': { pages: 'u32' },
  'block-compacted': { pfn: 'u32', pages: 'u32' },
  'request-skipped': { allocation: 'u32', what: SKIPPED, gfp: 'attribute' },
  'background-failed': { chunk: { column: 'allocation' }, pages: 'u32', migratetype: MIGRATETYPES },
};

/** Fields that an event object may leave out. */
export const OPTIONAL: ReadonlySet<FieldKind> = new Set<FieldKind>(['attribute', 'converted', 'area offset']);

/** By type code, then by the row's code: whether an event of that type can have it. */
export const KNOWN_CODES: readonly (readonly boolean[])[] = EVENT_TYPES.map((type) => {
  const kinds = Object.values(FIELDS[type]);
  const hasLevels = kinds.find((kind) => typeof kind === 'object' && 'levels' in kind) as
    | { readonly levels: readonly number[] }
    | undefined;
  if (hasLevels !== undefined) return [0, 1, 2, 3].map((code) => hasLevels.levels.includes(code));
  const names = kinds.find((kind): kind is readonly string[] => Array.isArray(kind));
  if (names === undefined) return [true];
  // The flags are the bits above the names, the lowest first: each that a type has doubles its codes.
  const flags = kinds.filter((kind) => kind === 'converted' || kind === 'area offset').length;
  return new Array<boolean>(names.length << flags).fill(true);
});

/** Whether the attributes of a row, in its pfn column, are ones that a request can have. A free has flags only. */
export const hasKnownAttributes = (columns: EventColumns, row: number): boolean => {
  const attributes = columns.pfn[row];
  switch (columns.type[row]) {
    case TYPE.allocationRequested:
      return areAttributes(attributes);
    case TYPE.freeRequested:
    case TYPE.requestSkipped:
      return areAttributes(attributes) && gfpOf(attributes) === attributes;
    default:
      return true;
  }
};

const FACT_FIELDS: Readonly<Record<string, FieldKind>> = { seq: 'u32', time: 'u32', request: 'u32' };

const isWhole = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;

/** Rows that grow by appending: what a pool or a decoder fills, then seals into an EventBatch. */
export class EventRows {
  columns: ReturnType<typeof allocateColumns>;
  length = 0;
  capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.columns = allocateColumns(capacity);
  }

  get isFull(): boolean {
    return this.length === this.capacity;
  }

  /** Makes room for twice as many rows. */
  grow(): void {
    const grown = allocateColumns(this.capacity * 2);
    for (const name of NUMBER_COLUMNS) grown[name].set(this.columns[name]);
    for (const [row, name] of this.columns.names) grown.names.set(row, name);
    this.columns = grown;
    this.capacity *= 2;
  }

  /** Appends a row and returns its index. The caller checks isFull. */
  append(
    type: number,
    time: number,
    request: number,
    allocation: number,
    pfn: number,
    pages: number,
    code: number,
  ): number {
    const row = this.length++;
    const columns = this.columns;
    columns.type[row] = type;
    columns.time[row] = time;
    columns.request[row] = request;
    columns.allocation[row] = allocation;
    columns.pfn[row] = pfn;
    columns.pages[row] = pages;
    columns.code[row] = code;
    return row;
  }

  /**
   * Appends an event given as a plain object (from a log, or from a spec) and returns its row.
   * Throws InputError that names the field when it is not an event.
   */
  appendObject(event: unknown): number {
    if (typeof event !== 'object' || event === null || Array.isArray(event)) {
      throw new InputError("not an event; expected a JSON object with a 'type'");
    }
    const type = (event as { type?: unknown }).type;
    const code = EVENT_TYPES.indexOf(type as PoolEvent['type']);
    if (code < 0) {
      if (typeof type !== 'string') throw fieldError('event', 'type', 'the name of an event type');
      // In a damaged log it can be as long as a line.
      const given = type.slice(0, 40);
      throw unknownName({ kind: 'event type', given, known: EVENT_TYPES, listedBy: 'docs/log-format.md' });
    }
    const fields = FIELDS[EVENT_TYPES[code]];
    const row = this.length;
    for (const key of Object.keys(event)) {
      if (key !== 'type' && !Object.hasOwn(fields, key) && !Object.hasOwn(FACT_FIELDS, key)) {
        throw new InputError(`${EVENT_TYPES[code]}: unknown field '${key}'`);
      }
    }
    const values = event as Record<string, unknown>;
    const time = values['time'] ?? 0;
    const request = values['request'] ?? 0;
    if (!isWhole(time, Number.MAX_SAFE_INTEGER))
      throw fieldError(EVENT_TYPES[code], 'time', 'a whole number of ns');
    if (!isWhole(request, 0xffffffff)) throw fieldError(EVENT_TYPES[code], 'request', 'a whole number');
    const stored = { owner: 0, allocation: 0, pfn: 0, pages: 0, bytes: 0, code: 0 };
    let name: string | undefined;
    for (const [field, kind] of Object.entries(fields)) {
      const value = values[field];
      const refuse = (expected: string) => fieldError(EVENT_TYPES[code], field, expected);
      if (value === undefined && OPTIONAL.has(kind)) continue;
      if (kind === 'name') {
        if (typeof value !== 'string') throw refuse('a string');
        name = value;
      } else if (kind === 'attribute') {
        stored.pfn |= attributeFrom(field, value, refuse);
      } else if (kind === 'converted') {
        if (value !== true) throw refuse('true, or left out');
        stored.code |= CONVERTED;
      } else if (kind === 'area offset') {
        if (!isWhole(value, 0xffffffff)) throw refuse('a whole number of pages, or left out');
        stored.code |= AREA_CALL;
        stored.bytes = value;
      } else if (Array.isArray(kind)) {
        const index = kind.indexOf(value as string);
        if (index < 0) throw refuse(`one of ${kind.join(', ')}`);
        stored.code |= index;
      } else if (typeof kind === 'object' && 'levels' in kind) {
        if (!kind.levels.includes(value as number)) throw refuse(kind.levels.map(levelName).join(' or '));
        stored.code = value as number;
      } else {
        const max = kind === 'owner' ? MAX_OWNER : 0xffffffff;
        if (!isWhole(value, max)) throw refuse(`a whole number from 0 to ${max}`);
        const column =
          kind === 'owner' ? 'owner' : typeof kind === 'object' && 'column' in kind ? kind.column : field;
        stored[column as keyof typeof stored] = value;
      }
    }
    this.append(code, time, request, stored.allocation, stored.pfn, stored.pages, stored.code);
    this.columns.owner[row] = stored.owner;
    this.columns.bytes[row] = stored.bytes;
    if (name !== undefined) this.columns.names.set(row, name);
    return row;
  }

  /** Hands the rows over as a batch that starts at `firstSeq`, and starts afresh. */
  seal(firstSeq: number): EventBatch {
    const batch = new EventBatch(this.columns, this.length, firstSeq);
    this.columns = allocateColumns(this.capacity);
    this.length = 0;
    return batch;
  }
}

const LEVEL_NAMES = ['hole', '4K', '2M', '1G'];
const levelName = (level: number) => `${level} (${LEVEL_NAMES[level]})`;

/** One of the fields that attributesOf() packs into a word, at its place. */
function attributeFrom(field: string, value: unknown, refuse: (expected: string) => InputError): number {
  if (field === 'gfp') {
    if (typeof value !== 'string') throw refuse('flags as in GFP_ATOMIC|__GFP_DMA32');
    return attributesOf({ gfp: gfpNamed(value) });
  }
  if (field === 'node') {
    if (!isWhole(value, MAX_NODE)) throw refuse(`a node from 0 to ${MAX_NODE}`);
    return attributesOf({ node: value });
  }
  if (!isWhole(value, 4096) || value === 0 || (value & (value - 1)) !== 0) {
    throw refuse('a power of two up to 4096');
  }
  return attributesOf({ align: value });
}

function fieldError(type: string, field: string, expected: string): InputError {
  return new InputError(`${type}: '${field}' must be ${expected}`);
}

let columnsOfBatch: (batch: EventBatch) => EventColumns;

/**
 * Consecutive events of one log, as columns behind readers. Typed arrays cannot be frozen, so a batch never
 * hands out its own: `column()` gives a copy, and writing into it changes nothing else.
 */
export class EventBatch {
  readonly #columns: EventColumns;
  readonly length: number;
  /** Position in the log of the batch's first event. */
  readonly firstSeq: number;

  static {
    columnsOfBatch = (batch) => batch.#columns;
  }

  /** Takes ownership of `columns`: the caller must not write into them again. */
  constructor(columns: EventColumns, length: number, firstSeq: number) {
    this.#columns = columns;
    this.length = length;
    this.firstSeq = firstSeq;
    Object.freeze(this);
  }

  /** Code of the event's type; TYPE and EVENT_TYPES name them. */
  typeAt(row: number): number {
    return this.#columns.type[row];
  }
  codeAt(row: number): number {
    return this.#columns.code[row];
  }
  ownerAt(row: number): number {
    return this.#columns.owner[row];
  }
  requestAt(row: number): number {
    return this.#columns.request[row];
  }
  allocationAt(row: number): number {
    return this.#columns.allocation[row];
  }
  pfnAt(row: number): number {
    return this.#columns.pfn[row];
  }
  pagesAt(row: number): number {
    return this.#columns.pages[row];
  }
  bytesAt(row: number): number {
    return this.#columns.bytes[row];
  }
  /** Simulated ns. */
  timeAt(row: number): number {
    return this.#columns.time[row];
  }

  /** Rows [from, to) as a batch of their own, on the same columns. */
  slice(from: number, to: number): EventBatch {
    if (from === 0 && to === this.length) return this;
    const columns = this.#columns;
    const names = new Map<number, string>();
    for (const [row, name] of columns.names) if (row >= from && row < to) names.set(row - from, name);
    const part = {
      type: columns.type.subarray(from, to),
      code: columns.code.subarray(from, to),
      owner: columns.owner.subarray(from, to),
      request: columns.request.subarray(from, to),
      allocation: columns.allocation.subarray(from, to),
      pfn: columns.pfn.subarray(from, to),
      pages: columns.pages.subarray(from, to),
      bytes: columns.bytes.subarray(from, to),
      time: columns.time.subarray(from, to),
      names,
    };
    return new EventBatch(part, to - from, this.firstSeq + from);
  }

  /** The event in a row, as a frozen object. */
  at(row: number): PoolEvent {
    return eventAt(this.#columns, row, this.firstSeq + row);
  }

  /** A copy of one column. */
  column<Name extends ColumnName>(name: Name): EventColumns[Name] {
    return this.#columns[name].slice(0, this.length) as EventColumns[Name];
  }

  /** Names of owners registered in this batch, by row; a copy. */
  names(): Map<number, string> {
    return new Map(this.#columns.names);
  }

  *[Symbol.iterator](): Generator<PoolEvent> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }
}

/** For the model's own loops: the columns without a copy. Not exported from the package; never write into them. */
export const columnsOf = (batch: EventBatch): EventColumns => columnsOfBatch(batch);
