/** Checks a log: its structure, its hashes, its states, and whether its requests lead to its events again. */
import {
  brokenInvariants,
  type Columns,
  type EventBatch,
  InputError,
  InvariantError,
  type Keyframe,
  type LoggedRequest,
  type LogHeader,
  type Seal,
} from '@decpool/model';
import { decodeState, encodeState, type ReadHeader, RequestsInLog } from '@decpool/model/internal';
import type { PolicyFactory, Pool } from '@decpool/pool';
import type { Torn } from '../files/arrow-messages.ts';
import { initialColumns } from '../log/fold.ts';
import { inflated } from '../log/open.ts';
import { headerOf, type LogPart, type OnRead, readLog } from '../log/read.ts';
import { eachInTime, inTime } from '../policies/time-limit.ts';
import { policiesText } from '../report/policies-text.ts';
import { RequestsHash } from '../workloads/requests-hash.ts';
import { type Divergence, SideBySide } from './divergence.ts';
import { otherRules, rerunPool } from './rerun.ts';

/** What verifyLog() checks. */
export interface VerifyOptions {
  /** The invariants are recounted after this many events each, and at the end. 0: only at the end. */
  readonly every: number;
  /** The policy to run the requests again. Default: they are not run again. */
  readonly policy?: (header: LogHeader) => PolicyFactory;
  /** Called with bytes of the file. */
  readonly onRead?: OnRead;
}

/** One thing that was checked, and what was found. */
export interface Check {
  readonly name: 'structure' | 'hash chain' | 'fold' | 'keyframes' | 'invariants' | 're-run';
  /** `skipped`: nothing was checked, and `text` says why. */
  readonly verdict: 'ok' | 'wrong' | 'skipped';
  readonly text: string;
  /** The first event of the re-run that differs. */
  readonly divergence?: Divergence;
}

type Found = Pick<Check, 'verdict' | 'text' | 'divergence'>;
const ok = (text: string): Found => ({ verdict: 'ok', text });
const wrong = (text: string): Found => ({ verdict: 'wrong', text });
const skipped = (text: string): Found => ({ verdict: 'skipped', text });
const okUnless = (mistake: string | undefined, text: string): Found =>
  mistake === undefined || mistake === '' ? ok(text) : wrong(mistake);

