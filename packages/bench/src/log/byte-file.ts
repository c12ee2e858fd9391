/**
 * The bytes of a log file, gzipped or not, read from any offset in chunks of bounded size. Offsets count unpacked bytes.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { InputError } from '@decpool/model';
import { ByteReader, type ByteSource } from '../files/byte-reader.ts';
import type { LogFormat } from './format.ts';

const CHUNK_BYTES = 2 ** 20;

/** Gzip shrinks a log ten to thirty times. A file that grows more than this, past the first bytes, is meant to do harm. */
const MAX_EXPANSION = 200;
const FREE_EXPANSION_BYTES = 2 ** 25;

export interface ByteFile {
  readonly path: string;
  readonly isGzip: boolean;
  readonly format: LogFormat;
  /** Bytes on disk. */
  size(): Promise<number>;
  from(offset: number, options?: FromOptions): Promise<ByteReader>;
  close(): Promise<void>;
}

interface FromOptions {
  /** Bytes per read of the file. Default: all that is left of it, and at most 1 MiB; 1 MiB if it waits. */
  readonly chunkBytes?: number;
  /** Called at the end of the file; resolves to whether more bytes may come, as in a log that is being written. */
  readonly waits?: (() => Promise<boolean>) | undefined;
}

/** Throws InputError if the file cannot be read or is empty. */
export async function openFile(path: string): Promise<ByteFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await described(path, file);
  } catch (error) {
    await file?.close();
    throw atPath(path, error);
  }
}

async function described(path: string, file: FileHandle): Promise<ByteFile> {
  if ((await file.stat()).isDirectory()) throw new InputError('is a folder; expected an event log');
  const start = new Uint8Array(2);
  await file.read(start, 0, start.length, 0);
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  const size = async () => (await file.stat()).size;
  /** One read takes all of a small file: two buffers of 1 MiB take longer to make than it takes to read. */
  const mostBytes = async (offset: number) => Math.min(CHUNK_BYTES, Math.max(0, (await size()) - offset) + 1);
  const from = async (offset: number, { chunkBytes, waits }: FromOptions = {}) => {
    if (!isGzip) {
      const readsAhead = chunkBytes === undefined && waits === undefined;
      const bytes = chunkBytes ?? (readsAhead ? await mostBytes(offset) : CHUNK_BYTES);
      return new ByteReader(plainSource(file, offset, bytes, { readsAhead, waits }));
    }
    const reader = new ByteReader(gzipSource(path));
    await reader.skip(offset);
    return reader;
  };
  const reader = await from(0, { chunkBytes: 64 });
  const [first] = await reader.take(1);
  reader.close();
  if (first === undefined) throw new InputError('is empty; expected an event log');
  return {
    path,
    isGzip,
    // An Arrow stream begins with the continuation mark 0xFFFFFFFF, an NDJSON log with '{'.
    format: first === 0xff ? 'arrow' : 'ndjson',
    size,
    from,
    close: () => file.close(),
  };
}

/** Names the file in an InputError, and makes one of an error of the file system. Returns other errors as they are. */
export function atPath(path: string, error: unknown): unknown {
  if (error instanceof InputError) return new InputError(`${path}: ${inOneLine(error.message)}`);
  if (error instanceof Error && 'code' in error)
    return new InputError(`${path}: cannot be read: ${error.message}`);
  return error;
}

/** A message quotes the log, and a hostile log has keys and names of any length, and with line ends. */
const MAX_MESSAGE = 2000;
const inOneLine = (message: string): string =>
  (message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : message).replaceAll('\n', '\\n');

function plainSource(
  file: FileHandle,
  start: number,
  chunkBytes: number,
  { readsAhead, waits }: { readonly readsAhead: boolean; readonly waits: FromOptions['waits'] },
): ByteSource {
  // One ahead: the next chunk is read while the caller works on this one, in the other buffer.
  let buffer = new Uint8Array(chunkBytes);
  let other = readsAhead ? new Uint8Array(chunkBytes) : buffer;
  let offset = start;
  let ahead: Promise<number> | undefined;
  const read = async () => (await file.read(buffer, 0, buffer.length, offset)).bytesRead;
  return {
    async next() {
      for (;;) {
        const bytesRead = await (ahead ?? read());
        offset += bytesRead;
        if (bytesRead === 0 && waits !== undefined && (await waits())) continue;
        const bytes = buffer.subarray(0, bytesRead);
        if (readsAhead) {
          [buffer, other] = [other, buffer];
          ahead = read();
          // The next call reports the error; there may be none.
          ahead.catch(() => {});
        }
        return bytes;
      }
    },
    async skip(bytes) {
      await ahead;
      ahead = undefined;
      const { size } = await file.stat();
      const skipped = Math.max(0, Math.min(bytes, size - offset));
      offset += skipped;
      return skipped;
    },
    get fetched() {
      return offset;
    },
    close() {},
  };
}

/** The end of a gzip that was cut off is no error: it would hide the last bytes before it. */
const GUNZIP = { chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH };

function gzipSource(path: string): ByteSource {
  const packed = createReadStream(path);
  const stream = pipeline(packed, createGunzip(GUNZIP), () => {});
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  let unpacked = 0;
  return {
    async next() {
      const { value, done } = await chunks.next().catch((error: NodeJS.ErrnoException) => {
        const isDamage = error.code?.startsWith('Z_') === true;
        throw isDamage ? new InputError(`damaged gzip data: ${error.message}`) : error;
      });
      if (done === true) return new Uint8Array();
      unpacked += value.length;
      if (unpacked > FREE_EXPANSION_BYTES + MAX_EXPANSION * packed.bytesRead) {
        throw new InputError(
          `this gzip file expands more than ${MAX_EXPANSION} times, too much for a log; unpack it with gunzip if you trust it`,
        );
      }
      return value;
    },
    get fetched() {
      return packed.bytesRead;
    },
    close() {
      stream.destroy();
    },
  };
}
