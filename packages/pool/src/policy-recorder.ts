/**
 * The Recorder as a policy holds it: the calls of the interface, and nothing else of what the engine records with. A call
 * that breaks a rule is told with its arguments, before it does harm.
 */
import {
  type Extent,
  FAILURE_REASONS,
  type FailureReason,
  InvariantError,
  MAX_PAGE_ORDER,
  MIGRATETYPES,
  type Migratetype,
  type Pfn,
  type StateView,
} from '@decpool/model';
import type { EventRecorder } from './event-recorder.ts';
import type { BlockRange, ConversionResult, Recorder } from './policy.ts';
import { PolicyError, type PolicyRule } from './policy-error.ts';

/** Whether a policy is deciding. Not the policy's to open. */
export interface Gate {
  isOpen: boolean;
}

export class PolicyRecorder implements Recorder {
  readonly #target: EventRecorder;
  readonly #view: StateView;
  readonly #gate: Gate;
  readonly #spanPages: number;
  readonly #pagesPerBlock: number;

  constructor(target: EventRecorder, view: StateView, gate: Gate) {
    this.#target = target;
    this.#view = view;
    this.#gate = gate;
    this.#spanPages = view.geometry.spanPages;
    this.#pagesPerBlock = view.geometry.pagesPerBlock;
    Object.freeze(this);
  }

  get mayConvert(): boolean {
    this.#expectOpen();
    return this.#target.mayConvert;
  }

  get time(): number {
    this.#expectOpen();
    return this.#target.time;
  }

  get reach(): BlockRange {
    this.#expectOpen();
    return this.#target.reach;
  }

  claim(order: number, migratetype?: Migratetype): Pfn | -1 {
    this.#expectOpen();
    if (!Number.isInteger(order) || order < 0 || order > MAX_PAGE_ORDER) {
      throw new PolicyError('arguments', `claim(${order}): orders run from 0 to ${MAX_PAGE_ORDER}`);
    }
    if (migratetype !== undefined && !MIGRATETYPES.includes(migratetype)) {
      const known = MIGRATETYPES.join(', ');
      throw new PolicyError('arguments', `claim(${order}, '${migratetype}'): migratetypes are ${known}`);
    }
    return this.#target.claim(order, migratetype);
  }

  giveBack(start: Pfn, pages: number): void {
    this.#expectRun('giveBack', start, pages);
    // Asked for the whole run: it goes back in chunks, and the last must not be the first to be refused.
    for (const fact of ['shared', 'unknown', 'allocated'] as const) {
      const page = this.#view.firstWhereNot(fact, false, start, pages);
      if (page !== -1) throw broken('give-back', 'giveBack', start, pages, `page ${page} ${FORBIDDEN[fact]}`);
    }
    const page = this.#view.firstWhereNot('claimed', true, start, pages);
    if (page !== -1) throw broken('give-back', 'giveBack', start, pages, `page ${page} is not claimed`);
    this.#target.giveBack(start, pages);
  }

  decrypt(start: Pfn, pages: number): ConversionResult {
    this.#expectRun('decrypt', start, pages);
    this.#expectMayConvert('decrypt', start, pages);
    try {
      return this.#target.decrypt(start, pages);
    } catch (error) {
      throw refusal(error, 'convert', 'decrypt', start, pages);
    }
  }

  encrypt(start: Pfn, pages: number): 'converted' | 'leaked' {
    this.#expectRun('encrypt', start, pages);
    this.#expectMayConvert('encrypt', start, pages);
    try {
      return this.#target.encrypt(start, pages);
    } catch (error) {
      throw refusal(error, 'convert', 'encrypt', start, pages);
    }
  }

  decryptArea(runs: readonly Extent[]): ConversionResult {
    this.#expectArea('decryptArea', runs);
    try {
      return this.#target.decryptArea(runs);
    } catch (error) {
      throw refusal(error, 'convert', 'decryptArea', runs[0].pfn, pagesIn(runs));
    }
  }

