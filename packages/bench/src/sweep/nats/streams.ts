/**
 * A sweep on a server: a stream of cells, of which workers take one after the other; a stream of results, which the coordinator takes;
 * and a bucket with what the cells need. An account of a server has one sweep at a time.
 *
 * The coordinator queues the cells in the order of the plan, each with the sequence number that it must get. So the number of the last
 * message says how many cells have been queued, whether or not they are done: a coordinator that starts again goes on there.
 */
import { InputError } from '@decpool/model';
import type { ConsumerConfig, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import * as z from 'zod';
import { VERSION } from '../../files/version.ts';
import { codeHash, shortHash } from '../identity.ts';
import type { Nats } from './connect.ts';

/** Streams and the bucket. */
export const CELLS = 'decpool-cells';
export const RESULTS = 'decpool-results';
export const INPUTS = 'decpool-inputs';
/** Those who take from the streams; each is shared by all connections that use its name. */
export const WORKERS = 'workers';
export const COORDINATOR = 'coordinator';
/** What workers say of themselves. */
export const PRESENCE = 'decpool.workers';

/** Each cell has a subject of its own: its number in the plan. `id`: of the streams, so that no result gets into another sweep. */
export const cellSubject = (id: string, cell: number | '*'): string => `decpool.cells.${id}.${cell}`;
export const resultSubject = (id: string, cell: number | '*'): string => `decpool.results.${id}.${cell}`;
export const numberIn = (subject: string): number => Number(subject.slice(subject.lastIndexOf('.') + 1));

/** A cell is given to another worker if its worker has not spoken for so long. */
export const ACK_WAIT_MS = 20_000;
/** So often a worker says that a cell is running. A link may be down for 10 s. */
export const WORKING_MS = 5000;

/** Results that are sent to the coordinator before it has taken earlier ones. */
const RESULTS_IN_FLIGHT = 2000;

/** Workers that wait for a cell at a time: the server remembers a request of each. */
const MOST_WORKERS = 10_000;

const whole = z.int().min(0);
const text = z.string();
/** The description of the stream of cells. */
const aboutSchema = z.strictObject({
  decpool: z.literal('sweep'),
  /** Of these streams. */
  id: text,
  /** Of the definition. */
  name: text,
  version: text,
  /** Hash of the code that decides the figures of a cell. */
  code: text,
  /** Hash of the sweep's identity. */
  identity: text,
  /** Which folder takes the results. */
  folder: text,
  cells: whole,
  /** Cells that the folder had before the streams were made: they are not queued. */
  before: whole,
  /** Policy files, as the definition has them: workers run them only if they are allowed to. */
  files: z.array(text).readonly(),
});
/** Which sweep the streams are of. */
export type StreamsAbout = Readonly<z.infer<typeof aboutSchema>>;

export interface SweepStreams {
  readonly about: StreamsAbout;
  /** Cells that have been queued since the streams were made. */
  readonly queued: number;
}

/** Undefined if the server has no sweep. Throws InputError if the stream is of something else. */
export async function streamsOn({ jsm, url }: Nats): Promise<SweepStreams | undefined> {
  let info: StreamInfo;
  try {
    info = await jsm.streams.info(CELLS);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  const parsed = aboutSchema.safeParse(jsonIn(info.config.description ?? ''));
  if (!parsed.success)
    throw new InputError(
      `${url}: the stream ${CELLS} is not of this version of decpool, ${VERSION}; remove it`,
    );
  return { about: parsed.data, queued: info.state.last_seq };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Makes the streams. That of the cells comes last: workers wait for it. */
export async function makeStreams({ jsm }: Nats, about: StreamsAbout): Promise<void> {
  const stream: Partial<StreamConfig> = {
    retention: 'workqueue',
    storage: 'file',
    discard: 'new',
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
  };
  await removeStream(jsm, RESULTS);
  await jsm.streams.add({ ...stream, name: RESULTS, subjects: [resultSubject(about.id, '*')] });
  await jsm.streams.add({
    ...{ ...stream, name: CELLS, subjects: [cellSubject(about.id, '*')], description: JSON.stringify(about) },
  });
}

/** Makes the consumers, unless they are there: a coordinator may be killed before it has made them. */
export async function makeConsumers({ jsm }: Nats): Promise<void> {
  const consumer: Partial<ConsumerConfig> = {
    ack_policy: 'explicit',
    ack_wait: ACK_WAIT_MS * 1e6,
    max_deliver: -1,
  };
  await jsm.consumers.add(RESULTS, {
    ...{ ...consumer, durable_name: COORDINATOR, max_ack_pending: RESULTS_IN_FLIGHT },
  });
  await jsm.consumers.add(CELLS, {
    ...{ ...consumer, durable_name: WORKERS, max_ack_pending: -1, max_waiting: MOST_WORKERS },
  });
}

/** Removes a sweep from the server, with what its cells needed. */
export async function removeStreams({ jsm }: Nats): Promise<void> {
  for (const name of [CELLS, RESULTS, `OBJ_${INPUTS}`]) await removeStream(jsm, name);
}

async function removeStream(jsm: Nats['jsm'], name: string): Promise<void> {
  try {
    await jsm.streams.delete(name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Numbers of errors of the server: errors.json of nats-server. */
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
const WRONG_LAST_SEQUENCE = 10071;
/** With `maximum messages per subject exceeded`. */
const STORE_FAILED = 10077;

/** The server's number of an error; undefined for errors of the connection. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;

export const isNotFound = (error: unknown): boolean =>
  [STREAM_NOT_FOUND, CONSUMER_NOT_FOUND].includes(codeOf(error) ?? 0);

export const isWrongSequence = (error: unknown): boolean => codeOf(error) === WRONG_LAST_SEQUENCE;

/** Whether a subject has its message already. */
export const isTaken = (error: unknown): boolean =>
  codeOf(error) === STORE_FAILED && /per subject/.test(String(error));

/** Throws InputError that names both versions if this code gives other figures than that of the coordinator. */
export function expectSameCode({ name, version, code }: StreamsAbout, url: string): void {
  const own = codeHash();
  if (code === own) return;
  throw new InputError(
    `${url}: sweep '${name}' is of decpool ${version}, code ${shortHash(code)}, but this is ${VERSION}, code ${shortHash(own)}; run the same version`,
  );
}
