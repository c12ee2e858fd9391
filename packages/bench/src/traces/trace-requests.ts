import type { Migratetype } from '@decpool/model';
import { type AllocationId, type Nanoseconds, nanoseconds, type Request } from '@decpool/model';
import { flatCopy } from '../text/flat-copy.ts';
import { type LateFree, onCpu, RequestStream, type Wanted, withFrees } from '../workloads/request-list.ts';
import type { Timestamp } from './events/timestamps.ts';
import type { SanityReport, UnparsedLine } from './sanity.ts';

const UNPARSED_SHOWN = 3;

/** How a trace names memory: a number as its pfn, or a text as a device and an address. */
type TraceKey = number | string;

/**
 * Where a trace reader writes its requests and counts all other lines. Names of the trace (a pfn, a pointer) become allocation
 * ids.
 */
export class TraceRequests {
  readonly #collected: Request[] = [];
  readonly #list: RequestStream;
  readonly #owners = new Map<string, string>();
  /** A name of the trace is in one of these at most. */
  readonly #live = new Map<TraceKey, { readonly allocation: AllocationId; readonly time: Nanoseconds }>();
  readonly #liveBackground = new Map<TraceKey, number>();
  /** Frees that the trace does not record, at their assumed time. They join the requests at the end. */
  readonly #assumedFrees: LateFree[] = [];
  readonly #ignored = new Map<string, number>();
  readonly #notes: string[] = [];
  /** What hint() was told. */
  readonly hints: string[] = [];
  readonly #counts = {
    linesRead: 0,
    requests: 0,
    frees: 0,
    failedAllocations: 0,
    freesWithoutAlloc: 0,
    doubleAllocs: 0,
    groupedFrees: 0,
    lostEvents: 0,
  };
  readonly #background = { allocations: 0, frees: 0 };
  readonly #unparsed = { count: 0, first: [] as UnparsedLine[] };
  #start: Timestamp | undefined;
  #now = nanoseconds(0);
  #cpu = 0;
  #outOfOrder = 0;

  /** `to` gets each request as soon as it is known. Default: they are kept for `requests`. */
  constructor(to?: (request: Request) => void) {
    this.#list = new RequestStream(to ?? ((request) => void this.#collected.push(request)));
  }

  /** Counts a line. The calls after it are about this line. */
  lineRead(): void {
    this.#counts.linesRead++;
  }

  /** The requests of the line are made on this CPU. Default: CPU 0. */
  runOn(cpu: number): void {
    this.#cpu = cpu;
  }

  /** `key` names the memory from now until free(key). If it is still allocated, its missing free comes first. */
  allocate(key: TraceKey, at: Timestamp, wanted: Wanted): void {
    this.missedFree(key, at);
    const allocation = this.#list.allocate(this.#now, {
      ...wanted,
      owner: this.#owner(wanted.owner),
      ...onCpu(this.#cpu),
    });
    this.#live.set(typeof key === 'string' ? flatCopy(key) : key, { allocation, time: this.#now });
    this.#counts.requests++;
  }

  /** The trace does not record the free of this memory: it is freed `lifetime` ns after its allocation. */
  assumeFree(key: TraceKey, lifetime: number): void {
    const live = this.#live.get(key);
    if (live === undefined) return;
    this.#live.delete(key);
    this.#assumedFrees.push({ time: nanoseconds(live.time + lifetime), allocation: live.allocation });
    this.#counts.frees++;
  }

  /** As allocate(), for 2^order pages of other users of the page allocator. */
  backgroundAllocate(key: TraceKey, at: Timestamp, order: number, migratetype: Migratetype): void {
    this.missedFree(key, at);
    this.#liveBackground.set(key, this.#list.backgroundAllocate(this.#now, order, migratetype, this.#cpu));
    this.#background.allocations++;
  }

  /** Frees what allocate() or backgroundAllocate() allocated. Only counted if `key` is not allocated. */
  free(key: TraceKey, at: Timestamp): void {
    if (this.#isLive(key)) {
      this.#advance(at);
      this.#free(key, this.#cpu);
    } else this.#counts.freesWithoutAlloc++;
  }

  /** As free(), for memory that one line frees. */
  freeGroup(keys: readonly TraceKey[], at: Timestamp): void {
    for (const key of keys) this.free(key, at);
    this.#counts.groupedFrees += keys.length - 1;
  }

  /** As free(), if the line of the allocation says its end, too. */
  freeOfAllocationLine(key: TraceKey, at: Timestamp): void {
    this.free(key, at);
    this.#counts.groupedFrees++;
  }

  /** If `key` is still allocated, its free was not recorded: frees it, because other memory has its place now. */
  missedFree(key: TraceKey, at: Timestamp): void {
    this.#advance(at);
    if (!this.#isLive(key)) return;
    this.#counts.doubleAllocs++;
    // Nobody knows where.
    this.#free(key, 0);
  }

  /** The frees of assumeFree(), for those who collect the requests. They belong among the requests, as by withFrees(). */
  get lateFrees(): readonly LateFree[] {
    return this.#assumedFrees;
  }

  /** The recorded kernel could not serve a request. */
  failed(): void {
    this.#counts.failedAllocations++;
  }

  /** Events that the recorder lost, by its own report. */
  lost(events: number): void {
    this.#counts.lostEvents += events;
  }

  get lostEvents(): number {
    return this.#counts.lostEvents;
  }

  /** A line, or `lines` of them, that is well-formed and no request. */
  ignore(kind: string, lines = 1): void {
    this.#ignored.set(kind, (this.#ignored.get(kind) ?? 0) + lines);
  }

  unparsed(text: string, reason: string): void {
    const { first } = this.#unparsed;
    if (first.length < UNPARSED_SHOWN) first.push({ line: this.#counts.linesRead, text, reason });
    this.#unparsed.count++;
  }

  /** A sentence for readers of a comparison. */
  note(text: string): void {
    this.#notes.push(text);
  }

  /** A note that also goes with the refusal of a trace without requests. */
  hint(text: string): void {
    this.hints.push(text);
    this.note(text);
  }

  /** All of them, after the last line. */
  get requests(): readonly Request[] {
    return [...withFrees(this.#collected, this.#assumedFrees)];
  }

  get notes(): readonly string[] {
    if (this.#outOfOrder === 0) return this.#notes;
    return [
      ...this.#notes,
      `${this.#outOfOrder} requests were moved to the time of the request before. Their own time is earlier than that, or more than 104 days after the first.`,
    ];
  }

  report(): SanityReport {
    const { requests, frees } = this.#counts;
    const { allocations, frees: backgroundFrees } = this.#background;
    return {
      ...this.#counts,
      assumedFrees: this.#assumedFrees.length,
      background: { ...this.#background, liveAtEnd: allocations - backgroundFrees },
      liveAtEnd: requests - frees,
      unparsed: this.#unparsed,
      ignored: Object.fromEntries(this.#ignored),
    };
  }

  /** One string for all requests of an owner. */
  #owner(name: string): string {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const copy = flatCopy(name);
    this.#owners.set(copy, copy);
    return copy;
  }

  #isLive(key: TraceKey): boolean {
    return this.#live.has(key) || this.#liveBackground.has(key);
  }

  #free(key: TraceKey, cpu: number): void {
    const live = this.#live.get(key);
    const background = this.#liveBackground.get(key);
    if (live !== undefined) {
      this.#live.delete(key);
      this.#list.free(this.#now, live.allocation, undefined, cpu);
      this.#counts.frees++;
    } else if (background !== undefined) {
      this.#liveBackground.delete(key);
      this.#list.backgroundFree(this.#now, background, cpu);
      this.#background.frees++;
    }
  }

  #advance(at: Timestamp): void {
    this.#start ??= at;
    const time = Number(at - this.#start);
    if (time < this.#now || time > Number.MAX_SAFE_INTEGER) {
      this.#outOfOrder++;
      return;
    }
    this.#now = nanoseconds(time);
  }
}
