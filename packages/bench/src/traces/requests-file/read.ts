/** Reads files of requests: docs/reference/requests-file.md. */
import { InputError, type Request } from '@decpool/model';
import { arrowMessages } from '../../files/arrow-messages.ts';
import { ByteReader } from '../../files/byte-reader.ts';
import { messageOf } from '../../files/error-text.ts';
import type { ImportOptions } from '../format.ts';
import { shownPath } from '../lines.ts';
import type { RequestSink, TraceFacts } from '../request-sink.ts';
import { checksumOf, RequestRows } from './columns.ts';
import {
  parseCheckpoint,
  parseRequestsHeader,
  parseRequestsSeal,
  type RequestsHeader,
  type RequestsSeal,
} from './facts.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** What a file consists of, in this order: a header, batches of requests, and a seal. */
export type RequestsPart =
  | { readonly kind: 'header'; readonly header: RequestsHeader }
  | { readonly kind: 'requests'; readonly requests: readonly Request[] }
  | { readonly kind: 'seal'; readonly seal: RequestsSeal };

/** Whether unpacked bytes begin as an Arrow stream does, which no text does; and the same bytes, none of them read. */
export async function isRequestsFile(bytes: AsyncGenerator<Uint8Array>) {
  const first = await bytes.next();
  const isFile = first.done !== true && first.value[0] === 0xff && first.value[1] === 0xff;
  return {
    isFile,
    bytes: (async function* () {
      if (first.done === true) return;
      yield first.value;
      yield* bytes;
    })(),
  };
}

/** Gives the requests to the sink, unless the file is damaged or cut off: then it throws InputError with the path. */
export async function readRequestsFile(
  bytes: Bytes,
  path: string,
  { shared }: ImportOptions,
  sink: RequestSink,
): Promise<TraceFacts> {
  let facts: RequestsHeader | undefined;
  let read: TraceFacts | undefined;
  for await (const part of requestsParts(bytes, path)) {
    if (part.kind === 'header') {
      facts = part.header;
      if (shared !== undefined) throw new InputError(alreadyChosen(path, facts));
      const { name, format, description } = facts;
      await sink.begin?.({ name, format: { name: format, description } });
    } else if (part.kind === 'requests') {
      for (const request of part.requests) sink.add(request);
      await sink.drain();
    } else if (facts !== undefined) {
      const { name, format, description } = facts;
      const { notes, sanity } = part.seal;
      read = { name, format: { name: format, description }, notes, sanity };
    }
  }
  if (read !== undefined) return read;
  throw new InputError(`${shownPath(path)}: cut off: it has no seal; convert the trace again`);
}

const alreadyChosen = (path: string, { shared }: RequestsHeader): string =>
  `${shownPath(path)}: --shared chooses among page allocations of a trace, and these are requests, chosen by ${
    shared === undefined ? 'no --shared' : `--shared '${shared}'`
  }; convert the trace again with another --shared`;

/** The parts of a file; without the seal if it was cut off. Throws InputError with the path if it is damaged. */
export async function* requestsParts(bytes: Bytes, path: string): AsyncGenerator<RequestsPart> {
  const codec = await import('@decpool/model/arrow');
  const iterator = bytes[Symbol.asyncIterator]();
  const reader = new ByteReader({
    next: async () => {
      const { value, done } = await iterator.next();
      return done === true ? new Uint8Array() : value;
    },
    fetched: 0,
    close: () => {},
  });
  const rows = new RequestRows();
  let [count, checksum, hasHeader, isSealed] = [0, 0, false, false];
  const place = () => (hasHeader ? `after ${count} requests` : 'in its header');
  const messages = arrowMessages(reader, { ...codec, checkMessage: codec.checkRequestsMessage }, place, true);
  try {
    for await (const message of messages) {
      if (message.kind === 'torn') return;
      if (isSealed) throw new InputError('data behind the seal');
      if (!hasHeader) {
        const header = parseRequestsHeader(codec.decodeRequestsHeader(Buffer.concat(message.parts)));
        hasHeader = true;
        yield { kind: 'header', header };
        continue;
      }
      const { columns, length, nameAt, checkpoint, seal } = codec.decodeRequests(message.parts);
      if (seal !== undefined) {
        const read = parseRequestsSeal(seal);
        if (read.requests !== count) throw new InputError(`the seal counts ${read.requests} requests`);
        isSealed = true;
        yield { kind: 'seal', seal: read };
        continue;
      }
      const expected = parseCheckpoint(checkpoint);
      const { requests, names } = rows.read(columns, length, nameAt);
      checksum = checksumOf({ columns, length, names }, codec.REQUEST_FILE_COLUMNS, checksum);
      count += length;
      if (expected.requests !== count || expected.crc32 !== checksum) {
        throw new InputError('the checksum of a batch does not match: the file was altered');
      }
      yield { kind: 'requests', requests };
    }
  } catch (error) {
    throw damaged(path, place(), error);
  }
}

/** The Arrow library throws errors of any kind for bytes that are no Arrow. */
function damaged(path: string, place: string, error: unknown): InputError {
  const shown = shownPath(path);
  const text = messageOf(error);
  if (text.startsWith(`${shown}: `)) return new InputError(text);
  return new InputError(`${shown}: ${text.startsWith(place) ? text : `${place}: ${text}`}`);
}
