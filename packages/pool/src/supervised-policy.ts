/**
 * The engine calls a policy through SupervisedPolicy: the policy's recorder works only while it decides, every call is checked
 * first, and at the end the request must be decided. A PolicyError names the policy, the request and the call.
 */
import {
  type AllocateRequest,
  type AllocationId,
  type Extent,
  type FailureReason,
  type FreeRequest,
  GFP_KERNEL,
  InvariantError,
  MAX_PAGE_ORDER,
  orderFor,
  type Pfn,
  type StateView,
} from '@decpool/model';
import { FAILURE_REASONS } from '@decpool/model/internal';
import { type EventRecorder, NO_ALLOCATION, type ZoneRange } from './event-recorder.ts';
import { CLAIM_TYPES, type ClaimType } from './page-allocator/migratetypes.ts';
import { CLAIM_EFFORTS, type ClaimEffort } from './page-source/claim-effort.ts';
import type { BlockRange, ConversionResult, Policy, Recorder } from './policy.ts';
import { PolicyError, type PolicyRule } from './policy-error.ts';
import type { SlabCache } from './slab/slab-cache.ts';

export class SupervisedPolicy {
  readonly name: string;
  readonly #policy: Policy;
  readonly #view: StateView;
  readonly #events: EventRecorder;
  readonly #turn: Turn;
  readonly #record: Recorder;

  constructor(policy: Policy, events: EventRecorder) {
    this.name = policy.name;
    this.#policy = policy;
    this.#view = events.view;
    this.#events = events;
    this.#turn = new Turn(policy.name, events.view);
    this.#record = new PolicyRecorder(events, this.#turn, () =>
      policy.leaksAtOnce === true ? 0 : events.setMemory.retries,
    );
  }

  /** Has the policy serve the request for which the recorder has begun. Returns whether it did; else it refused. */
  allocate(request: AllocateRequest): boolean {
    this.#turn.decides = request;
    try {
      this.#policy.allocate(request, this.#view, this.#record);
      this.#expectDecided(request);
      return !this.#events.isRefused;
    } finally {
      this.#turn.decides = undefined;
    }
  }

  free(request: FreeRequest): void {
    const { allocation, gfp = GFP_KERNEL } = request;
    this.#events.begin(allocation, gfp);
    this.#turn.decides = request;
    try {
      this.#policy.free(request, this.#view, this.#record);
      if (this.#view.extentCount(allocation) !== 0) {
        throw this.#turn.broken('free', 'left unfinished: it still has extents');
      }
    } finally {
      this.#turn.decides = undefined;
    }
  }

  work(range: ZoneRange): void {
    this.#events.begin(NO_ALLOCATION, GFP_KERNEL, range);
    this.#turn.decides = 'deferred worker';
    try {
      this.#policy.work?.(this.#view, this.#record);
    } finally {
      this.#turn.decides = undefined;
    }
  }

  /** Calls the shrinker, if the policy has one. Returns whether it gave pages back. */
  shrink(): boolean {
    this.#events.isMemoryLow = false;
    if (this.#policy.shrink === undefined) return false;
    const before = this.#view.counter('claimedPages');
    this.#events.begin(NO_ALLOCATION, GFP_KERNEL);
    this.#turn.decides = 'shrinker';
    try {
      this.#policy.shrink(this.#view, this.#record);
    } finally {
      this.#turn.decides = undefined;
    }
    return this.#view.counter('claimedPages') < before;
  }

  // Asked with every request, so without try and finally: after a question that throws the engine asks no more.

  cacheFor(request: AllocateRequest): SlabCache | undefined {
    this.#turn.question = 'cacheFor()';
    const cache = this.#policy.cacheFor?.(request);
    this.#turn.question = undefined;
    return cache;
  }

  freesWithoutSleeping(allocation: AllocationId): boolean {
    this.#turn.question = 'freesWithoutSleeping()';
    const answer = this.#policy.freesWithoutSleeping?.(allocation);
    this.#turn.question = undefined;
    return answer === true;
  }

  get triesSwiotlbFirst(): boolean {
    return this.#policy.triesSwiotlbFirst === true;
  }

  get replacesAtomicPools(): boolean {
    return this.#policy.replacesAtomicPools === true;
  }

  get keepsZonesReady(): boolean {
    return this.#policy.keepsZonesReady === true;
  }

  get atomicPoolPages(): number | undefined {
    return this.#policy.atomicPoolPages;
  }

  hasWork(range: BlockRange): boolean {
    this.#turn.question = 'hasWork()';
    const answer = this.#policy.hasWork?.(range);
    this.#turn.question = undefined;
    return answer === true;
  }

  /** Simulated ns; infinity: not at all. */
  workDueAt(): number {
    this.#turn.question = 'workDueAt()';
    const time = this.#policy.workDueAt?.();
    this.#turn.question = undefined;
    return time ?? Number.POSITIVE_INFINITY;
  }

  /** Served in full, in one piece where that matters, or refused. */
  #expectDecided({ pages, api }: AllocateRequest): void {
    const { servedPages, servedExtents, servedStart, isRefused } = this.#events;
    if (servedPages < pages) {
      if (isRefused) return;
      throw this.#turn.broken(
        'decided',
        `neither served nor refused: it got ${servedPages} of ${pagesText(pages)}`,
      );
    }
    const maxPages = api === 'vmalloc' ? pages : 1 << orderFor(pages);
    if (servedPages > maxPages) {
      throw this.#turn.broken('size', `it got ${servedPages} pages, and takes ${maxPages} at the most`);
    }
    if (api === 'vmalloc' || (servedExtents === 1 && servedStart % (1 << orderFor(pages)) === 0)) return;
    throw this.#turn.broken('contiguous', 'its pages are not contiguous and naturally aligned');
  }
}

