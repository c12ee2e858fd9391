/** The messages of an Arrow stream, as they lie in a file. */
import { InputError } from '@decpool/model';
import type { ByteReader } from './byte-reader.ts';
import { messageOf } from './error-text.ts';

/** The end of a log that was cut off: events of a segment without a checkpoint, and bytes of an incomplete record. */
export interface Torn {
  readonly kind: 'torn';
  readonly events: number;
  readonly bytes: number;
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
  codec: Pick<ArrowCodec, 'ARROW_PREFIX_BYTES' | 'arrowMetadataBytes' | 'checkMessage'>,
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
export function at<Value>(place: () => string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${place()}: ${error.message}`);
    // The Arrow library throws errors of any kind for bytes that are no Arrow.
    throw new InputError(`${place()}: damaged: ${messageOf(error)}`);
  }
}
