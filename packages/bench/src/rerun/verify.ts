/** Whether a log is what it says: its structure, its hashes, its states, and whether its requests give its events again. */
import {
  brokenInvariants,
  Columns,
  type EventBatch,
  encodeState,
  frameOf,
  InputError,
  InvariantError,
  type Keyframe,
  type LogHeader,
  type PoolEvent,
  type Seal,
} from '@decpool/model';
import type { PolicyFactory } from '@decpool/pool';
import { RequestsHash } from '../compare/requests-hash.ts';
import type { OnRead } from '../log/on-read.ts';
import { inflated } from '../log/open.ts';
import { type LogPart, readLog } from '../log/read.ts';
import type { Torn } from '../log/records.ts';
import { policiesText } from '../report/policies-text.ts';
import { type Divergence, SideBySide } from './divergence.ts';
import { RequestsInLog } from './requests-in-log.ts';
import { poolFor } from './rerun.ts';

export interface VerifyOptions {
  /** Invariants are recounted after every so many events, and at the end; 0 for only there. */
  readonly every: number;
  /** Decides the requests again; none: they are not run again. */
  readonly policy?: (header: LogHeader) => PolicyFactory;
  /** Told in bytes of the file, of one pass over what is stored, and of another that makes the requests again. */
  readonly onRead?: OnRead;
}

/** One thing that was looked at, and what was found. */
export interface Check {
  readonly name: 'structure' | 'hash chain' | 'fold' | 'keyframes' | 'invariants' | 're-run';
  /** `skipped`: nothing was looked at, and `text` says why. */
  readonly verdict: 'ok' | 'wrong' | 'skipped';
  readonly text: string;
  /** Of a re-run that differs: where, with the events before it. */
  readonly divergence?: Divergence & { readonly before: readonly PoolEvent[] };
}

/** Events before a divergence that are told with it. */
const CONTEXT_EVENTS = 10;

/** Throws InputError only when there is no log to look at, or no policy to run its requests. */
export async function verifyLog(path: string, options: VerifyOptions): Promise<readonly Check[]> {
  const stored = await new Look(path, options).run();
  if (options.policy === undefined) return stored;
  return [...stored, await rerunCheck(path, options.policy, options.onRead)];
}

/** One pass over what is stored. */
class Look {
  readonly #path: string;
  readonly #every: number;
  readonly #onRead: OnRead;
  readonly #altered: string[] = [];
  readonly #wrongKeyframes: string[] = [];
  #header: LogHeader | undefined;
  #version = 0;
  #columns: Columns | undefined;
  #segments = 0;
  #events = 0;
  #keyframes = 0;
  #recounts = 0;
  #seal: Seal | undefined;
  #torn: Torn | undefined;
  #isVouched = true;
  #damage: string | undefined;
  /** Why the fold stopped. */
  #impossible: string | undefined;
  #broken: string | undefined;

  constructor(path: string, { every, onRead = () => {} }: VerifyOptions) {
    this.#path = path;
    this.#every = every;
    this.#onRead = onRead;
  }

