/** The records of a log in order, as the file stores them. Nothing here checks their hashes. */
import { InputError } from '@decpool/model';
import { LogOrder, type LogRecord, NdjsonDecoder, type NdjsonStart } from '@decpool/model/internal';
import { messageOf } from '../files/error-text.ts';
import type { ByteReader } from './byte-file.ts';
import type { LogFormat } from './format.ts';

/** The end of a log that was cut off: events of a segment without a checkpoint, and bytes of an incomplete record. */
export interface Torn {
  readonly kind: 'torn';
  readonly events: number;
  readonly bytes: number;
}
export type StoredRecord = LogRecord | Torn;

interface RecordOptions {
  /** Where the reader is. Default: at the first byte of the log. */
  readonly start?: NdjsonStart | undefined;
  /** Keyframes are passed over unread: they hold nothing that the events do not. */
  readonly skipsKeyframes?: boolean | undefined;
}

/**
 * The records from where the reader is to the end; last what was torn, if anything was. Throws InputError, which names the line
 * or the event, for data that is no log.
 */
export function recordsFrom(
  reader: ByteReader,
  format: LogFormat,
  options: RecordOptions = {},
): AsyncGenerator<StoredRecord> {
  return format === 'arrow' ? arrowRecords(reader, options) : ndjsonRecords(reader, options);
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
  const codec = await arrowCodec();
  const order = new LogOrder(start);
  const place = () => (order.hasHeader ? `after ${order.events} events` : 'in its header');
  for await (const message of arrowMessages(reader, codec, place, start === undefined)) {
    if (message.kind === 'torn') {
      yield message;
    } else if (skipsKeyframes === true && message.key === 'keyframe') {
      at(place, () => order.expectOpen());
    } else {
      yield at(place, () =>
        order.hasHeader
          ? codec.decodeArrowMessage(message.parts, order)
          : order.header(codec.decodeArrowHeader(Buffer.concat(message.parts))),
      );
    }
  }
}

type ArrowCodec = typeof import('@decpool/model/arrow');

/** Loaded when it is needed: NDJSON is read without it. */
export const arrowCodec = (): Promise<ArrowCodec> => import('@decpool/model/arrow');

/** A message of an Arrow stream whose metadata were checked. */
interface StoredMessage {
  readonly kind: 'message';
  /** Prefix, metadata and body; without the body if bodies are skipped. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of all three. */
  readonly bytes: number;
  readonly rows: number;
  /** First key of its custom metadata, and what stands under it. */
  readonly key: string | undefined;
  value(): string;
}

/** The messages up to the end; last what was torn, if anything was. `place` says in errors where the reader is. */
export async function* arrowMessages(
  reader: ByteReader,
  codec: ArrowCodec,
  place: () => string,
  hasHeader: boolean,
  skipsBodies = false,
): AsyncGenerator<StoredMessage | Torn> {
  for (let isFirst = hasHeader; ; isFirst = false) {
    const prefix = (await reader.take(codec.ARROW_PREFIX_BYTES)).slice();
    // The mark at the end of a stream may be missing.
    if (prefix.length === 0) return;
    if (prefix.length < codec.ARROW_PREFIX_BYTES) {
      return yield { kind: 'torn', events: 0, bytes: prefix.length };
    }
    const size = at(place, () => codec.arrowMetadataBytes(prefix));
    if (size === 0) {
      if ((await reader.take(1)).length === 0) return;
      throw new InputError('data after the end of the Arrow stream; expected the end of the file');
    }
    const metadata = (await reader.take(size)).slice();
    const head = prefix.length + metadata.length;
    if (metadata.length < size) return yield { kind: 'torn', events: 0, bytes: head };
    const message = at(place, () => codec.checkMessage(metadata, isFirst));
    const { bodyBytes, rows, key } = message;
    const body = skipsBodies ? undefined : await reader.take(bodyBytes);
    const bytes = head + (body === undefined ? await reader.skip(bodyBytes) : body.length);
    if (bytes < head + bodyBytes) return yield { kind: 'torn', events: rows, bytes };
    const parts = body === undefined ? [prefix, metadata] : [prefix, metadata, body];
    yield { kind: 'message', parts, bytes, rows, key, value: () => message.value() };
  }
}

/** What `read` returns. Throws InputError that names the place for any error. */
function at<Value>(place: () => string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${place()}: ${error.message}`);
    // The Arrow library throws errors of any kind for bytes that are no Arrow.
    throw new InputError(`${place()}: damaged: ${messageOf(error)}`);
  }
}
