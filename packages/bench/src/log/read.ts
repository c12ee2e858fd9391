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
  const [{ fromArrow, headerFromArrow }, { RecordBatchReader }] = await Promise.all([
    import('@decpool/model/arrow'),
    import('apache-arrow'),
  ]);
  let events = 0;
  try {
    const reader = await RecordBatchReader.from(stream);
    await reader.open({ autoDestroy: true });
    if (reader.schema === undefined)
      throw new InputError('an Arrow file without a schema; expected an event log');
    yield { kind: 'header', header: headerFromArrow(reader.schema) };
    for await (const recordBatch of reader) {
      const part = fromArrow(recordBatch, events);
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
