/** A place in a log that moves forward and back. Memory is bounded: one state, a few windows of events, some earlier states as bytes. */
import {
  allocationId,
  type Columns,
  type CounterName,
  type Counters,
  type EventBatch,
  InputError,
  type PoolEvent,
  type StateView,
  TYPE,
} from '@decpool/model';
import {
  BootPoolEvents,
  type Cause,
  COUNTER_NAMES,
  decodeState,
  encodeState,
  IS_REQUEST,
  observeAll,
} from '@decpool/model/internal';
import { foldBatches, initialColumns } from '../log/fold.ts';
import type { OpenLog } from '../log/open.ts';
import { isWanted, type Wanted } from './wanted.ts';
import { Windows } from './windows.ts';

/** Folding so many events takes a few ms: going back one at a time is worth a state that near. */
const NEAR_EVENTS = 2 ** 12;
const SNAPSHOTS_KEPT = 8;
const SNAPSHOT_BYTES = 2 ** 26;

interface Snapshot {
  readonly events: number;
  readonly state: Uint8Array;
}

interface CounterChange {
  readonly counter: CounterName;
  readonly before: number;
  readonly after: number;
}

/** The last event that has happened, and what it changed. */
export interface Step {
  readonly event: PoolEvent;
  readonly cause: Cause;
  readonly changes: readonly CounterChange[];
}

export class Stepper {
  readonly log: OpenLog;
  readonly #windows: Windows;
  #columns: Columns;
  /** Counters before the last event. */
  #before: Counters;
  #snapshots: Snapshot[] = [];

  constructor(log: OpenLog) {
    this.log = log;
    this.#windows = new Windows(log);
    this.#columns = initialColumns(this.log.header);
    this.#before = this.#columns.publishCounters();
  }

  /** Events that have happened. */
  get position(): number {
    return this.#columns.counters.events;
  }

  /** Simulated ns of the last event. */
  get time(): number {
    return this.#columns.counters.time;
  }

  get view(): StateView {
    return this.#columns.view();
  }

  /** Names by their numbers. */
  get owners(): readonly string[] {
    return this.#columns.owners;
  }

  /** Goes to a position; at either end it stays there. */
  async go(to: number): Promise<void> {
    const position = Math.max(0, Math.min(this.log.events, to));
    if (position === this.position) return;
    if (position === 0) this.#columns = initialColumns(this.log.header);
    else await this.#reach(position - 1);
    this.#before = this.#columns.publishCounters();
    await this.#fold(this.#columns, position);
  }

  /** The last event; undefined at the start of the log. */
  async step(): Promise<Step | undefined> {
    if (this.position === 0) return undefined;
    const { batch, row } = await this.#windows.at(this.position - 1);
    return { event: batch.at(row), cause: await this.#causeOf(batch, row), changes: this.#changes() };
  }

  /** The last event and those around it, as many as there are. */
  async around(before: number, behind: number): Promise<PoolEvent[]> {
    const from = Math.max(0, this.position - 1 - before);
    const to = Math.min(this.log.events, this.position + behind);
    const events: PoolEvent[] = [];
    for await (const batch of this.#windows.forward(from, to)) events.push(...batch);
    return events;
  }

  /** Number of the next wanted event after the last one, or before it; undefined if there is none or the search is stopped. */
  async find(wanted: Wanted, isBack: boolean, isStopped = () => false): Promise<number | undefined> {
    if (wanted.kind === 'owner') {
      return isBack ? this.#ownerBefore(wanted.text, isStopped) : this.#ownerAfter(wanted.text, isStopped);
    }
    const { geometry } = this.log.header;
    const isHit = (batch: EventBatch, row: number) => isWanted(wanted, geometry, batch, row);
    return isBack ? this.#last(isHit, isStopped) : this.#first(isHit, isStopped);
  }

  /** Name of an allocation's owner; undefined if it was freed before the keyframe that the state was read from. */
  ownerOf(allocation: number): string | undefined {
    if (allocation < 1 || allocation > this.#columns.counters.lastAllocation) return undefined;
    const id = allocationId(allocation);
    return this.view.allocation(id).request === 0 ? undefined : this.owners[this.view.ownerOf(id)];
  }

  #changes(): CounterChange[] {
    const { counters } = this.#columns;
    return COUNTER_NAMES.filter((name) => counters[name] !== this.#before[name]).map((counter) => ({
      counter,
      before: this.#before[counter],
      after: counters[counter],
    }));
  }

