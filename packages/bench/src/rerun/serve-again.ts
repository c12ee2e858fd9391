/** Serves the requests of a log again, some of them changed, and writes the result as a new log. */
import { isDeepStrictEqual } from 'node:util';
import {
  type EventBatch,
  InputError,
  InvariantError,
  type LoggedRequest,
  type LogHeader,
  logHeader,
  type Request,
  RequestsInLog,
  type Seal,
} from '@decpool/model';
import type { PolicyFactory, Pool } from '@decpool/pool';
import type { NewLog } from '../log/new-file.ts';
import type { OpenLog } from '../log/open.ts';
import { type LogWriter, openLogWriter } from '../log/write.ts';
import { RequestsHash } from '../workloads/requests-hash.ts';
import { SideBySide } from './divergence.ts';
import { type HandoverRequest, rerunPool } from './rerun.ts';

/** What is to be served, and where it is written. */
export interface Plan {
  /** Header of the new log. Its request hash and its handovers are corrected after serving. */
  readonly header: LogHeader;
  readonly policy: (requestOf: HandoverRequest) => PolicyFactory;
  readonly out: NewLog;
  /** The first events of the new log that must be as in the old one. */
  readonly keptEvents: number;
  /** Returns the request to serve instead; undefined to leave it out. */
  transform(logged: LoggedRequest): Request | undefined;
}

export interface ServedAgain {
  /** Of the new log. */
  readonly header: LogHeader;
  readonly seal: Seal;
  /** Events before the first request that is served differently: they are the same in both logs. */
  readonly keptEvents: number;
  /** Requests that the new run refuses as invalid, and why the first was. */
  readonly dropped: number;
  readonly firstDropped: string | undefined;
}

/**
 * Serves the requests and writes the log; if the old log was cut off, the new one is sealed as cut off. Throws InputError, and leaves
 * no new log, if the kept events differ, if the log cannot be run again (see rerunPool()), or if the new log cannot be written.
 */
export async function serveAgain(log: OpenLog, plan: Plan): Promise<ServedAgain> {
  const first = await new Serving(log, plan, plan.header).run();
  if (first.seal !== undefined) return { ...first, seal: first.seal };
  // The header is written first, but its request hash and handovers are known only now.
  const second = await new Serving(log, plan, first.header).run();
  if (second.seal !== undefined) return { ...second, seal: second.seal };
  throw new InputError(
    `${log.path}: its policies decide differently in each run; expected deterministic policies`,
  );
}

class Serving {
  readonly #log: OpenLog;
  readonly #plan: Plan;
  readonly #header: LogHeader;
  readonly #kept = new SideBySide();
  readonly #made = new RequestsHash();
  readonly #toWrite: EventBatch[] = [];
  /** For each handover of the log: the last request of the new run before it; infinity until it is known. */
  readonly #limits: number[];
  #dropped = 0;
  #firstDropped: string | undefined;

  constructor(log: OpenLog, plan: Plan, header: LogHeader) {
    this.#log = log;
    this.#plan = plan;
    this.#header = header;
    this.#limits = (plan.header.handovers ?? []).map(() => Number.POSITIVE_INFINITY);
  }

  /** Has no seal, and no log is written, if the header turned out to be a different one. */
  async run(): Promise<Omit<ServedAgain, 'seal'> & { readonly seal: Seal | undefined }> {
    const { out, keptEvents, policy } = this.#plan;
    const pool = rerunPool(
      this.#header,
      policy((index) => this.#limits[index]),
    );
    pool.batches$.subscribe((batch) => {
      this.#toWrite.push(batch);
      this.#kept.right(upTo(batch, keptEvents));
    });
    const isCutOff = this.#log.seal === undefined || this.#log.seal.isCutOff === true;
    const writer = await openLogWriter(out.path, out.format, this.#header, { isCutOff });
    try {
      await this.#serve(pool, writer);
      pool.complete();
      await this.#write(writer);
      this.#expectKept();
      const header = this.#headerAsServed(pool.view.counter('requests'));
      const isAsPlanned = isDeepStrictEqual(header, this.#header);
      if (!isAsPlanned) await writer.abort();
      const seal = isAsPlanned ? await writer.finish(pool.hash()) : undefined;
      return { header, seal, keptEvents, dropped: this.#dropped, firstDropped: this.#firstDropped };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async #serve(pool: Pool, writer: LogWriter): Promise<void> {
    const requests = new RequestsInLog();
    for await (const batch of this.#log.batches()) {
      this.#kept.left(upTo(batch, this.#plan.keptEvents));
      for (const logged of requests.in(batch)) {
        this.#passHandovers(logged, pool.view.counter('requests'));
        const request = this.#plan.transform(logged);
        if (request !== undefined) this.#make(request, logged.seq, pool);
      }
      await this.#write(writer);
    }
  }

  /** If the log's next request comes after a handover, so does the next one here. */
  #passHandovers({ number }: LoggedRequest, requests: number): void {
    for (const [index, { request }] of (this.#plan.header.handovers ?? []).entries()) {
      if (number !== undefined && number > request && this.#limits[index] > requests) {
        this.#limits[index] = requests;
      }
    }
  }

  #make(request: Request, seq: number, pool: Pool): void {
    try {
      pool.request(request);
      this.#made.add(request);
    } catch (error) {
      // A request may be valid only under the policy that served it: mapping to user space needs complete pages.
      if (error instanceof InvariantError || !(error instanceof InputError)) throw error;
      this.#dropped++;
      this.#firstDropped ??= `that of event ${seq} in ${this.#log.path}: ${error.message}`;
    }
  }

  async #write(writer: LogWriter): Promise<void> {
    if (this.#kept.divergence !== undefined) this.#expectKept();
    for (const batch of this.#toWrite.splice(0)) await writer.write(batch);
  }

  #expectKept(): void {
    const { divergence, matched } = this.#kept;
    // A pool without requests does not even boot.
    if (divergence === undefined && (matched === this.#plan.keptEvents || this.#made.count === 0)) return;
    throw new InputError(
      `${this.#log.path}: event ${divergence?.seq ?? matched} differs when the requests are run again: the policies changed since the log was written; see 'decpool verify'`,
    );
  }

  #headerAsServed(requests: number): LogHeader {
    const { workload, handovers } = this.#header;
    const asServed = handovers?.map((earlier, index) => ({
      ...earlier,
      request: Math.min(requests, this.#limits[index]),
    }));
    // The hash covers the keys of background chunks, which a log does not hold.
    const isHashed = workload.requests !== '' && !this.#made.hasBackground;
    return logHeader({
      ...this.#header,
      ...(asServed === undefined ? {} : { handovers: asServed }),
      workload: isHashed ? { ...workload, requests: this.#made.digest() } : workload,
    });
  }
}

const upTo = (batch: EventBatch, events: number): EventBatch =>
  batch.slice(0, Math.max(0, Math.min(batch.length, events - batch.firstSeq)));
