/**
 * Where events are written: each is appended as a row and folded into the working state at once. Rows become a batch
 * when there are enough of them.
 */
import {
  Columns,
  type EventBatch,
  type EventColumns,
  EventRows,
  type Frame,
  type MappingRun,
  type StateView,
  TYPE,
} from '@decpool/model';

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** Who is told of events. */
export interface EventSink {
  /** Called for every event as soon as it is folded, while `wantsEvents` is true. The columns must not be kept. */
  event(columns: EventColumns, row: number, seq: number): void;
  readonly wantsEvents: boolean;
  /** Called when the pending rows are about to become a batch. */
  beforeBatch(): void;
  /** Called whenever a batch is full, and by flush(). */
  batch(batch: EventBatch): void;
}

export class Ledger {
  readonly columns: Columns;
  readonly view: StateView;
  /** Simulated ns and number of the request that the next events carry. */
  time = 0;
  request = 0;
  /** Set while a batch is delivered: no request may come from inside a subscriber. */
  isDelivering = false;
  readonly #sink: EventSink;
  readonly #rows: EventRows;
  readonly #owners = new Map<string, number>();

  constructor(frame: Frame, directMap: readonly MappingRun[], sink: EventSink, batchRows: number) {
    this.columns = new Columns(frame, directMap);
    this.view = this.columns.view();
    this.#sink = sink;
    this.#rows = new EventRows(batchRows);
  }

  /** Rows appended but not yet handed over in a batch. */
  get pendingRows(): number {
    return this.#rows.length;
  }

  /** The columns that pending rows are in; valid until the next event or flush. */
  get pendingColumns(): EventColumns {
    return this.#rows.columns;
  }

  /** Hands over what is pending as a batch. */
  flush(): void {
    if (this.#rows.length === 0) return;
    this.#sink.beforeBatch();
    const wasDelivering = this.isDelivering;
    this.isDelivering = true;
    try {
      this.#sink.batch(this.#rows.seal(this.view.counter('events') - this.#rows.length));
    } finally {
      this.isDelivering = wasDelivering;
    }
  }

  /** Owners known so far, and whether a name is one of them. */
  get owners(): number {
    return this.#owners.size;
  }
  knowsOwner(name: string): boolean {
    return this.#owners.has(name);
  }

  /** Number of an owner or a slab cache: registers a name that is new. */
  ownerNumber(name: string): number {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    // A log holds UTF-8, which has no half of a surrogate pair: what it would give back is what the state must hold.
    const stored = DECODER.decode(ENCODER.encode(name));
    if (stored !== name) return this.ownerNumber(stored);
    const owner = this.#owners.size;
    this.#owners.set(name, owner);
    const row = this.#stage(TYPE.ownerRegistered, 0, 0, 0, 0);
    this.#rows.columns.owner[row] = owner;
    this.#rows.columns.names.set(row, name);
    this.#commit(row);
    return owner;
  }

  emit(type: number, allocation: number, pfn: number, pages: number, code: number): void {
    this.#commit(this.#stage(type, allocation, pfn, pages, code));
  }

  /** As emit(), with the two columns that few events have. */
  emitWith(
    type: number,
    allocation: number,
    pfn: number,
    pages: number,
    code: number,
    owner: number,
    bytes: number,
  ): void {
    const row = this.#stage(type, allocation, pfn, pages, code);
    this.#rows.columns.owner[row] = owner;
    this.#rows.columns.bytes[row] = bytes;
    this.#commit(row);
  }

  #stage(type: number, allocation: number, pfn: number, pages: number, code: number): number {
    if (this.#rows.isFull) this.flush();
    return this.#rows.append(type, this.time, this.request, allocation, pfn, pages, code);
  }

  /** Folds the staged row; a row that breaks a rule is taken back, so that the log holds only what happened. */
  #commit(row: number): void {
    try {
      this.columns.evolve(this.#rows.columns, row);
    } catch (error) {
      this.#rows.length = row;
      throw error;
    }
    if (this.#sink.wantsEvents) {
      this.#sink.event(this.#rows.columns, row, this.view.counter('events') - 1);
    }
  }
}