/** What the policy is called for now. */
class Turn {
  readonly #policy: string;
  readonly #view: StateView;
  /** The recorder is open while this is set. */
  decides: AllocateRequest | FreeRequest | 'deferred worker' | 'shrinker' | undefined;
  /** The question that the policy answers now. The recorder stays closed. */
  question: string | undefined;

  constructor(policy: string, view: StateView) {
    this.#policy = policy;
    this.#view = view;
  }

  expectOpen(): void {
    if (this.decides !== undefined) return;
    throw this.broken('in-time', 'the recorder was used while nothing was to be decided');
  }

  broken(rule: PolicyRule, why: string): PolicyError {
    const what = this.#what();
    return new PolicyError(rule, what === undefined ? why : `policy '${this.#policy}', ${what}: ${why}`);
  }

  #what(): string | undefined {
    const number = this.#view.counter('requests');
    const decides = this.decides;
    if (this.question !== undefined) return `${this.question} at request ${number}`;
    if (decides === undefined) return undefined;
    if (typeof decides === 'string') return `the ${decides} after request ${number}`;
    if (decides.kind === 'allocate') {
      const { api, pages, owner } = decides;
      return `request ${number} (${api} of ${pagesText(pages)} for '${owner}')`;
    }
    const { owner } = this.#view.allocation(decides.allocation);
    return `request ${number} (free of allocation ${decides.allocation} of '${owner}')`;
  }
}

type Result<Call extends 'decrypt' | 'encrypt' | 'decryptArea' | 'encryptArea'> = ReturnType<Recorder[Call]>;

/** The Recorder as a policy holds it: the calls of the interface and nothing else. */
class PolicyRecorder implements Recorder {
  readonly #events: EventRecorder;
  readonly #view: StateView;
  readonly #turn: Turn;
  readonly #retries: () => number;
  readonly #spanPages: number;
  readonly #pagesPerBlock: number;