  /** Brings the state to a position, from here or from the nearest one before that there is. */
  async #reach(position: number): Promise<void> {
    const earlier = this.#snapshots.filter(({ events }) => events <= position);
    const snapshot = earlier.sort((a, b) => b.events - a.events).at(0);
    const keyframe = this.log.keyframeBefore(position);
    const nearest = Math.max(snapshot?.events ?? 0, keyframe);
    const isBack = this.position > position;
    if (isBack || this.position < nearest) {
      if (snapshot !== undefined && snapshot.events >= keyframe) {
        this.#columns = initialColumns(this.log.header);
        decodeState(snapshot.state, this.#columns, snapshot.events);
      } else this.#columns = await this.log.seek(keyframe);
    }
    // A step back is likely to be followed by another.
    if (isBack && position - this.position > NEAR_EVENTS) {
      await this.#fold(this.#columns, position - NEAR_EVENTS / 2);
      this.#keep();
    }
    await this.#fold(this.#columns, position);
  }

  /** Keeps the present state, and of those before as many as there is room for. */
  #keep(): void {
    const kept = [{ events: this.position, state: encodeState(this.#columns) }, ...this.#snapshots];
    let bytes = 0;
    this.#snapshots = kept.slice(0, SNAPSHOTS_KEPT).filter(({ state }) => {
      bytes += state.length;
      return bytes <= SNAPSHOT_BYTES;
    });
  }