/** One pass over the file. Throws InputError only if there is no log to check, or no policy to run its requests. */
export async function verifyLog(path: string, options: VerifyOptions): Promise<readonly Check[]> {
  const { every, policy, onRead = () => {} } = options;
  const altered: string[] = [];
  const parts = readLog(path, { onBroken: (found) => altered.push(found), onRead });
  try {
    const read = await headerOf(parts);
    const stored = new StoredLog(read, every, altered);
    const rerun = policy && rerunOf(read, policy);
    let damage: string | undefined;
    try {
      for await (const part of parts) {
        stored.take(part);
        rerun?.take(part);
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      damage = error.message.replace(`${path}: `, '');
    }
    const checks = stored.checks(damage);
    if (rerun === undefined) return checks;
    const isDamaged = checks.some(({ verdict }) => verdict === 'wrong');
    return [...checks, { name: 're-run', ...rerun.result(isDamaged) }];
  } finally {
    // Closes the file, also if it was not read to its end.
    await parts.return(undefined);
  }
}

class StoredLog {
  readonly #header: LogHeader;
  readonly #version: number;
  readonly #every: number;
  readonly #altered: readonly string[];
  readonly #columns: Columns;
  readonly #wrongKeyframes: string[] = [];
  #segments = 0;
  #events = 0;
  #keyframes = 0;
  #recounts = 0;
  #seal: Seal | undefined;
  #torn: Torn | undefined;
  #isVouched = true;
  /** Why the fold stopped. */
  #impossible: string | undefined;
  #broken: string | undefined;

  constructor({ header, version }: ReadHeader, every: number, altered: readonly string[]) {
    this.#header = header;
    this.#version = version;
    this.#every = every;
    this.#altered = altered;
    this.#columns = initialColumns(header);
  }

  take(part: LogPart): void {
    if (part.kind === 'seal') this.#seal = part.seal;
    else if (part.kind === 'torn') this.#torn = part;
    else if (part.kind === 'batch') {
      this.#segments++;
      this.#events += part.batch.length;
      this.#isVouched &&= part.isVouched;
      if (this.#impossible === undefined) this.#foldBatch(part.batch);
    } else if (part.kind === 'keyframe') {
      this.#keyframes++;
      if (this.#impossible === undefined) this.#compare(part.keyframe);
    }
  }

  #foldBatch(batch: EventBatch): void {
    const every = this.#every;
    try {
      for (let from = 0; from < batch.length; ) {
        const due = every === 0 ? batch.length : from + every - ((batch.firstSeq + from) % every);
        const to = Math.min(batch.length, due);
        this.#columns.fold(batch.slice(from, to));
        if (to === due && every > 0) this.#recount();
        from = to;
      }
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      this.#impossible = error.message;
    }
  }

  #recount(): void {
    if (this.#broken !== undefined) return;
    this.#recounts++;
    const [first] = brokenInvariants(this.#columns.view(), this.#header.memory.directMap);
    if (first !== undefined) this.#broken = `after event ${this.#columns.counters.events}: ${first}`;
  }

  #compare({ events, state, stateHash }: Keyframe): void {
    const keyframe = `the keyframe after event ${events}`;
    if (stateHash !== this.#columns.hash()) {
      this.#wrongKeyframes.push(`${keyframe} has the hash of a different state`);
    } else if (!this.#isHeldBy(state, events)) {
      this.#wrongKeyframes.push(`${keyframe} holds a different state`);
    }
  }

  /** Whether a keyframe holds the present state. One that cannot be unpacked holds none; one of an older version has other bytes. */
  #isHeldBy(packed: string, events: number): boolean {
    const present = encodeState(this.#columns);
    try {
      const bytes = inflated(packed);
      if (Buffer.from(bytes).equals(present)) return true;
      const read = initialColumns(this.#header);
      decodeState(bytes, read, events, this.#version);
      return Buffer.from(encodeState(read)).equals(present);
    } catch {
      return false;
    }
  }

  /** `damage`: why the log could not be read to its end. */
  checks(damage: string | undefined): Check[] {
    this.#recount();
    const often = this.#every === 0 ? 'at the end' : `every ${this.#every} events and at the end`;
    const keyframes =
      this.#keyframes === 0
        ? skipped('the log has none')
        : okUnless(
            this.#wrongKeyframes.join('; '),
            `${this.#keyframes}: each holds the state that the events lead to`,
          );
    return [
      { name: 'structure', ...this.#structure(damage) },
      { name: 'hash chain', ...this.#chain(damage) },
      { name: 'fold', ...this.#fold() },
      { name: 'keyframes', ...keyframes },
      { name: 'invariants', ...okUnless(this.#broken, `recounted ${this.#recounts} times (${often})`) },
    ];
  }

  #structure(damage: string | undefined): Found {
    if (damage !== undefined) return wrong(damage);
    const size = `schema ${this.#version}, ${this.#segments} segments, ${this.#events} events`;
    if (this.#seal === undefined) {
      const lost =
        (this.#torn?.events ?? 0) === 0 ? '' : `, and ${this.#torn?.events} more events are incomplete`;
      return wrong(`cut off: no seal after ${size}${lost}; save them with 'decpool recover'`);
    }
    return ok(`${size}, ${this.#seal.isCutOff === true ? 'sealed, but its run was cut off' : 'sealed'}`);
  }

  #chain(damage: string | undefined): Found {
    if (!this.#isVouched) return skipped('a log of schema 1 has no content hashes');
    if (this.#altered.length > 0) return wrong(this.#altered.join('; '));
    if (this.#seal !== undefined && damage === undefined) return ok('header and events are unchanged');
    return this.#segments === 0
      ? skipped('no checkpoint was read, so the header cannot be checked')
      : ok(`header and the first ${this.#events} events are unchanged`);
  }

  #fold(): Found {
    if (this.#impossible !== undefined) return wrong(this.#impossible);
    if (this.#seal === undefined) return ok('every event can have happened');
    const stateHash = this.#columns.hash();
    return this.#seal.stateHash === stateHash
      ? ok('every event can have happened, and they lead to the state that the seal names')
      : wrong(
          `the state hash of the events is ${stateHash}, but that of the seal is ${this.#seal.stateHash}`,
        );
  }
}

/** Takes the parts of a log as they come. */
interface Rerun {
  take(part: LogPart): void;
  result(isDamaged: boolean): Found;
}

/** Runs the requests of a log again, and compares the events with those of the log. */
function rerunOf(read: ReadHeader, policyOf: (header: LogHeader) => PolicyFactory): Rerun {
  const refusal = otherRules(read.header);
  if (refusal !== undefined) return { take() {}, result: () => skipped(refusal) };
  try {
    return new RequestsAgain(read, rerunPool(read.header, policyOf(read.header)));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return {
      take() {},
      result(isDamaged) {
        // No policy has a name that was altered: then the damage is what matters.
        if (isDamaged) return skipped(error.message);
        throw error;
      },
    };
  }
}

class RequestsAgain implements Rerun {
  readonly #header: LogHeader;
  readonly #pool: Pool;
  readonly #events = new SideBySide();
  readonly #requests = new RequestsInLog();
  /** Undefined if there is none to compare it with: a log of schema 1 leaves out refused requests. */
  readonly #hash: RequestsHash | undefined;
  #count = 0;
  #isSealed = false;
  /** Simulated ns of the last request. */
  #lastTime = 0;
  /** Why a request could not be run again. */
  #failure: string | undefined;
  /** What else its policy did wrong: it did not return. */
  #mistake: string | undefined;

  constructor({ header, version }: ReadHeader, pool: Pool) {
    this.#header = header;
    this.#pool = pool;
    this.#hash = header.workload.requests !== '' && version >= 2 ? new RequestsHash() : undefined;
    pool.batches$.subscribe((batch) => this.#events.right(batch));
  }

  get #isOver(): boolean {
    const isWrong = this.#failure !== undefined || this.#mistake !== undefined;
    return isWrong || this.#events.divergence !== undefined;
  }

  take(part: LogPart): void {
    if (part.kind === 'seal') this.#isSealed = part.seal.isCutOff !== true;
    if (part.kind !== 'batch' || this.#isOver) return;
    this.#events.left(part.batch);
    const served = this.#attempt(() =>
      eachInTime(this.#requests.in(part.batch), (logged) => this.#request(logged)),
    );
    if (served) this.#pool.flush();
  }

  /** Whether the requests go on. */
  #request({ request, seq }: LoggedRequest): boolean {
    this.#hash?.add(request);
    this.#count++;
    try {
      this.#pool.request(request);
      this.#lastTime = request.time;
      return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#failure = `event ${seq}: its request is refused in the re-run: ${error.message}`;
      return false;
    }
  }

  result(): Found {
    if (!this.#isOver) this.#attempt(() => inTime(() => this.#pool.complete()));
    const events = this.#events;
    // In a log that was cut off, events of the deferred worker may follow the last request: it ran before a request that is lost.
    const { nextLeft } = events;
    const isSealed = this.#isSealed;
    if (isSealed || (nextLeft !== undefined && nextLeft.time <= this.#lastTime)) events.end();

    if (this.#mistake !== undefined) return wrong(this.#mistake);
    const { divergence, matched } = events;
    const { handovers, workload } = this.#header;
    const policies = policiesText({
      policy: this.#pool.header.policy,
      ...(handovers === undefined ? {} : { handovers }),
    });
    if (divergence !== undefined) {
      const text = `event ${divergence.seq} differs: policy '${policies}' decides differently than in the log`;
      return { ...wrong(text), divergence };
    }
    if (this.#failure !== undefined) return wrong(this.#failure);
    const text = `${this.#count} requests under policy '${policies}' give the same ${matched} events`;
    if (!isSealed) return ok(`${text}, up to the end of the log`);
    const hash = this.#hash;
    // It covers the keys of background chunks, which a log does not hold.
    const isHashed = hash !== undefined && !hash.hasBackground;
    return isHashed && hash.digest() !== workload.requests
      ? wrong(`${text}, but the SHA-256 of the requests differs from that in the header`)
      : ok(text);
  }

  /** Whether it was done. */
  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#mistake = error.message;
      return false;
    }
  }
}
