/** Writes files of requests: docs/reference/requests-file.md. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { InputError, type Request } from '@decpool/model';
import { codeOf, notWrittenText } from '../../files/error-text.ts';
import { type LateFree, LateFrees } from '../../workloads/request-list.ts';
import { RequestsHash } from '../../workloads/requests-hash.ts';
import { decompressed } from '../decompressed.ts';
import { checksumOf, type RequestBatch, RequestBatches } from './columns.ts';
import { type RequestsHeader, type RequestsSeal, requestsHeader } from './facts.ts';
import { requestsParts } from './read.ts';

type Codec = typeof import('@decpool/model/arrow');

/** Level 1 writes four times as fast as the default, and the file is a quarter larger. */
const LEVEL = constants.Z_BEST_SPEED;
const packed = promisify(gzip);

/** A file that has its name only once it is complete. */
export class RequestsWriter {
  readonly #path: string;
  readonly #codec: Codec;
  readonly #file: FileHandle;
  readonly #batches = new RequestBatches();
  readonly #hash = new RequestsHash();
  #full: RequestBatch[] = [];
  #count = 0;
  #checksum = 0;

  private constructor(path: string, codec: Codec, file: FileHandle) {
    this.#path = path;
    this.#codec = codec;
    this.#file = file;
  }

  /** Throws InputError if the file cannot be made. `path`: packed if it ends in .gz. */
  static async open(path: string): Promise<RequestsWriter> {
    const codec = await import('@decpool/model/arrow');
    try {
      return new RequestsWriter(path, codec, await open(partialOf(path), 'wx'));
    } catch (error) {
      throw notWritten(path, error);
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Call before the first request. */
  begin(header: RequestsHeader): Promise<void> {
    return this.#put(this.#codec.encodeRequestsHeader(requestsHeader(header)));
  }

  readonly add = (request: Request): void => {
    this.#hash.add(request);
    const batch = this.#batches.add(request);
    if (batch !== undefined) this.#full.push(batch);
  };

  /** Writes the full batches. */
  async drain(): Promise<void> {
    const full = this.#full;
    this.#full = [];
    for (const batch of full) await this.#write(batch);
  }

  /** Writes the rest and the seal, and gives the file its name. */
  async finish(facts: Omit<RequestsSeal, 'requests' | 'sha256'>): Promise<RequestsSeal> {
    await this.#flush();
    const seal = { requests: this.#count, sha256: this.#hash.digest(), ...facts };
    await this.#put(Buffer.concat([this.#codec.encodeRequestsSeal(seal), this.#codec.ARROW_END]));
    try {
      await this.#file.sync();
      await this.#file.close();
      await rename(partialOf(this.#path), this.#path);
    } catch (error) {
      throw notWritten(this.#path, error);
    }
    return seal;
  }

  /** As finish(), with frees among the requests: those that are written are copied into a second file. */
  async finishWith(
    lateFrees: readonly LateFree[],
    header: RequestsHeader,
    facts: Omit<RequestsSeal, 'requests' | 'sha256'>,
  ): Promise<RequestsSeal> {
    if (lateFrees.length === 0) return this.finish(facts);
    await this.#flush();
    await this.#file.close();
    const first = `${partialOf(this.#path)}.1`;
    await rename(partialOf(this.#path), first);
    const second = await RequestsWriter.open(this.#path);
    try {
      await second.begin(header);
      await second.#copy(first, lateFrees);
      return await second.finish(facts);
    } catch (error) {
      await second.abort();
      throw error;
    } finally {
      await rm(first, { force: true });
    }
  }

  /** Stops and removes what was written. */
  async abort(): Promise<void> {
    // It may be closed.
    await this.#file.close().catch(() => {});
    await rm(partialOf(this.#path), { force: true });
  }

  /** The requests of another file, with frees among them. */
  async #copy(path: string, lateFrees: readonly LateFree[]): Promise<void> {
    const merged = new LateFrees(lateFrees);
    for await (const part of requestsParts(decompressed(createReadStream(path)), path)) {
      if (part.kind !== 'requests') continue;
      for (const request of merged.among(part.requests)) this.add(request);
      await this.drain();
    }
    for (const request of merged.rest()) this.add(request);
  }

  async #flush(): Promise<void> {
    await this.drain();
    const last = this.#batches.take();
    if (last.length > 0) await this.#write(last);
  }

  async #write(batch: RequestBatch): Promise<void> {
    const { columns, length, names } = batch;
    this.#count += length;
    this.#checksum = checksumOf(batch, this.#codec.REQUEST_FILE_COLUMNS, this.#checksum);
    const checkpoint = { requests: this.#count, crc32: this.#checksum };
    await this.#put(this.#codec.encodeRequests(columns, length, names, checkpoint));
  }

  /** Each message is a gzip member of its own, so that another thread packs it while requests are read. */
  async #put(bytes: Uint8Array): Promise<void> {
    const out = this.#path.endsWith('.gz') ? await packed(bytes, { level: LEVEL }) : bytes;
    try {
      for (let at = 0; at < out.length; ) {
        at += (await this.#file.write(out, at, out.length - at)).bytesWritten;
      }
    } catch (error) {
      throw notWritten(this.#path, error);
    }
  }
}

const partialOf = (path: string): string => `${path}.partial`;

function notWritten(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  return new InputError(
    code === 'EEXIST'
      ? `${partialOf(path)}: already exists; wait for the run that writes it, or remove it`
      : notWrittenText(path, error),
  );
}
