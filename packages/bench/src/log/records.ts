/** The records of a log in order, as the file stores them. Nothing here checks their hashes. */
import { LogOrder, type LogRecord, NdjsonDecoder, type NdjsonStart } from '@decpool/model/internal';
import { arrowCodec, arrowMessages, at, type Torn } from '../files/arrow-messages.ts';
import type { ByteReader } from '../files/byte-reader.ts';
import type { LogFormat } from './format.ts';

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