  async run(): Promise<readonly Check[]> {
    try {
      const onBroken = (found: string) => this.#altered.push(found);
      for await (const part of readLog(this.#path, { onBroken, onRead: this.#onRead })) this.#take(part);
    } catch (error) {
      if (!(error instanceof InputError) || this.#header === undefined) throw error;
      this.#damage = error.message.replace(`${this.#path}: `, '');
    }
    this.#recount();
    return [this.#structure(), this.#chain(), this.#fold(), this.#states(), this.#invariants()];
  }

  #take(part: LogPart): void {
    switch (part.kind) {
      case 'header':
        this.#header = part.header;
        this.#version = part.version;
        this.#columns = new Columns(frameOf(part.header), part.header.memory.directMap);
        break;
      case 'batch':
        this.#segments++;
        this.#events += part.batch.length;
        this.#isVouched &&= part.isVouched;
        this.#foldBatch(part.batch);
        break;
      case 'keyframe':
        this.#keyframes++;
        this.#compare(part.keyframe);
        break;
      case 'seal':
        this.#seal = part.seal;
        break;
      case 'torn':
        this.#torn = part;
        break;
    }
  }

  #foldBatch(batch: EventBatch): void {
    if (this.#columns === undefined || this.#impossible !== undefined) return;
    try {
      for (let from = 0; from < batch.length; ) {
        const seq = batch.firstSeq + from;
        const due = this.#every === 0 ? batch.length : from + this.#every - (seq % this.#every);
        const to = Math.min(batch.length, due);
        this.#columns.fold(batch.slice(from, to));
        if (this.#every > 0 && (batch.firstSeq + to) % this.#every === 0) this.#recount();
        from = to;
      }
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      this.#impossible = error.message;
    }
  }

  #recount(): void {
    if (this.#columns === undefined || this.#header === undefined || this.#broken !== undefined) return;
    this.#recounts++;
    const [first] = brokenInvariants(this.#columns.view(), this.#header.memory.directMap);
    if (first !== undefined) this.#broken = `after event ${this.#columns.counters.events}: ${first}`;
  }

  #compare(keyframe: Keyframe): void {
    if (this.#columns === undefined || this.#impossible !== undefined) return;
    const { events, state, stateHash } = keyframe;
    if (stateHash !== this.#columns.hash()) {
      this.#wrongKeyframes.push(`the keyframe after event ${events} has the hash of a different state`);
    } else if (!Buffer.from(encodeState(this.#columns)).equals(stateIn(state))) {
      this.#wrongKeyframes.push(`the keyframe after event ${events} holds a different state`);
    }
  }

  #structure(): Check {
    const name = 'structure';
    if (this.#damage !== undefined) return { name, verdict: 'wrong', text: this.#damage };
    const size = `schema ${this.#version}, ${this.#segments} segments, ${this.#events} events`;
    if (this.#seal === undefined) {
      const lost = this.#torn === undefined ? '' : `, and ${this.#torn.events} more events are incomplete`;
      return {
        name,
        verdict: 'wrong',
        text: `cut off: no seal after ${size}${lost}; save them with 'decpool recover'`,
      };
    }
    const end = this.#seal.isCutOff === true ? 'sealed, but its run was cut off' : 'sealed';
    return { name, verdict: 'ok', text: `${size}, ${end}` };
  }

  #chain(): Check {
    const name = 'hash chain';
    if (!this.#isVouched)
      return { name, verdict: 'skipped', text: 'a log of schema 1 has no content hashes' };
    if (this.#altered.length > 0) return { name, verdict: 'wrong', text: this.#altered.join('; ') };
    if (this.#seal !== undefined && this.#damage === undefined) {
      return { name, verdict: 'ok', text: 'header and events are unchanged' };
    }
    return this.#segments === 0
      ? { name, verdict: 'skipped', text: 'no checkpoint was read, so the header cannot be checked' }
      : { name, verdict: 'ok', text: `header and the first ${this.#events} events are unchanged` };
  }

  #fold(): Check {
    const name = 'fold';
    if (this.#impossible !== undefined) return { name, verdict: 'wrong', text: this.#impossible };
    const stateHash = this.#columns?.hash();
    if (this.#seal !== undefined && this.#seal.stateHash !== stateHash) {
      const text = `the state hash of the events is ${stateHash}, but that of the seal is ${this.#seal.stateHash}`;
      return { name, verdict: 'wrong', text };
    }
    const end = this.#seal === undefined ? '' : ', and they lead to the state that the seal names';
    return { name, verdict: 'ok', text: `every event can have happened${end}` };
  }

  #states(): Check {
    const name = 'keyframes';
    if (this.#keyframes === 0) return { name, verdict: 'skipped', text: 'the log has none' };
    if (this.#wrongKeyframes.length > 0) {
      return { name, verdict: 'wrong', text: this.#wrongKeyframes.join('; ') };
    }
    return { name, verdict: 'ok', text: `${this.#keyframes}: each holds the state that the events lead to` };
  }

  #invariants(): Check {
    const name = 'invariants';
    if (this.#broken !== undefined) return { name, verdict: 'wrong', text: this.#broken };
    const often = this.#every === 0 ? 'at the end' : `every ${this.#every} events and at the end`;
    return { name, verdict: 'ok', text: `recounted ${this.#recounts} times (${often})` };
  }
}

/** What cannot be unpacked is no state. */
function stateIn(packed: string): Uint8Array {
  try {
    return inflated(packed);
  } catch {
    return new Uint8Array();
  }
}

async function rerunCheck(
  path: string,
  policy: (header: LogHeader) => PolicyFactory,
  onRead: OnRead = () => {},
): Promise<Check> {
  const name = 're-run';
  const rerun = new Rerun(path);
  try {
    for await (const part of readLog(path, { onBroken: () => {}, skipsKeyframes: true, onRead })) {
      if (part.kind === 'header') rerun.begin(part.header, part.version, policy(part.header));
      else if (part.kind === 'batch') rerun.take(part.batch);
      else if (part.kind === 'seal') rerun.isSealed = part.seal.isCutOff !== true;
      if (rerun.isOver) break;
    }
  } catch (error) {
    if (!(error instanceof InputError) || !rerun.hasBegun) throw error;
    // The structure check tells what is damaged; until there it can be compared.
  }
  return { name, ...(await rerun.result()) };
}

/** Makes the requests of a log again as they come, and holds the events against those of the log. */
class Rerun {
  isSealed = false;
  readonly #path: string;
  readonly #requests = new RequestsInLog();
  readonly #events = new SideBySide();
  #pool: ReturnType<typeof poolFor> | undefined;
  readonly #hash = new RequestsHash();
  #header: LogHeader | undefined;
  #version = 0;
  #hasBackground = false;
  #made = 0;
  /** Simulated ns of the last request. */
  #lastTime = 0;
  /** Why a request could not be made again. */
  #failure: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get hasBegun(): boolean {
    return this.#pool !== undefined;
  }

  get isOver(): boolean {
    return this.#failure !== undefined || this.#events.divergence !== undefined;
  }

  begin(header: LogHeader, version: number, policy: PolicyFactory): void {
    this.#header = header;
    this.#version = version;
    this.#pool = poolFor(header, policy);
    this.#pool.batches$.subscribe((batch) => this.#events.right(batch));
  }

  take(batch: EventBatch): void {
    this.#events.left(batch);
    for (const { request, seq } of this.#requests.in(batch)) {
      this.#hash.add(request);
      this.#hasBackground ||= request.kind.startsWith('background-');
      try {
        this.#pool?.request(request);
        this.#made++;
        this.#lastTime = request.time;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        this.#failure = `event ${seq}: its request is refused in the re-run: ${error.message}`;
        break;
      }
    }
    this.#pool?.flush();
  }

  async result(): Promise<Omit<Check, 'name'>> {
    if (!this.isOver) this.#pool?.complete();
    if (this.isSealed || this.#isLeftWithMore()) this.#events.end();
    const { divergence, matched } = this.#events;
    const policy = this.#policies();
    if (divergence !== undefined) return this.#differs(divergence, `policy '${policy}'`);
    if (this.#failure !== undefined) return { verdict: 'wrong', text: this.#failure };
    const text = `${this.#made} requests under policy '${policy}' give the same ${matched} events`;
    if (this.#isOfOtherRequests()) {
      return {
        verdict: 'wrong',
        text: `${text}, but the SHA-256 of the requests differs from that in the header`,
      };
    }
    return { verdict: 'ok', text: this.isSealed ? text : `${text}, up to the end of the log` };
  }

  /**
   * Whether a log that was cut off has events that its requests do not lead to. Those of the deferred worker may be behind them: it ran
   * before a request that is lost.
   */
  #isLeftWithMore(): boolean {
    const next = this.#events.nextLeft;
    return next !== undefined && next.time <= this.#lastTime;
  }

  #policies(): string {
    const { handovers } = this.#header ?? {};
    const policy = this.#pool?.header.policy ?? '';
    return policiesText(handovers === undefined ? { policy } : { policy, handovers });
  }

  /** How others name their chunks is not in a log, and one of schema 1 leaves out what was refused. */
  #isOfOtherRequests(): boolean {
    const expected = this.#header?.workload.requests ?? '';
    if (!this.isSealed || expected === '' || this.#hasBackground || this.#version < 2) return false;
    return this.#hash.digest() !== expected;
  }

  async #differs(divergence: Divergence, who: string): Promise<Omit<Check, 'name'>> {
    const { seq } = divergence;
    const before: PoolEvent[] = [];
    const from = Math.max(0, seq - CONTEXT_EVENTS);
    for await (const part of readLog(this.#path, { onBroken: () => {} })) {
      if (part.kind !== 'batch') continue;
      const { batch } = part;
      for (let row = Math.max(0, from - batch.firstSeq); row < batch.length; row++) {
        if (batch.firstSeq + row < seq) before.push(batch.at(row));
      }
      if (batch.firstSeq + batch.length >= seq) break;
    }
    const text = `event ${seq} differs: ${who} decides differently than in the log`;
    return { verdict: 'wrong', text, divergence: { ...divergence, before } };
  }
}
