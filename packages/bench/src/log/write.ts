/**
 * Writing a log. Each segment goes to the file with its checkpoint in one piece, and write() resolves once the operating system has
 * it: however the process ends then, the segment can be read.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import {
  Columns,
  type EventBatch,
  encodeEventLines,
  encodeHeaderLine,
  encodeMarkLine,
  encodeState,
  frameOf,
  InputError,
  type Keyframe,
  type LogHeader,
  MAX_SEGMENT_EVENTS,
  type Marks,
  type Seal,
} from '@decpool/model';
import { Chain } from './chain.ts';
import type { LogFormat } from './format.ts';

/** A log being written, segment by segment. It has its name only once it is complete: finish() renames it. */
export interface LogWriter {
  /** Events that the operating system has: whatever happens now, recover() finds them. */
  readonly flushed: number;
  /** Where it is until it is finished. */
  readonly partial: string;
  /** Writes a segment. Resolves when the operating system has it. Throws InputError when it does not take it. */
  write(batch: EventBatch): Promise<void>;
  /**
   * Seals the log and gives it its name. Throws Error, a defect, when its events do not lead to the state that the run is
   * in, where that is told.
   */
  finish(stateHash?: string): Promise<Seal>;
  /** Stops here: what was written stays under its partial name, for recover(). */
  close(): Promise<void>;
  /** Gives up: nothing is left behind. */
  abort(): Promise<void>;
}

export interface LogWriterOptions {
  /** Events between two keyframes, at least; KEYFRAME_EVENTS unless told. */
  readonly keyframeEvents?: number;
  /** The log is what was saved of one that was cut off. */
  readonly isCutOff?: boolean;
}

/** Events that are folded in some 50 ms: what it takes at most to get from a keyframe to any event behind it. */
export const KEYFRAME_EVENTS = 2 ** 18;
/** A keyframe is written once the events since the last one take so many times its bytes: it adds an eighth at most. */
const EVENT_BYTES_PER_KEYFRAME_BYTE = 8;
const BYTES_PER_EVENT = 32;

/** Throws InputError when the file cannot be made, or is being written already. */
export async function openLogWriter(
  path: string,
  format: LogFormat,
  header: LogHeader,
  options: LogWriterOptions = {},
): Promise<LogWriter> {
  const encoder = format === 'arrow' ? await arrowEncoder() : NDJSON_ENCODER;
  const partial = `${path}.partial`;
  const file = await created(partial);
  const writer = new Writer(path, file, header, encoder, options);
  try {
    await writer.begin(header);
  } catch (error) {
    // Without its header it is no log: nobody could recover anything of it.
    await writer.abort();
    throw error;
  }
  return writer;
}

async function created(partial: string): Promise<FileHandle> {
  try {
    return await open(partial, 'wx');
  } catch (error) {
    if (isCode(error, 'EEXIST')) {
      throw new InputError(
        `${partial}: already exists; wait for the run that writes it, or save its events with 'decpool recover' and remove it`,
      );
    }
    throw notWritten(partial, error, 0);
  }
}

class Writer implements LogWriter {
  readonly partial: string;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #encoder: Encoder;
  readonly #options: LogWriterOptions;
  readonly #chain: Chain;
  /** The writer folds what it writes: keyframes and seal are made of that, not of what a run says. */
  readonly #columns: Columns;
  #keyframeAt = 0;
  #keyframeBytes = 0;
  #flushed = 0;

  constructor(
    path: string,
    file: FileHandle,
    header: LogHeader,
    encoder: Encoder,
    options: LogWriterOptions,
  ) {
    this.partial = `${path}.partial`;
    this.#path = path;
    this.#file = file;
    this.#encoder = encoder;
    this.#options = options;
    this.#chain = new Chain(header);
    this.#columns = new Columns(frameOf(header), header.memory.directMap);
  }

  get flushed(): number {
    return this.#flushed;
  }

  async begin(header: LogHeader): Promise<void> {
    await this.#put(this.#encoder.header(header));
  }

  async write(batch: EventBatch): Promise<void> {
    for (let from = 0; from < batch.length; from += MAX_SEGMENT_EVENTS) {
      await this.#writeSegment(batch.slice(from, Math.min(batch.length, from + MAX_SEGMENT_EVENTS)));
    }
  }

