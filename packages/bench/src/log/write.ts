/**
 * Writing a log. Each segment goes to the file in one piece with its checkpoint. write() resolves once the operating system has it:
 * from then on the segment can be read, however the process ends.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { type EventBatch, InputError, type LogHeader, type Seal } from '@decpool/model';
import {
  encodeEventLines,
  encodeHeaderLine,
  encodeMarkLine,
  encodeState,
  MAX_SEGMENT_EVENTS,
  type Marks,
  SCHEMA_VERSION,
} from '@decpool/model/internal';
import { arrowCodec } from '../files/arrow-messages.ts';
import { notWrittenText } from '../files/error-text.ts';
import { Chain } from './chain.ts';
import { initialColumns } from './fold.ts';
import type { LogFormat } from './format.ts';

/** A log being written, segment by segment. It has a temporary name until finish() renames it. */
export interface LogWriter {
  /** Events that the operating system has. Whatever happens now, recoverLog() finds them. */
  readonly flushed: number;
  /** Path until it is finished. */
  readonly partial: string;
  /** Writes segments. Resolves once the operating system has them. Throws UnwrittenError if it refuses. */
  write(batch: EventBatch): Promise<void>;
  /** Seals the log and renames it. Throws Error, for a defect, if its events do not lead to the state `stateHash`. */
  finish(stateHash?: string): Promise<Seal>;
  /** Stops here. What was written stays under the temporary name, for recoverLog(). */
  close(): Promise<void>;
  /** Stops and removes the file. */
  abort(): Promise<void>;
}

/** How a log is written. */
export interface LogWriterOptions {
  /** Least events between two keyframes. Default: KEYFRAME_EVENTS. */
  readonly keyframeEvents?: number;
  /** The log is recovered from one that was cut off. */
  readonly isCutOff?: boolean;
}

/** Folding that many events takes some 25 ms. */
const KEYFRAME_EVENTS = 2 ** 17;
/** The events between two keyframes take at least 5 times the bytes of a keyframe, so keyframes add at most a fifth. */
const EVENT_BYTES_PER_KEYFRAME_BYTE = 5;
const BYTES_PER_EVENT = 32;

/** Throws InputError if the file cannot be created, or is being written already. */
export async function openLogWriter(
  path: string,
  format: LogFormat,
  header: LogHeader,
  { keyframeEvents = KEYFRAME_EVENTS, isCutOff }: LogWriterOptions = {},
): Promise<LogWriter> {
  const encoder = format === 'arrow' ? await arrowEncoder() : NDJSON_ENCODER;
  const partial = `${path}.partial`;
  const file = await created(partial);
  const chain = new Chain({ header, version: SCHEMA_VERSION });
  // Keyframes and seal are made of what is written, not of the state that a run reports.
  const columns = initialColumns(header);
  const lastKeyframe = { events: 0, bytes: 0 };
  let flushed = 0;

  async function put(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
        at += bytesWritten;
      }
    } catch (error) {
      throw notWritten(partial, error, flushed);
    }
  }

  async function writeSegment(batch: EventBatch): Promise<void> {
    const checkpoint = chain.append(batch);
    await put(encoder.segment(batch, checkpoint));
    columns.fold(batch);
    flushed = checkpoint.events;
    const since = flushed - lastKeyframe.events;
    const isDue = since * BYTES_PER_EVENT >= lastKeyframe.bytes * EVENT_BYTES_PER_KEYFRAME_BYTE;
    if (isDue && since >= keyframeEvents) await writeKeyframe();
  }

  async function writeKeyframe(): Promise<void> {
    const state = deflateRawSync(encodeState(columns), { level: 1 }).toString('base64');
    const stateHash = columns.hash();
    const hash = chain.keyframeHash({ stateHash, state });
    await put(encoder.mark('keyframe', { events: flushed, stateHash, hash, state }));
    lastKeyframe.events = flushed;
    lastKeyframe.bytes = state.length;
  }

  async function abort(): Promise<void> {
    await file.close();
    await rm(partial, { force: true });
  }

  async function finish(expected?: string): Promise<Seal> {
    const stateHash = columns.hash();
    if (expected !== undefined && expected !== stateHash) {
      throw new Error(`the events of ${path} lead to the state ${stateHash}, the run is in ${expected}`);
    }
    const seal: Seal = {
      ...{ events: flushed, chain: chain.value, stateHash },
      ...(isCutOff === true ? { isCutOff } : {}),
    };
    await put(encoder.mark('seal', seal));
    await put(encoder.end);
    try {
      await file.sync();
      await file.close();
      await rename(partial, path);
      await syncFolder(dirname(path));
    } catch (error) {
      throw notWritten(partial, error, flushed);
    }
    return seal;
  }

  try {
    await put(encoder.header(header));
  } catch (error) {
    // Without its header it is no log, and nothing of it could be recovered.
    await abort();
    throw error;
  }
  return {
    partial,
    get flushed() {
      return flushed;
    },
    async write(batch) {
      for (let from = 0; from < batch.length; from += MAX_SEGMENT_EVENTS) {
        await writeSegment(batch.slice(from, Math.min(batch.length, from + MAX_SEGMENT_EVENTS)));
      }
    },
    finish,
    close: () => file.close(),
    abort,
  };
}

async function created(partial: string): Promise<FileHandle> {
  try {
    return await open(partial, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw notWritten(partial, error, 0);
    throw new InputError(
      `${partial}: already exists; wait for the run that writes it, or save its events with 'decpool recover' and remove it`,
    );
  }
}

/** Makes the rename survive a loss of power. Not every file system lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch {
    // Then the new name reaches the disk later.
  }
}

/** A log that could not be written any further. What was written before can be recovered. */
export class UnwrittenError extends InputError {}

function notWritten(partial: string, error: unknown, flushed: number): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const saved = flushed === 0 ? '' : `; to save its first ${flushed} events, run: decpool recover ${partial}`;
  return new UnwrittenError(`${notWrittenText(partial, error)}${saved}`);
}

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
  const codec = await arrowCodec();
  return {
    header: codec.encodeArrowHeader,
    segment: codec.encodeArrowSegment,
    mark: codec.encodeArrowMark,
    end: codec.ARROW_END,
  };
}
