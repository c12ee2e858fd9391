import {
  type AllocationId,
  type Migratetype,
  type Nanoseconds,
  nanoseconds,
  type Request,
} from '@decpool/model';
import { RequestList, type Wanted } from '../workloads/request-list.ts';
import type { Timestamp } from './events/timestamps.ts';
import type { SanityReport, UnparsedLine } from './sanity.ts';

const FIRST_UNPARSED = 3;

/** How a trace names memory: a number as its pfn, or a text as a device and an address. */
export type TraceKey = number | string;

/** Others' page allocation: see BackgroundRequest. */
export interface BackgroundChunk {
  /** 2^order pages. */
  readonly order: number;
  readonly migratetype: Migratetype;
}

/** A free that the trace does not record, and when it is taken to be. */
interface AssumedFree {
  readonly time: Nanoseconds;
  readonly allocation: AllocationId;
}

/**
 * What an importer writes into: well-formed requests, and the count of everything else. An importer says what a
 * line means with one call; the names of the trace (a pfn, an id) are translated to allocation ids here.
 */
export class TraceRequests {
  readonly #list = new RequestList();
  readonly #live = new Map<TraceKey, AllocationId>();
  /** Others' pages: the key that RequestList gave them. A name of the trace is here or in #live, not in both. */
  readonly #background = new Map<TraceKey, number>();
  /** By time; those before #assumed are done. */
  readonly #assumedFrees: AssumedFree[] = [];
  #assumed = 0;
  readonly #ignored = new Map<string, number>();
  readonly #unparsed: UnparsedLine[] = [];
  readonly #notes: string[] = [];
  #start: Timestamp | undefined;
  #now = nanoseconds(0);
  #linesRead = 0;
  #unparsedCount = 0;
  #outOfTime = 0;
  #allocations = 0;
  #frees = 0;
  #backgroundAllocations = 0;
  #backgroundFrees = 0;
  #failed = 0;
  #freesWithoutAlloc = 0;
  #doubleAllocs = 0;

  lineRead(): void {
    this.#linesRead++;
  }

  /** `key` names the memory from now until free(key). If it is still allocated, its missing free comes first. */
  allocate(key: TraceKey, at: Timestamp, wanted: Wanted): void {
    this.#advance(at);
    this.#freeIfLive(key);
    this.#live.set(key, this.#list.allocate(this.#now, wanted));
    this.#allocations++;
  }

  /**
   * Memory whose free the trace does not record: it is taken to be `lifetime` ns after. All calls give the same
   * lifetime.
   */
  allocateFor(lifetime: number, at: Timestamp, wanted: Wanted): void {
    this.#advance(at);
    const allocation = this.#list.allocate(this.#now, wanted);
    this.#assumedFrees.push({ time: nanoseconds(this.#now + lifetime), allocation });
    this.#allocations++;
  }

  /** As allocate(), for pages that others take from the page allocator. */
  backgroundAllocate(key: TraceKey, at: Timestamp, { order, migratetype }: BackgroundChunk): void {
    this.#advance(at);
    this.#freeIfLive(key);
    this.#background.set(key, this.#list.backgroundAllocate(this.#now, order, migratetype));
    this.#backgroundAllocations++;
  }

  /** The end of what allocate() or backgroundAllocate() began; counted when there was none. */
  free(key: TraceKey, at: Timestamp): void {
    if (!this.#isLive(key)) {
      this.#freesWithoutAlloc++;
      return;
    }
    this.#advance(at);
    this.#free(key);
  }

  /** The memory of `key` was freed unseen before this time: some of it is allocated anew. */
  missedFree(key: TraceKey, at: Timestamp): void {
    this.#advance(at);
    this.#freeIfLive(key);
  }

  /** After the last line: the frees of allocateFor() that are still to come. */
  end(): void {
    this.#freeAssumed(Number.POSITIVE_INFINITY);
  }

  /** The recorded kernel could not serve a request. */
  failed(): void {
    this.#failed++;
  }

  /** A line, or `lines` of them, that is understood and no request. */
  ignore(kind: string, lines = 1): void {
    this.#ignored.set(kind, (this.#ignored.get(kind) ?? 0) + lines);
  }

  unparsed(line: number, text: string, reason: string): void {
    this.#unparsedCount++;
    if (this.#unparsed.length < FIRST_UNPARSED) this.#unparsed.push({ line, text, reason });
  }

  /** A sentence for readers of a comparison. */
  note(text: string): void {
    this.#notes.push(text);
  }

  get requests(): readonly Request[] {
    return this.#list.requests;
  }

  get notes(): readonly string[] {
    if (this.#outOfTime === 0) return this.#notes;
    return [
      ...this.#notes,
      `${this.#outOfTime} requests were moved to the time of the request before. Their own time is earlier than that, or more than 104 days after the first.`,
    ];
  }

  report(): SanityReport {
    return {
      linesRead: this.#linesRead,
      requests: this.#allocations,
      frees: this.#frees,
      background: {
        allocations: this.#backgroundAllocations,
        frees: this.#backgroundFrees,
        liveAtEnd: this.#backgroundAllocations - this.#backgroundFrees,
      },
      failedAllocations: this.#failed,
      freesWithoutAlloc: this.#freesWithoutAlloc,
      doubleAllocs: this.#doubleAllocs,
      assumedFrees: this.#assumed,
      liveAtEnd: this.#allocations - this.#frees,
      unparsed: { count: this.#unparsedCount, first: [...this.#unparsed] },
      ignored: Object.fromEntries(this.#ignored),
    };
  }

  #isLive(key: TraceKey): boolean {
    return this.#live.has(key) || this.#background.has(key);
  }

  #freeIfLive(key: TraceKey): void {
    if (!this.#isLive(key)) return;
    this.#doubleAllocs++;
    this.#free(key);
  }

  #free(key: TraceKey): void {
    const allocation = this.#live.get(key);
    if (allocation !== undefined) {
      this.#live.delete(key);
      this.#list.free(this.#now, allocation);
      this.#frees++;
      return;
    }
    const others = this.#background.get(key);
    if (others === undefined) return;
    this.#background.delete(key);
    this.#list.backgroundFree(this.#now, others);
    this.#backgroundFrees++;
  }

  #advance(at: Timestamp): void {
    this.#start ??= at;
    const time = Number(at - this.#start);
    if (time < this.#now || time > Number.MAX_SAFE_INTEGER) {
      this.#outOfTime++;
      return;
    }
    this.#freeAssumed(time);
    this.#now = nanoseconds(time);
  }

  /** The assumed frees up to this time. */
  #freeAssumed(until: number): void {
    while (this.#assumed < this.#assumedFrees.length) {
      const { time, allocation } = this.#assumedFrees[this.#assumed];
      if (time > until) return;
      this.#now = time;
      this.#list.free(time, allocation);
      this.#assumed++;
      this.#frees++;
    }
  }
}