  constructor(events: EventRecorder, turn: Turn, retries: () => number) {
    this.#events = events;
    this.#view = events.view;
    this.#turn = turn;
    this.#retries = retries;
    this.#spanPages = events.view.geometry.spanPages;
    this.#pagesPerBlock = events.view.geometry.pagesPerBlock;
    Object.freeze(this);
  }

  get mayConvert(): boolean {
    this.#turn.expectOpen();
    return this.#events.mayConvert;
  }

  get time(): number {
    this.#turn.expectOpen();
    return this.#events.time;
  }

  get reach(): BlockRange {
    this.#turn.expectOpen();
    return this.#events.reach;
  }

  get zones(): readonly BlockRange[] {
    this.#turn.expectOpen();
    return this.#events.zones;
  }

  claim(order: number, migratetype?: ClaimType, effort?: ClaimEffort): Pfn | -1 {
    this.#turn.expectOpen();
    if (!Number.isInteger(order) || order < 0 || order > MAX_PAGE_ORDER) {
      throw this.#turn.broken('arguments', `claim(${order}): orders run from 0 to ${MAX_PAGE_ORDER}`);
    }
    if (migratetype !== undefined && !CLAIM_TYPES.includes(migratetype)) {
      const known = CLAIM_TYPES.join(', ');
      throw this.#turn.broken('arguments', `claim(${order}, '${migratetype}'): migratetypes are ${known}`);
    }
    if (effort !== undefined && !CLAIM_EFFORTS.includes(effort)) {
      const known = CLAIM_EFFORTS.join(', ');
      throw this.#turn.broken('arguments', `claim(${order}, ..., '${effort}'): efforts are ${known}`);
    }
    return this.#events.claim(order, migratetype, effort);
  }

  giveBack(start: Pfn, pages: number): void {
    this.#expectRun('giveBack', start, pages);
    if (!isOneChunk(start, pages)) this.#expectReturnable(start, pages);
    try {
      this.#events.giveBack(start, pages);
    } catch (error) {
      throw this.#refusal(error, 'give-back', 'giveBack', start, pages);
    }
  }

