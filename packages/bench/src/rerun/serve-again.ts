/** Serves the requests of a log again, some of them changed, and writes what happens as a new log. */

import { isDeepStrictEqual } from 'node:util';
import {
  type EventBatch,
  InputError,
  InvariantError,
  type LogHeader,
  logHeader,
  type Request,
  type Seal,
} from '@decpool/model';
import { RequestsHash } from '../compare/requests-hash.ts';
import type { LogFormat } from '../log/format.ts';
import type { OpenLog } from '../log/open.ts';
import { type LogWriter, openLogWriter } from '../log/write.ts';
import { SideBySide } from './divergence.ts';
import { type LoggedRequest, RequestsInLog } from './requests-in-log.ts';
import { type Policies, poolFor } from './rerun.ts';

export interface NewLog {
  readonly path: string;
  readonly format: LogFormat;
}

/** What is to be served, and where it goes. */
export interface Plan {
  /** Of the new log, as far as it is known before: which requests were made, and when policies took over, is found while serving. */
  readonly header: LogHeader;
  readonly policies: Policies;
  readonly out: NewLog;
  /** So many events must be as in the log. */
  readonly keptEvents: number;
  /** What becomes of a request; undefined where it is left out. */
  transform(logged: LoggedRequest): Request | undefined;
}

export interface ServedAgain {
  /** Of the new log. */
  readonly header: LogHeader;
  readonly seal: Seal;
  /** Events before the first request that is served otherwise: they are the same in both logs. */
  readonly keptEvents: number;
  /** Requests that were left out, because they are none in the new run, and why the first was. */
  readonly dropped: number;
  readonly firstDropped: string | undefined;
}

/**
 * Serves, and writes the log; of a log that was cut off it is one that is cut off. Throws InputError when the events to keep do not come
 * again, as poolFor() does, and when the new log cannot be written; then there is none.
 */
export async function serveAgain(log: OpenLog, plan: Plan): Promise<ServedAgain> {
  const first = await new Serving(log, plan, plan.header).run();
  if (first.seal !== undefined) return { ...first, seal: first.seal };
  // The header comes first, and says what only now is known.
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
  /** Of each handover of the log: the last request of the new run before it; none yet where it is infinity. */
  readonly #limits: number[];
  #requestsMade = 0;
  #hasBackground = false;
  #dropped = 0;
  #firstDropped: string | undefined;

  constructor(log: OpenLog, plan: Plan, header: LogHeader) {
    this.#log = log;
    this.#plan = plan;
    this.#header = header;
    this.#limits = (plan.header.handovers ?? []).map(() => Number.POSITIVE_INFINITY);
  }

  /** Without a seal, and with no log written, where the header turned out to be another. */
  async run(): Promise<Omit<ServedAgain, 'seal'> & { readonly seal: Seal | undefined }> {
    const { out, keptEvents, policies } = this.#plan;
    const pool = poolFor(
      this.#header,
      policies.over((index) => this.#limits[index]),
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

  async #serve(pool: ReturnType<typeof poolFor>, writer: LogWriter): Promise<void> {
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

  /** Where the log's next request comes after a handover, so does the next one here. */
  #passHandovers({ number }: LoggedRequest, requests: number): void {
    for (const [index, { request }] of (this.#plan.header.handovers ?? []).entries()) {
      if (number !== undefined && number > request && this.#limits[index] > requests) {
        this.#limits[index] = requests;
      }
    }
  }

  #make(request: Request, seq: number, pool: ReturnType<typeof poolFor>): void {
    try {
      pool.request(request);
      this.#made.add(request);
      this.#requestsMade++;
      this.#hasBackground ||= request.kind.startsWith('background-');
    } catch (error) {
      // A request can be one only under the policy it was made under, as to map pages that are no whole ones here.
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
    // A pool that is asked for nothing does not even boot.
    const isAsked = this.#requestsMade > 0;
    if (divergence === undefined && (matched === this.#plan.keptEvents || !isAsked)) return;
    throw new InputError(
      `${this.#log.path}: event ${divergence?.seq ?? matched} differs when the requests are run again: the policies changed since the log was written; see 'decpool verify'`,
    );
  }

  #headerAsServed(requests: number): LogHeader {
    const { workload, handovers } = this.#header;
    return logHeader({
      ...this.#header,
      ...(handovers === undefined
        ? {}
        : {
            handovers: handovers.map((earlier, index) => ({
              ...earlier,
              request: Math.min(requests, this.#limits[index]),
            })),
          }),
      // How others name their chunks is not in a log: then nobody can tell which requests these were.
      workload: {
        ...workload,
        requests: this.#hasBackground || workload.requests === '' ? workload.requests : this.#made.digest(),
      },
    });
  }
}

const upTo = (batch: EventBatch, events: number): EventBatch =>
  batch.slice(0, Math.max(0, Math.min(batch.length, events - batch.firstSeq)));
