import { type AllocateRequest, type AllocationId, nanoseconds, type Request } from '@decpool/model';
import { RequestList } from '../workloads/request-list.ts';
import type { SanityReport, UnparsedLine } from './sanity.ts';
import type { Timestamp } from './timestamps.ts';

const FIRST_UNPARSED = 3;

/**
 * What an importer writes into: well-formed requests, and the count of everything else. An importer says what a
 * line means with one call; the names of the trace (a pfn, an id) are translated to allocation ids here.
 */
export class TraceRequests {
  readonly #list = new RequestList();
  readonly #live = new Map<number, AllocationId>();
  readonly #ignored = new Map<string, number>();
  readonly #unparsed: UnparsedLine[] = [];
  readonly #notes: string[] = [];
  #start: Timestamp | undefined;
  #now = nanoseconds(0);
  #linesRead = 0;
  #unparsedCount = 0;
  #timeWentBack = 0;
  #allocations = 0;
  #frees = 0;
  #failed = 0;
  #freesWithoutAlloc = 0;
  #doubleAllocs = 0;

  lineRead(): void {
    this.#linesRead++;
  }

  /** `key` names the memory from now until free(key). If it is still allocated, its missing free comes first. */
  allocate(
    key: number,
    at: Timestamp,
    wanted: Pick<AllocateRequest, 'api' | 'pages' | 'bytes' | 'owner'>,
  ): void {
    this.#advance(at);
    const older = this.#live.get(key);
    if (older !== undefined) {
      this.#doubleAllocs++;
      this.#free(key, older);
    }
    this.#live.set(key, this.#list.allocate(this.#now, wanted));
    this.#allocations++;
  }

  free(key: number, at: Timestamp): void {
    const allocation = this.#live.get(key);
    if (allocation === undefined) {
      this.#freesWithoutAlloc++;
      return;
    }
    this.#advance(at);
    this.#free(key, allocation);
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

  /** Something that a reader of a comparison must know. */
  note(text: string): void {
    this.#notes.push(text);
  }

  get requests(): readonly Request[] {
    return this.#list.requests;
  }

  get notes(): readonly string[] {
    if (this.#timeWentBack === 0) return this.#notes;
    return [
      ...this.#notes,
      `${this.#timeWentBack} requests carry an earlier time than the one before; they were moved up to it`,
    ];
  }

  report(): SanityReport {
    return {
      linesRead: this.#linesRead,
      requests: this.#allocations,
      frees: this.#frees,
      failedAllocations: this.#failed,
      freesWithoutAlloc: this.#freesWithoutAlloc,
      doubleAllocs: this.#doubleAllocs,
      liveAtEnd: this.#live.size,
      unparsed: { count: this.#unparsedCount, first: [...this.#unparsed] },
      ignored: Object.fromEntries(this.#ignored),
    };
  }

  #free(key: number, allocation: AllocationId): void {
    this.#list.free(this.#now, allocation);
    this.#live.delete(key);
    this.#frees++;
  }

  #advance(at: Timestamp): void {
    this.#start ??= at;
    const time = Number(at - this.#start);
    if (time < this.#now) this.#timeWentBack++;
    else this.#now = nanoseconds(time);
  }
}
