/** Puts cells into their stream, and what they need into the bucket. */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { InputError } from '@decpool/model';
import { messageOf } from '../../files/error-text.ts';
import { isPolicyFile } from '../../policies/load.ts';
import type { Cell, SweepInput } from '../plan.ts';
import type { CellMessage } from './cell-message.ts';
import type { Nats } from './connect.ts';
import { hashOf, inputBytes, putObject } from './objects.ts';
import { CELLS, cellSubject, codeOf, INPUTS, isTaken, isWrongSequence } from './streams.ts';

/** Hashes of what cells need. */
export interface StoredInputs {
  readonly inputs: ReadonlyMap<SweepInput, string>;
  /** Of policy files, by their paths. */
  readonly files: ReadonlyMap<string, string>;
}

/** Stores what is not there. Throws InputError for a policy file that needs other files. */
export async function storeInputs({ objects }: Nats, cells: readonly Cell[]): Promise<StoredInputs> {
  const bucket = await objects.create(INPUTS);
  const inputs = new Map<SweepInput, string>();
  const files = new Map<string, string>();
  const put = async (bytes: Uint8Array): Promise<string> => {
    const hash = hashOf(bytes);
    await putObject(bucket, hash, bytes);
    return hash;
  };
  for (const { source, given } of new Set(cells.map(({ policy }) => policy))) {
    if (isPolicyFile(source)) files.set(source, await put(policyText(source, given)));
  }
  for (const { packed } of new Set(cells.map(({ memory }) => memory))) {
    await putObject(bucket, packed.hash, Buffer.from(packed.json));
  }
  for (const input of new Set(cells.map((cell) => cell.input)))
    inputs.set(input, await put(inputBytes(input)));
  return { inputs, files };
}

/** Throws InputError if the file needs others: workers get this one alone. */
function policyText(source: string, given: string): Buffer {
  const text = readFileSync(source);
  const [, other] = /(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]/.exec(text.toString('utf8')) ?? [];
  if (other === undefined) return text;
  throw new InputError(`policy file '${given}' imports '${other}': workers get one file; put all into it`);
}

function messageFor(
  { key, input, memory, policy, platform, seed, settings }: Cell,
  { inputs, files }: StoredInputs,
): CellMessage {
  const hash = inputs.get(input);
  if (hash === undefined) throw new TypeError(`no object for the input of ${key}`);
  const file = files.get(policy.source);
  return {
    ...{ key, input: hash, memory: memory.packed.hash, platform, seed, settings },
    policy: file === undefined ? { name: policy.name } : { file, given: policy.given },
  };
}

/** Cells that are queued and have no result yet: as many as 1,000 machines with 100 threads can hold. */
const MOST_OUTSTANDING = 200_000;
/** Cells that are sent to the server before it has confirmed them. */
const BATCH = 500;
const PAUSE_MS = 200;

interface QueueOptions {
  /** Of the streams. */
  readonly id: string;
  readonly cells: readonly Cell[];
  readonly inputs: StoredInputs;
  /** Numbers of the cells, in the order in which they are queued. */
  readonly toQueue: readonly number[];
  /** How many have been queued before. */
  readonly queued: number;
}

/** Queues each cell once: the k-th is accepted as the k-th message of its stream, and as no other. */
export class CellQueue {
  readonly #nats: Nats;
  readonly #options: QueueOptions;
  #queued: number;

  constructor(nats: Nats, options: QueueOptions) {
    this.#nats = nats;
    this.#options = options;
    this.#queued = options.queued;
  }

  get isDone(): boolean {
    return this.#queued >= this.#options.toQueue.length;
  }

  /** `results`: how many of the cells that were to be queued have one. */
  async run(results: () => number, isStopped: () => boolean): Promise<void> {
    const { toQueue } = this.#options;
    while (!this.isDone && !isStopped()) {
      const room = MOST_OUTSTANDING - (this.#queued - results());
      const end = Math.min(toQueue.length, this.#queued + Math.min(room, BATCH));
      if (end > this.#queued) await this.#queue(end);
      else await setTimeout(PAUSE_MS);
    }
  }

  async #queue(end: number): Promise<void> {
    const { id, cells, inputs, toQueue } = this.#options;
    const begin = this.#queued;
    const sent = toQueue.slice(begin, end).map((number, index) =>
      this.#nats.js.publish(cellSubject(id, number), JSON.stringify(messageFor(cells[number], inputs)), {
        expect: { lastSequence: begin + index },
      }),
    );
    const refusals = (await Promise.allSettled(sent)).flatMap((each) =>
      each.status === 'rejected' ? [each.reason] : [],
    );
    if (refusals.length === 0) {
      this.#queued = end;
      return;
    }
    const strange = refusals.find(
      (error) => codeOf(error) !== undefined && !isWrongSequence(error) && !isTaken(error),
    );
    if (strange !== undefined)
      throw new InputError(`${this.#nats.url}: the server takes no more cells: ${messageOf(strange)}`);
    // The server was away: it knows how far we came.
    await setTimeout(PAUSE_MS);
    this.#queued = await this.#lastQueued();
  }

  async #lastQueued(): Promise<number> {
    try {
      return (await this.#nats.jsm.streams.info(CELLS)).state.last_seq;
    } catch {
      return this.#queued;
    }
  }
}
