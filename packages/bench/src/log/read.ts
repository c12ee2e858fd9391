import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type EventBatch, InputError, type LogHeader, type LogTrailer, NdjsonDecoder } from '@decpool/model';

/** What a log consists of, in this order: a header, batches of events, and a trailer when the log is complete. */
export type LogPart =
  | { readonly kind: 'header'; readonly header: LogHeader }
  | { readonly kind: 'batch'; readonly batch: EventBatch }
  | { readonly kind: 'trailer'; readonly trailer: LogTrailer };

/**
 * Reads a log file, NDJSON or Arrow, also gzipped; which, its first bytes tell. Bounded memory: a batch at a time.
 * Throws InputError that names the file, and the line or event, when it is not a log.
 */
export async function* readLog(path: string): AsyncGenerator<LogPart> {
  try {
    const file = createReadStream(path);
    const isGzip = startsWith(await firstBytes(file), 0x1f, 0x8b);
    // pipeline() rather than pipe(): it hands an error of the file on to whoever reads the log.
    const log: Readable = isGzip ? pipeline(file, createGunzip(), () => {}) : file;
    // An Arrow stream begins with the continuation marker 0xFFFFFFFF, an NDJSON log with '{'.
    yield* startsWith(await firstBytes(log), 0xff) ? arrowParts(log) : ndjsonParts(log);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${path}: ${error.message}`);
    if (error instanceof Error && 'code' in error) {
      throw new InputError(`${path}: cannot be read: ${error.message}`);
    }
    throw error;
  }
}

/** What a stream begins with; whoever reads it next gets it again. Throws InputError when there is nothing. */
async function firstBytes(stream: Readable): Promise<Uint8Array> {
  await once(stream, 'readable');
  const bytes: Uint8Array | null = stream.read();
  if (bytes === null) throw new InputError('empty; expected an event log');
  stream.unshift(bytes);
  return bytes;
}

const startsWith = (bytes: Uint8Array, ...magic: number[]) => magic.every((byte, at) => bytes[at] === byte);

async function* ndjsonParts(stream: Readable): AsyncGenerator<LogPart> {
  const decoder = new NdjsonDecoder();
  let line = 0;
  let isHeaderOut = false;
  for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    if (text === '') continue;
    let batch: EventBatch | undefined;
    try {
      batch = decoder.push(text);
    } catch (error) {
      if (error instanceof InputError) throw new InputError(`line ${line}: ${error.message}`);
      throw error;
    }
    if (!isHeaderOut && decoder.header !== undefined) {
      isHeaderOut = true;
      yield { kind: 'header', header: decoder.header };
    }
    if (batch !== undefined) yield { kind: 'batch', batch };
  }
  if (!isHeaderOut) throw new InputError('empty; expected an event log');
  const rest = decoder.finish();
  if (rest !== undefined) yield { kind: 'batch', batch: rest };
  if (decoder.trailer !== undefined) yield { kind: 'trailer', trailer: decoder.trailer };
}

async function* arrowParts(stream: Readable): AsyncGenerator<LogPart> {
  // Loaded here: whoever reads NDJSON need not wait for Arrow.
  const [codec, { RecordBatchReader }] = await Promise.all([
    import('@decpool/model/arrow'),
    import('apache-arrow'),
  ]);
  let events = 0;
  try {
    const reader = await RecordBatchReader.from(checkedMessages(stream, codec));
    await reader.open({ autoDestroy: true });
    if (reader.schema === undefined)
      throw new InputError('an Arrow file without a schema; expected an event log');
    yield { kind: 'header', header: codec.headerFromArrow(reader.schema) };
    for await (const recordBatch of reader) {
      const part = codec.fromArrow(recordBatch, events);
      if ('trailer' in part) {
        yield { kind: 'trailer', trailer: part.trailer };
      } else {
        events += part.batch.length;
        yield { kind: 'batch', batch: part.batch };
      }
    }
  } catch (error) {
    // On bytes that are no Arrow its reader throws whatever it stumbles over.
    if (error instanceof InputError || !(error instanceof Error) || 'code' in error) throw error;
    throw new InputError(`damaged or cut off after ${events} events: ${error.message}`);
  }
}

/** The bytes of an Arrow stream, each message checked before it is passed on. */
async function* checkedMessages(
  stream: Readable,
  codec: typeof import('@decpool/model/arrow'),
): AsyncGenerator<Uint8Array> {
  const take = byteReader(stream);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const prefix = await take(codec.ARROW_PREFIX_BYTES);
      // The mark at the end of a stream may be missing.
      const bytes = prefix.length === 0 ? 0 : codec.arrowMetadataBytes(prefix);
      if (bytes === 0) return;
      const metadata = await take(bytes);
      const body = await take(codec.checkMessage(metadata, isFirst));
      yield Buffer.concat([prefix, metadata]);
      yield body;
    }
  } finally {
    stream.destroy();
  }
}

/** Reads a stream by numbers of bytes: each call resolves to as many as asked for, or to those there are. */
function byteReader(stream: Readable): (bytes: number) => Promise<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();
  return async (bytes) => {
    const parts = [rest];
    for (let have = rest.length; have < bytes; ) {
      const next = await chunks.next();
      if (next.done) break;
      parts.push(next.value);
      have += next.value.length;
    }
    const all = parts.length === 1 ? rest : Buffer.concat(parts);
    rest = all.subarray(bytes);
    return all.subarray(0, bytes);
  };
}
