/**
 * The bytes of a log, gzipped or not, read from any offset, a bounded number at a time. Offsets are those of the bytes as
 * unpacked.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { InputError } from '@decpool/model';

const CHUNK_BYTES = 2 ** 20;

/** A gzip of a log shrinks it ten to thirty times. One that grows more than this, past the first bytes, is there to do harm. */
const MOST_EXPANSION = 200;
const FREE_EXPANSION_BYTES = 2 ** 25;

/** Reads on from an offset. What a call gives is valid until the next. */
export interface ByteReader {
  /** As many bytes as asked for, or those there are until the end. */
  take(bytes: number): Promise<Uint8Array>;
  /** Some bytes; none at the end. */
  some(): Promise<Uint8Array>;
  /** Passes over bytes. Returns how many: fewer than asked for at the end. */
  skip(bytes: number): Promise<number>;
  /** Gives up what it holds; called also when not all was read. */
  close(): void;
}

export interface FileReader extends ByteReader {
  /** How far in the file on disk it is: what it fetched, a little ahead of what was taken. */
  readonly fetched: number;
}

export class ByteFile {
  readonly path: string;
  readonly isGzip: boolean;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, isGzip: boolean) {
    this.path = path;
    this.#file = file;
    this.isGzip = isGzip;
  }

  /** Throws InputError when there is no such file, or it cannot be read. */
  static async open(path: string): Promise<ByteFile> {
    let file: FileHandle | undefined;
    try {
      file = await open(path);
      if ((await file.stat()).isDirectory()) throw new InputError('is a folder; expected an event log');
      const start = new Uint8Array(2);
      const { bytesRead } = await file.read(start, 0, 2, 0);
      return new ByteFile(path, file, bytesRead === 2 && start[0] === 0x1f && start[1] === 0x8b);
    } catch (error) {
      await file?.close();
      throw atPath(path, error);
    }
  }

  /** Bytes on disk. */
  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  /**
   * Reads from an offset on, so many bytes at once. `waits` is asked at the end of the file, and resolves to whether there
   * may be more, as when it is being written.
   */
  from(offset: number, chunkBytes = CHUNK_BYTES, waits?: () => Promise<boolean>): FileReader {
    return this.isGzip
      ? new GzipReader(this.path, offset)
      : new PlainReader(this.#file, offset, chunkBytes, waits);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** An error of the file system as one of the user's; others as they are. */
export function atPath(path: string, error: unknown): unknown {
  if (error instanceof InputError) return new InputError(`${path}: ${clipped(error.message)}`);
  if (error instanceof Error && 'code' in error)
    return new InputError(`${path}: cannot be read: ${error.message}`);
  return error;
}

/** A message tells what was read, and a hostile log has keys and names of any length. */
const MOST_MESSAGE = 2000;
const clipped = (message: string): string =>
  message.length > MOST_MESSAGE ? `${message.slice(0, MOST_MESSAGE)}...` : message;

/** What both readers share: bytes that were fetched and not yet taken. */
abstract class Chunked implements FileReader {
  #held: Uint8Array = new Uint8Array();

  /** The next bytes, none at the end. They are the caller's until the next call. */
  protected abstract next(): Promise<Uint8Array>;
  abstract close(): void;
  abstract get fetched(): number;

  async take(bytes: number): Promise<Uint8Array> {
    if (this.#held.length < bytes) return this.#gathered(bytes);
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  /** What lies in more than one piece. */
  async #gathered(bytes: number): Promise<Uint8Array> {
    // What was asked for may be more than there is: memory is taken as the bytes come.
    const parts = [this.#held.slice()];
    for (let have = this.#held.length; have < bytes; ) {
      const next = await this.next();
      const part = next.subarray(0, bytes - have);
      this.#held = next.subarray(part.length);
      if (part.length === 0) break;
      parts.push(part.slice());
      have += part.length;
    }
    return Buffer.concat(parts);
  }

  async some(): Promise<Uint8Array> {
    const bytes = this.#held.length > 0 ? this.#held : await this.next();
    this.#held = new Uint8Array();
    return bytes;
  }

  async skip(bytes: number): Promise<number> {
    const held = Math.min(bytes, this.#held.length);
    this.#held = this.#held.subarray(held);
    return held === bytes ? held : held + (await this.skipAhead(bytes - held));
  }

  /** Passes over bytes of which none was fetched yet. Returns how many there were. */
  protected async skipAhead(bytes: number): Promise<number> {
    for (let skipped = 0; skipped < bytes; ) {
      const next = await this.next();
      if (next.length === 0) return skipped;
      const part = Math.min(next.length, bytes - skipped);
      this.#held = next.subarray(part);
      skipped += part;
    }
    return bytes;
  }
}

class PlainReader extends Chunked {
  readonly #file: FileHandle;
  /** Bytes are read into the first while those in the second are the caller's. */
  #buffers: readonly [Uint8Array, Uint8Array];
  readonly #waits: (() => Promise<boolean>) | undefined;
  #offset: number;
  /** Large pieces are read one ahead: the next comes while this one is worked on. */
  #ahead: Promise<number> | undefined;
  readonly #readsAhead: boolean;

  constructor(file: FileHandle, offset: number, chunkBytes: number, waits?: () => Promise<boolean>) {
    super();
    this.#file = file;
    this.#offset = offset;
    this.#readsAhead = chunkBytes === CHUNK_BYTES && waits === undefined;
    this.#buffers = [new Uint8Array(chunkBytes), new Uint8Array(this.#readsAhead ? chunkBytes : 0)];
    this.#waits = waits;
  }

  protected async next(): Promise<Uint8Array> {
    for (;;) {
      const bytesRead = await (this.#ahead ?? this.#read());
      this.#ahead = undefined;
      this.#offset += bytesRead;
      if (bytesRead > 0 || this.#waits === undefined || !(await this.#waits())) {
        return this.#handedOut().subarray(0, bytesRead);
      }
    }
  }

  async #read(): Promise<number> {
    const [buffer] = this.#buffers;
    return (await this.#file.read(buffer, 0, buffer.length, this.#offset)).bytesRead;
  }

  #handedOut(): Uint8Array {
    const [full, other] = this.#buffers;
    if (!this.#readsAhead) return full;
    this.#buffers = [other, full];
    this.#ahead = this.#read();
    // Whoever asks for the bytes is told of the error; nobody may.
    this.#ahead.catch(() => {});
    return full;
  }

  protected override async skipAhead(bytes: number): Promise<number> {
    await this.#ahead;
    this.#ahead = undefined;
    const { size } = await this.#file.stat();
    const skipped = Math.max(0, Math.min(bytes, size - this.#offset));
    this.#offset += skipped;
    return skipped;
  }

  get fetched(): number {
    return this.#offset;
  }

  close(): void {}
}

/** A gzip that was cut off ends where it ends: as an error, its last bytes would be lost to a reader that has not come to them. */
const GUNZIP = { chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH };

class GzipReader extends Chunked {
  readonly #packed: Readable & { readonly bytesRead: number };
  readonly #stream: Readable;
  #chunks: AsyncIterator<Buffer> | undefined;
  #toSkip: number;
  #unpacked = 0;

  constructor(path: string, offset: number) {
    super();
    this.#packed = createReadStream(path);
    this.#stream = pipeline(this.#packed, createGunzip(GUNZIP), () => {});
    this.#toSkip = offset;
  }

  protected async next(): Promise<Uint8Array> {
    for (;;) {
      const chunk = await this.#nextChunk();
      if (chunk.length === 0 || chunk.length > this.#toSkip) {
        const wanted = chunk.subarray(this.#toSkip);
        this.#toSkip = 0;
        return wanted;
      }
      this.#toSkip -= chunk.length;
    }
  }

  async #nextChunk(): Promise<Uint8Array> {
    this.#chunks ??= this.#stream[Symbol.asyncIterator]();
    try {
      const { value, done } = await this.#chunks.next();
      if (done === true) return new Uint8Array();
      this.#unpacked += value.length;
      this.#expectHarmless();
      return value;
    } catch (error) {
      if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
        throw new InputError(`damaged gzip data: ${error.message}`);
      }
      throw error;
    }
  }

  #expectHarmless(): void {
    if (this.#unpacked <= FREE_EXPANSION_BYTES + MOST_EXPANSION * this.#packed.bytesRead) return;
    throw new InputError(
      `this gzip file expands more than ${MOST_EXPANSION} times, too much for a log; unpack it with gunzip if you trust it`,
    );
  }

  get fetched(): number {
    return this.#packed.bytesRead;
  }

  close(): void {
    this.#packed.destroy();
    this.#stream.destroy();
  }
}