  encryptArea(runs: readonly Extent[]): 'converted' | 'leaked' {
    this.#expectArea('encryptArea', runs);
    try {
      return this.#target.encryptArea(runs);
    } catch (error) {
      throw refusal(error, 'convert', 'encryptArea', runs[0].pfn, pagesIn(runs));
    }
  }

  allocate(start: Pfn, pages: number): void {
    this.#expectRun('allocate', start, pages);
    const { firstBlock, endBlock } = this.#target.reach;
    const first = firstBlock * this.#pagesPerBlock;
    const end = endBlock * this.#pagesPerBlock;
    if (start < first || start + pages > end) {
      throw broken('reach', 'allocate', start, pages, `the request may lie in pages ${first} to ${end} only`);
    }
    try {
      this.#target.allocate(start, pages);
    } catch (error) {
      throw refusal(error, 'allocate', 'allocate', start, pages);
    }
  }

  free(start: Pfn, pages: number): void {
    this.#expectRun('free', start, pages);
    try {
      this.#target.free(start, pages);
    } catch (error) {
      throw refusal(error, 'free', 'free', start, pages);
    }
  }

  fail(reason: FailureReason): void {
    this.#expectOpen();
    if (!FAILURE_REASONS.includes(reason)) {
      throw new PolicyError('arguments', `fail('${reason}'): reasons are ${FAILURE_REASONS.join(', ')}`);
    }
    try {
      this.#target.fail(reason);
    } catch (error) {
      throw error instanceof InvariantError
        ? new PolicyError('fail', `fail('${reason}'): ${whyOf(error)}`)
        : error;
    }
  }

  refilled(pages: number): void {
    this.#expectOpen();
    if (!Number.isInteger(pages) || pages < 1 || pages > this.#spanPages) {
      throw new PolicyError('arguments', `refilled(${pages}): pages are whole numbers from 1`);
    }
    this.#target.refilled(pages);
  }

  #expectOpen(): void {
    if (this.#gate.isOpen) return;
    throw new PolicyError('in-time', 'the recorder was used while nothing was to be decided');
  }

  #expectRun(call: string, start: number, pages: number): void {
    this.#expectOpen();
    this.#expectPages(call, start, pages);
  }

  #expectPages(call: string, start: number, pages: number): void {
    const isRun =
      Number.isInteger(start) &&
      Number.isInteger(pages) &&
      start >= 0 &&
      pages >= 1 &&
      start + pages <= this.#spanPages;
    if (isRun) return;
    const why = `runs are of whole pages, at least one, in 0 to ${this.#spanPages}`;
    throw broken('arguments', call, start, pages, why);
  }

  #expectArea(call: string, runs: readonly Extent[]): void {
    this.#expectOpen();
    if (!Array.isArray(runs) || runs.length === 0) {
      throw new PolicyError('arguments', `${call}(): an area is an array of runs, at least one`);
    }
    for (const { pfn, pages } of runs as readonly Extent[]) {
      this.#expectPages(call, pfn, pages);
      this.#expectMayConvert(call, pfn, pages);
    }
  }

  #expectMayConvert(call: string, start: number, pages: number): void {
    if (this.#target.mayConvert) return;
    const why = 'the pages were to be converted for a caller that may not sleep';
    throw broken('may-sleep', call, start, pages, why);
  }
}
Object.freeze(PolicyRecorder.prototype);

const FORBIDDEN = {
  shared: 'is shared',
  unknown: 'is in an unknown state',
  allocated: 'is in an allocation',
} as const;

const pagesIn = (runs: readonly Extent[]): number => runs.reduce((sum, { pages }) => sum + pages, 0);

const broken = (rule: PolicyRule, call: string, start: number, pages: number, why: string): PolicyError =>
  new PolicyError(rule, `${call}(${start}, ${pages}): ${why}`);

/** What the model refused, as a refusal of the call; what is no refusal as it is. */
function refusal(error: unknown, rule: PolicyRule, call: string, start: number, pages: number): unknown {
  return error instanceof InvariantError ? broken(rule, call, start, pages, whyOf(error)) : error;
}

/** Why an event cannot have happened, without which one: the call tells that. */
const whyOf = ({ message }: Error): string => message.replace(/^event .* cannot have happened: /, '');
