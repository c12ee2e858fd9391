import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type EventBatch, InputError, type LogHeader, type LogTrailer, NdjsonDecoder } from '@decpool/model';
import { fromArrow, headerFromArrow } from '@decpool/model/arrow';
import { RecordBatchReader } from 'apache-arrow';

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
    const magic = await firstBytes(path);
    const isGzip = magic[0] === 0x1f && magic[1] === 0x8b;
    const raw = createReadStream(path);
    const stream: Readable = isGzip ? raw.on('error', () => {}).pipe(createGunzip()) : raw;
    // An Arrow stream begins with the continuation marker 0xFFFFFFFF, an NDJSON log with '{'.
    const head = isGzip ? await peek(path) : magic;
    yield* head[0] === 0xff ? arrowParts(stream) : ndjsonParts(stream);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${path}: ${error.message}`);
    if (error instanceof Error && ('code' in error || error.name === 'Error')) {
      throw new InputError(`${path}: cannot be read: ${error.message}`);
    }
    throw error;
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(4);
    await file.read(bytes, 0, 4, 0);
    return bytes;
  } finally {
    await file.close();
  }
}

/** First byte of what a gzip file holds. */
async function peek(path: string): Promise<Uint8Array> {
  const stream = createReadStream(path).pipe(createGunzip());
  for await (const chunk of stream) {
    stream.destroy();
    return chunk as Uint8Array;
  }
  return new Uint8Array(1);
}

async function* ndjsonParts(stream: Readable): AsyncGenerator<LogPart> {
  const decoder = new NdjsonDecoder();
  const errors: Error[] = [];
  stream.on('error', (error) => errors.push(error));
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
  if (errors.length > 0) throw errors[0];
  if (!isHeaderOut) throw new InputError('empty; expected an event log');
  const rest = decoder.finish();
  if (rest !== undefined) yield { kind: 'batch', batch: rest };
  if (decoder.trailer !== undefined) yield { kind: 'trailer', trailer: decoder.trailer };
}

async function* arrowParts(stream: Readable): AsyncGenerator<LogPart> {
  const reader = await RecordBatchReader.from(stream);
  await reader.open({ autoDestroy: true });
  if (reader.schema === undefined)
    throw new InputError('an Arrow file without a schema; expected an event log');
  yield { kind: 'header', header: headerFromArrow(reader.schema) };
  let events = 0;
  for await (const recordBatch of reader) {
    const part = fromArrow(recordBatch, events);
    if ('trailer' in part) {
      yield { kind: 'trailer', trailer: part.trailer };
    } else {
      events += part.batch.length;
      yield { kind: 'batch', batch: part.batch };
    }
  }
}
