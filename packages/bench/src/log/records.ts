/** The records of a log in order, as they are stored: the two formats, told apart by their first byte. */
import { InputError, LogOrder, type LogRecord, NdjsonDecoder, type NdjsonStart } from '@decpool/model';
import type { ByteFile, ByteReader } from './byte-file.ts';
import type { LogFormat } from './format.ts';

/** What is left of a log that was cut off: events of a segment that has no end, and bytes of no whole record. */
export interface Torn {
  readonly kind: 'torn';
  readonly events: number;
  readonly bytes: number;
}
export type StoredRecord = LogRecord | Torn;

/** Where in a log a reader begins: at its first byte, or behind a checkpoint of which this is known. */
export type RecordStart = NdjsonStart;

/** How a log is stored. Throws InputError when it is empty. */
export async function formatIn(file: ByteFile): Promise<LogFormat> {
  const reader = file.from(0, 64);
  try {
    return formatOf(await reader.take(1));
  } finally {
    reader.close();
  }
}

/** An Arrow stream begins with the continuation mark 0xFFFFFFFF, an NDJSON log with '{'. Throws InputError for neither. */
function formatOf(start: Uint8Array): LogFormat {
  if (start.length === 0) throw new InputError('is empty; expected an event log');
  return start[0] === 0xff ? 'arrow' : 'ndjson';
}

/**
 * The records from where the reader is to the end; last what was torn, if anything was. Throws InputError, which names the line
 * or the event, at what is no log. Nobody has checked them against their checkpoints.
 */
export function recordsFrom(
  reader: ByteReader,
  format: LogFormat,
  options: RecordOptions = {},
): AsyncGenerator<StoredRecord> {
  return format === 'arrow' ? arrowRecords(reader, options) : ndjsonRecords(reader, options);
}

export interface RecordOptions {
  readonly start?: RecordStart | undefined;
  /** Keyframes are passed over unread: they hold nothing that the events do not. */
  readonly skipsKeyframes?: boolean;
}

async function* ndjsonRecords(reader: ByteReader, options: RecordOptions): AsyncGenerator<StoredRecord> {
  const decoder = new NdjsonDecoder(options.start, options.skipsKeyframes);
  for (;;) {
    const bytes = await reader.some();
    if (bytes.length === 0) break;
    yield* decoder.push(bytes);
  }
  yield* decoder.finish();
  const { openEvents: events, openBytes: bytes } = decoder;
  if (events > 0 || bytes > 0) yield { kind: 'torn', events, bytes };
}

async function* arrowRecords(
  reader: ByteReader,
  { start, skipsKeyframes }: RecordOptions,
): AsyncGenerator<StoredRecord> {
  // Loaded here: whoever reads NDJSON need not wait for Arrow.
  const codec = await import('@decpool/model/arrow');
  const order = new LogOrder(start);
  for (let isFirst = start === undefined; ; isFirst = false) {
    const prefix = (await reader.take(codec.ARROW_PREFIX_BYTES)).slice();
    // The mark at the end of a stream may be missing.
    if (prefix.length === 0) return;
    if (prefix.length < codec.ARROW_PREFIX_BYTES)
      return yield { kind: 'torn', events: 0, bytes: prefix.length };
    const place = isFirst ? 'in its header' : `after ${order.events} events`;
    const size = at(place, () => codec.arrowMetadataBytes(prefix));
    if (size === 0) {
      if ((await reader.take(1)).length > 0)
        throw new InputError('data after the end of the Arrow stream; expected the end of the file');
      return;
    }
    const metadata = (await reader.take(size)).slice();
    if (metadata.length < size) {
      return yield { kind: 'torn', events: 0, bytes: prefix.length + metadata.length };
    }
    const { bodyBytes, rows, key } = at(place, () => codec.checkMessage(metadata, isFirst));
    const body = await reader.take(bodyBytes);
    if (body.length < bodyBytes) {
      return yield { kind: 'torn', events: rows, bytes: prefix.length + metadata.length + body.length };
    }
    if (skipsKeyframes === true && key === 'keyframe') {
      at(place, () => order.expectOpen());
      continue;
    }
    const message = [prefix, metadata, body];
    yield at(place, () =>
      isFirst
        ? order.header(codec.decodeArrowHeader(Buffer.concat(message)))
        : codec.decodeArrowMessage(message, order),
    );
  }
}

/** What `read` gives. Throws InputError that names the place for whatever it stumbles over. */
function at<Value>(place: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${place}: ${error.message}`);
    // On bytes that are no Arrow its reader throws anything.
    throw new InputError(`${place}: damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
}