  async #writeSegment(batch: EventBatch): Promise<void> {
    const checkpoint = this.#chain.append(batch);
    await this.#put(this.#encoder.segment(batch, checkpoint));
    this.#columns.fold(batch);
    this.#flushed = checkpoint.events;
    if (this.#isKeyframeDue()) await this.#keyframe();
  }

  #isKeyframeDue(): boolean {
    const since = this.#flushed - this.#keyframeAt;
    return (
      since >= (this.#options.keyframeEvents ?? KEYFRAME_EVENTS) &&
      since * BYTES_PER_EVENT >= this.#keyframeBytes * EVENT_BYTES_PER_KEYFRAME_BYTE
    );
  }

  async #keyframe(): Promise<void> {
    const state = deflateRawSync(encodeState(this.#columns), { level: 1 }).toString('base64');
    const stateHash = this.#columns.hash();
    const hash = this.#chain.keyframeHash({ stateHash, state });
    const keyframe: Keyframe = { events: this.#flushed, stateHash, hash, state };
    await this.#put(this.#encoder.mark('keyframe', keyframe));
    this.#keyframeAt = this.#flushed;
    this.#keyframeBytes = state.length;
  }

  async finish(expected?: string): Promise<Seal> {
    const stateHash = this.#columns.hash();
    if (expected !== undefined && expected !== stateHash) {
      throw new Error(
        `the events of ${this.#path} lead to the state ${stateHash}, the run is in ${expected}`,
      );
    }
    const { isCutOff } = this.#options;
    const seal: Seal = {
      events: this.#flushed,
      chain: this.#chain.value,
      stateHash,
      ...(isCutOff === true ? { isCutOff } : {}),
    };
    await this.#put(this.#encoder.mark('seal', seal));
    await this.#put(this.#encoder.end);
    try {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.partial, this.#path);
      await syncFolder(dirname(this.#path));
    } catch (error) {
      throw notWritten(this.partial, error, this.#flushed);
    }
    return seal;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async abort(): Promise<void> {
    await this.#file.close();
    await rm(this.partial, { force: true });
  }

  async #put(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at);
        at += bytesWritten;
      }
    } catch (error) {
      throw notWritten(this.partial, error, this.#flushed);
    }
  }
}

/** The rename itself must outlive a loss of power. Not every file system lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch {
    // Nothing depends on it but how soon the new name is on disk.
  }
}

/** A log that could not be written any further. What it has until then can be saved. */
export class UnwrittenError extends InputError {}

function notWritten(partial: string, error: unknown, flushed: number): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const why = isCode(error, 'ENOSPC') || isCode(error, 'EDQUOT') ? 'no space left' : error.message;
  const saved = flushed === 0 ? '' : `; to save its first ${flushed} events, run: decpool recover ${partial}`;
  return new UnwrittenError(`${partial}: cannot be written: ${why}${saved}`);
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

/** The records of a log as bytes of its format. */
interface Encoder {
  header(header: LogHeader): Uint8Array;
  segment(batch: EventBatch, checkpoint: Marks['checkpoint']): Uint8Array;
  mark<Name extends 'keyframe' | 'seal'>(name: Name, mark: Marks[Name]): Uint8Array;
  /** Behind the seal. */
  readonly end: Uint8Array;
}

const NDJSON_ENCODER: Encoder = {
  header: (header) => Buffer.from(encodeHeaderLine(header)),
  segment: (batch, checkpoint) =>
    Buffer.concat([encodeEventLines(batch), Buffer.from(encodeMarkLine('checkpoint', checkpoint))]),
  mark: (name, mark) => Buffer.from(encodeMarkLine(name, mark)),
  end: new Uint8Array(),
};

async function arrowEncoder(): Promise<Encoder> {
  // Loaded here: whoever writes NDJSON, or nothing, need not wait for Arrow.
  const codec = await import('@decpool/model/arrow');
  return {
    header: codec.encodeArrowHeader,
    segment: codec.encodeArrowSegment,
    mark: codec.encodeArrowMark,
    end: codec.ARROW_END,
  };
}