  /** A run of several chunks is checked before the first is returned: then none is returned if one must not be. */
  #expectReturnable(start: Pfn, pages: number): void {
    for (const fact of ['shared', 'unknown', 'allocated'] as const) {
      const page = this.#view.firstWhereNot(fact, false, start, pages);
      if (page !== -1)
        throw this.#broken('give-back', 'giveBack', start, pages, `page ${page} ${FORBIDDEN[fact]}`);
    }
    const page = this.#view.firstWhereNot('claimed', true, start, pages);
    if (page !== -1) throw this.#broken('give-back', 'giveBack', start, pages, `page ${page} is not claimed`);
  }

  decrypt(start: Pfn, pages: number): ConversionResult {
    return this.#convert('decrypt', start, pages);
  }

  encrypt(start: Pfn, pages: number): 'converted' | 'leaked' {
    return this.#convert('encrypt', start, pages);
  }

  #convert<Call extends 'decrypt' | 'encrypt'>(call: Call, start: Pfn, pages: number): Result<Call> {
    this.#expectConversion(call, start, pages);
    try {
      return this.#events.setMemory[call](start, pages, this.#retries()) as Result<Call>;
    } catch (error) {
      throw this.#refusal(error, 'convert', call, start, pages);
    }
  }

  decryptArea(runs: readonly Extent[]): ConversionResult {
    return this.#convertArea('decryptArea', runs);
  }

  encryptArea(runs: readonly Extent[]): 'converted' | 'leaked' {
    return this.#convertArea('encryptArea', runs);
  }

  #convertArea<Call extends 'decryptArea' | 'encryptArea'>(
    call: Call,
    runs: readonly Extent[],
  ): Result<Call> {
    const pages = this.#expectArea(call, runs);
    try {
      return this.#events.setMemory[call](runs, this.#retries()) as Result<Call>;
    } catch (error) {
      throw this.#refusal(error, 'convert', call, runs[0].pfn, pages);
    }
  }

  allocate(start: Pfn, pages: number): void {
    this.#expectRun('allocate', start, pages);
    const { firstBlock, endBlock } = this.#events.reach;
    const first = firstBlock * this.#pagesPerBlock;
    const end = endBlock * this.#pagesPerBlock;
    if (start < first || start + pages > end) {
      const why = `the request may lie in pages ${first} to ${end} only`;
      throw this.#broken('reach', 'allocate', start, pages, why);
    }
    try {
      this.#events.allocate(start, pages);
    } catch (error) {
      throw this.#refusal(error, 'allocate', 'allocate', start, pages);
    }
  }

  free(start: Pfn, pages: number): void {
    this.#expectRun('free', start, pages);
    try {
      this.#events.free(start, pages);
    } catch (error) {
      throw this.#refusal(error, 'free', 'free', start, pages);
    }
  }

  fail(reason: FailureReason): void {
    this.#turn.expectOpen();
    if (!FAILURE_REASONS.includes(reason)) {
      throw this.#turn.broken('arguments', `fail('${reason}'): reasons are ${FAILURE_REASONS.join(', ')}`);
    }
    try {
      this.#events.fail(reason);
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      throw this.#turn.broken('fail', `fail('${reason}'): ${error.why}`);
    }
  }

  refilled(pages: number): void {
    this.#turn.expectOpen();
    if (!Number.isInteger(pages) || pages < 1 || pages > this.#spanPages) {
      throw this.#turn.broken('arguments', `refilled(${pages}): pages are whole numbers from 1`);
    }
    this.#events.refilled(pages);
  }

  #expectRun(call: string, start: number, pages: number): void {
    this.#turn.expectOpen();
    const isRun =
      Number.isInteger(start) &&
      Number.isInteger(pages) &&
      start >= 0 &&
      pages >= 1 &&
      start + pages <= this.#spanPages;
    if (isRun) return;
    const why = `runs are of whole pages, at least one, in 0 to ${this.#spanPages}`;
    throw this.#broken('arguments', call, start, pages, why);
  }

  #expectConversion(call: string, start: number, pages: number): void {
    this.#expectRun(call, start, pages);
    if (this.#events.mayConvert) return;
    const why = 'the pages were to be converted for a caller that may not sleep';
    throw this.#broken('may-sleep', call, start, pages, why);
  }

  /** Returns how many pages the area has. */
  #expectArea(call: string, runs: readonly Extent[]): number {
    this.#turn.expectOpen();
    if (!Array.isArray(runs) || runs.length === 0) {
      throw this.#turn.broken('arguments', `${call}(): an area is an array of runs, at least one`);
    }
    let sum = 0;
    for (const { pfn, pages } of runs as readonly Extent[]) {
      this.#expectConversion(call, pfn, pages);
      sum += pages;
    }
    return sum;
  }

  /** What the model refuses, as a broken rule of the call; another error as it is. */
  #refusal(error: unknown, rule: PolicyRule, call: string, start: number, pages: number): unknown {
    return error instanceof InvariantError ? this.#broken(rule, call, start, pages, error.why) : error;
  }

  #broken(rule: PolicyRule, call: string, start: number, pages: number, why: string): PolicyError {
    return this.#turn.broken(rule, `${call}(${start}, ${pages}): ${why}`);
  }
}
Object.freeze(PolicyRecorder.prototype);

const FORBIDDEN = {
  shared: 'is shared',
  unknown: 'is in an unknown state',
  allocated: 'is in an allocation',
} as const;

/** Whether a run is returned as one chunk of the page allocator. */
const isOneChunk = (start: number, pages: number): boolean =>
  pages <= 1 << MAX_PAGE_ORDER && (pages & (pages - 1)) === 0 && (start & (pages - 1)) === 0;

const pagesText = (pages: number): string => `${pages} ${pages === 1 ? 'page' : 'pages'}`;
