/** Rows of events in the making, and finished batches of them. */
import {
  allocateColumns,
  type ColumnName,
  type EventColumns,
  eventColumns,
  NUMBER_COLUMNS,
} from './columns.ts';
import { eventAt, parseEvent } from './objects.ts';
import type { PoolEvent } from './schema.ts';

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
    // Lent columns still have the values of the batch before.
    columns.owner[row] = 0;
    columns.bytes[row] = 0;
    return row;
  }

  /**
   * Appends an event given as a plain object (from a log, or from a spec) and returns its row.
   * Throws InputError that names the field if it is not an event.
   */
  appendObject(object: unknown): number {
    const event = parseEvent(object);
    const row = this.append(
      event.type,
      event.time,
      event.request,
      event.allocation,
      event.pfn,
      event.pages,
      event.code,
    );
    this.columns.owner[row] = event.owner;
    this.columns.bytes[row] = event.bytes;
    if (event.name !== undefined) this.columns.names.set(row, event.name);
    return row;
  }

  /** Hands the rows over as a batch that starts at `firstSeq`, and starts afresh. */
  seal(firstSeq: number): EventBatch {
    const batch = new EventBatch(this.columns, this.length, firstSeq);
    this.columns = allocateColumns(this.capacity);
    this.length = 0;
    return batch;
  }

  /** Shows the rows to `borrow` as a batch that starts at `firstSeq`, and starts afresh in the same columns: the batch is empty then. */
  lend(firstSeq: number, borrow: (batch: EventBatch) => void): void {
    const batch = new EventBatch(this.columns, this.length, firstSeq);
    try {
      borrow(batch);
    } finally {
      takeBack(batch);
      this.columns.names.clear();
      this.length = 0;
    }
  }
}

let columnsOfBatch: (batch: EventBatch) => EventColumns;
let takeBack: (batch: EventBatch) => void;
const NO_ROWS = allocateColumns(0);

/**
 * Consecutive events of one log, as columns behind readers. Typed arrays cannot be frozen, so a batch never
 * hands out its own: `column()` gives a copy, and writing into it changes nothing else.
 */
export class EventBatch {
  #columns: EventColumns;
  readonly length: number;
  /** Position in the log of the batch's first event. */
  readonly firstSeq: number;

  static {
    columnsOfBatch = (batch) => batch.#columns;
    takeBack = (batch) => {
      batch.#columns = NO_ROWS;
    };
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
  /** Code of the event's api, migratetype, level, direction or reason; 0 if its type has none. */
  codeAt(row: number): number {
    return this.#columns.code[row];
  }
  /** Number of the event's owner; 0 if its type has none. */
  ownerAt(row: number): number {
    return this.#columns.owner[row];
  }
  /** Number of the request that caused the event, from 1; 0 if no request did. */
  requestAt(row: number): number {
    return this.#columns.request[row];
  }
  /** Number of the event's allocation; 0 if its type has none. */
  allocationAt(row: number): number {
    return this.#columns.allocation[row];
  }
  /** First page of the event's range; 0 if its type has none. */
  pfnAt(row: number): number {
    return this.#columns.pfn[row];
  }
  /** Pages of the event's range; 0 if its type has none. */
  pagesAt(row: number): number {
    return this.#columns.pages[row];
  }
  /** Bytes of the request; 0 if the type has none. */
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
    const part = <Name extends ColumnName>(name: Name) =>
      columns[name].subarray(from, to) as EventColumns[Name];
    return new EventBatch(eventColumns(part, names), to - from, this.firstSeq + from);
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

  /** The events in order, as frozen objects. */
  *[Symbol.iterator](): Generator<PoolEvent> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }
}

/** For the model's own loops: the columns without a copy. Not exported from the package; never write into them. */
export const columnsOf = (batch: EventBatch): EventColumns => columnsOfBatch(batch);

/** What another thread makes the same batch of: plain data, and the buffers that hold its numbers. */
export interface SentBatch {
  readonly columns: EventColumns;
  readonly length: number;
  readonly firstSeq: number;
}

/**
 * Takes the columns out of a batch, to be sent to another thread. The batch is empty then. `buffers` are all that its columns lie in:
 * they can be transferred instead of copied.
 */
export function sendBatch(batch: EventBatch): {
  readonly sent: SentBatch;
  readonly buffers: readonly ArrayBufferLike[];
} {
  const columns = columnsOf(batch);
  const buffers = new Set(NUMBER_COLUMNS.map((name) => columns[name].buffer));
  takeBack(batch);
  return { sent: { columns, length: batch.length, firstSeq: batch.firstSeq }, buffers: [...buffers] };
}

/** The batch that another thread has sent; nobody else may hold its columns. */
export const receiveBatch = ({ columns, length, firstSeq }: SentBatch): EventBatch =>
  new EventBatch(
    eventColumns((name) => columns[name], columns.names),
    length,
    firstSeq,
  );
