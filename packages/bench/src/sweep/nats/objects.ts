/** What cells need, as objects in a bucket: each is named by the SHA-256 of its bytes, so it is stored once and checked when it is read. */
import { createHash } from 'node:crypto';
import { APIS } from '@decpool/model/internal';
import type { ObjectStore } from '@nats-io/obj';
import * as z from 'zod';
import { inputFactsSchema } from '../outline.ts';
import type { SweepInput } from '../plan.ts';

export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const headerSchema = z.strictObject({
  facts: inputFactsSchema,
  lowerBounds: z.strictObject({ blocksPeak: z.int(), blockNs: z.string().transform(BigInt) }),
  requests: z.strictObject({
    length: z.int(),
    words: z.array(z.string()),
    apis: z.array(z.enum(APIS)),
    cpus: z.int(),
  }),
});

/** A line of JSON, then the columns of the requests. */
export function inputBytes({ facts, lowerBounds, requests }: SweepInput): Uint8Array {
  const { buffer, ...others } = requests;
  const { blocksPeak, blockNs } = lowerBounds;
  const header = { facts, lowerBounds: { blocksPeak, blockNs: String(blockNs) }, requests: others };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), Buffer.from(buffer)]);
}

export function inputOf(bytes: Uint8Array): SweepInput {
  const end = bytes.indexOf(0x0a);
  const header = headerSchema.parse(JSON.parse(Buffer.from(bytes.subarray(0, end)).toString('utf8')));
  const buffer = sharedCopy(bytes.subarray(end + 1));
  return { facts: header.facts, lowerBounds: header.lowerBounds, requests: { ...header.requests, buffer } };
}

/** For threads. */
export function sharedCopy(bytes: Uint8Array): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return shared;
}

/** Stores an object unless it is there. */
export async function putObject(
  bucket: Pick<ObjectStore, 'info' | 'putBlob'>,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const known = await bucket.info(name);
  if (known?.size === bytes.length && !known.deleted) return;
  await bucket.putBlob({ name }, bytes);
}

/** An object that is missing or damaged: to ask again does not help. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
}

/** If the server dies, the client waits for the rest of an object for ever. */
const LONGEST_READ_MS = 120_000;

/** Throws ObjectError, or an error of the connection. */
export async function getObject(bucket: Pick<ObjectStore, 'getBlob'>, name: string): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(LONGEST_READ_MS);
  const isLate = new Promise<never>((_, reject) => {
    timeout.addEventListener('abort', () => reject(timeout.reason), { once: true });
  });
  const bytes = await Promise.race([bucket.getBlob(name), isLate]);
  if (bytes === null) throw new ObjectError(`the server has no object ${name}`);
  if (hashOf(bytes) !== name) throw new ObjectError(`object ${name} has other bytes than its name says`);
  return bytes;
}