  async #fold(columns: Columns, to: number): Promise<void> {
    const batches = this.#windows.forward(columns.counters.events, to);
    for await (const _ of foldBatches(this.log.path, columns, batches));
  }

  async #causeOf(batch: EventBatch, row: number): Promise<Cause> {
    const request = batch.requestAt(row);
    if (request === 0) return { by: (await this.#isOfBootPool(batch.firstSeq + row)) ? 'boot pool' : 'boot' };
    const event = await this.#requestOf(request, batch.firstSeq + row + 1);
    // The worker runs later, and its events carry the number of a request that is over.
    if (event === undefined || event.time !== batch.timeAt(row)) {
      // The name of an owner comes ahead of its first request.
      if (batch.typeAt(row) === TYPE.ownerRegistered) return this.#causeBehind(batch, row);
      return { by: 'worker', afterRequest: request };
    }
    const isAllocation = event.type === 'allocation-requested';
    const ofAllocation = 'allocation' in event ? this.ownerOf(event.allocation) : undefined;
    const owner = isAllocation ? this.owners[event.owner] : ofAllocation;
    return { by: 'request', event, ...(owner === undefined ? {} : { owner }) };
  }

  async #isOfBootPool(seq: number): Promise<boolean> {
    const bootPool = new BootPoolEvents(this.log.header);
    for await (const batch of this.#windows.forward(0, seq + 1)) observeAll(batch, [bootPool]);
    return bootPool.isCurrent;
  }

  async #causeBehind(batch: EventBatch, row: number): Promise<Cause> {
    const request = batch.requestAt(row);
    for await (const part of this.#windows.forward(batch.firstSeq + row, this.log.events)) {
      for (let at = 0; at < part.length && part.requestAt(at) === request; at++) {
        if (IS_REQUEST[part.typeAt(at)]) return { by: 'request', event: part.at(at) };
      }
      break;
    }
    return { by: 'worker', afterRequest: request };
  }

  /** The event of a request, at or before event `to` - 1. */
  async #requestOf(request: number, to: number): Promise<PoolEvent | undefined> {
    for await (const batch of this.#windows.backward(to)) {
      for (let row = batch.length - 1; row >= 0; row--) {
        if (batch.requestAt(row) < request) return undefined;
        if (IS_REQUEST[batch.typeAt(row)]) return batch.at(row);
      }
    }
    return undefined;
  }

  async #first(isHit: Hit, isStopped: () => boolean): Promise<number | undefined> {
    for await (const batch of this.#windows.forward(this.position, this.log.events)) {
      for (let row = 0; row < batch.length; row++) if (isHit(batch, row)) return batch.firstSeq + row;
      if (isStopped()) return undefined;
    }
    return undefined;
  }

  async #last(isHit: Hit, isStopped: () => boolean): Promise<number | undefined> {
    for await (const batch of this.#windows.backward(this.position - 1)) {
      for (let row = batch.length - 1; row >= 0; row--) if (isHit(batch, row)) return batch.firstSeq + row;
      if (isStopped()) return undefined;
    }
    return undefined;
  }

  /** Allocations after this place and before a hit are of other owners, so the state here knows the owner of every free. */
  #ownerAfter(text: string, isStopped: () => boolean): Promise<number | undefined> {
    const owners = new Set(matching(this.owners, text));
    const { lastAllocation } = this.#columns.counters;
    const { view } = this;
    return this.#first((batch, row) => {
      const type = batch.typeAt(row);
      if (type === TYPE.ownerRegistered) {
        const [number, name] = [batch.ownerAt(row), batch.names().get(row) ?? ''];
        if (isLike(name, text)) owners.add(number);
      }
      if (namesOwner(type)) return owners.has(batch.ownerAt(row));
      if (type !== TYPE.freeRequested || batch.allocationAt(row) > lastAllocation) return false;
      return owners.has(view.ownerOf(allocationId(batch.allocationAt(row))));
    }, isStopped);
  }

  async #ownerBefore(text: string, isStopped: () => boolean): Promise<number | undefined> {
    const owners = new Set(matching(this.owners, text));
    if (owners.size === 0) return undefined;
    for await (const batch of this.#windows.backward(this.position - 1)) {
      const found = await this.#ownerIn(batch, owners);
      if (found !== undefined || isStopped()) return found;
    }
    return undefined;
  }

  /** The last request of one of the owners in a batch. */
  async #ownerIn(batch: EventBatch, owners: ReadonlySet<number>): Promise<number | undefined> {
    const ownerOf = new Map<number, number>();
    for (let row = 0; row < batch.length; row++) {
      if (batch.typeAt(row) === TYPE.allocationRequested)
        ownerOf.set(batch.allocationAt(row), batch.ownerAt(row));
    }
    // Owners of earlier allocations are in the state before the batch.
    let before: StateView | undefined;
    for (let row = batch.length - 1; row >= 0; row--) {
      const type = batch.typeAt(row);
      if (namesOwner(type) && owners.has(batch.ownerAt(row))) return batch.firstSeq + row;
      if (type !== TYPE.freeRequested) continue;
      const allocation = batch.allocationAt(row);
      if (!ownerOf.has(allocation)) before ??= (await this.log.seek(batch.firstSeq)).view();
      const owner = ownerOf.get(allocation) ?? before?.ownerOf(allocationId(allocation));
      if (owner !== undefined && owners.has(owner)) return batch.firstSeq + row;
    }
    return undefined;
  }
}

type Hit = (batch: EventBatch, row: number) => boolean;

const namesOwner = (type: number): boolean => type === TYPE.allocationRequested || type === TYPE.pagesLeaked;

const isLike = (name: string, text: string): boolean => name.toLowerCase().includes(text.toLowerCase());

const matching = (owners: readonly string[], text: string): number[] =>
  owners.flatMap((name, number) => (isLike(name, text) ? [number] : []));

/** Throws InputError unless `position` is one of the log's. */
export function expectPosition(log: OpenLog, position: number): void {
  if (position <= log.events) return;
  throw new InputError(`position ${position}: expected at most ${log.events}, where the log ends`);
}
