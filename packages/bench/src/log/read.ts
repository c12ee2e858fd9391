import { availableParallelism } from 'node:os';
import { InputError } from '@decpool/model';
import type { ReadHeader } from '@decpool/model/internal';
import { type ByteFile, openFile } from './byte-file.ts';
import { type LogPart, type LogStart, partsHere, type ReadOptions } from './parts.ts';
import { canStartThread, partsFromThread } from './thread.ts';

export type { LogPart, OnRead, ReadOptions } from './parts.ts';

/**
 * Reads a log file from start to end: NDJSON or Arrow, gzipped or not. Bounded memory: one segment at a time, each once its content
 * hash was checked. Throws InputError that names the file, and the line or event, if it is no log or was altered.
 */
export async function* readLog(path: string, options: ReadOptions = {}): AsyncGenerator<LogPart> {
  const file = await openFile(path);
  try {
    yield* partsIn(file, options, { bytes: await file.size() });
  } finally {
    await file.close();
  }
}

/** Takes the header, which is the first part of a log. */
export async function headerOf(parts: AsyncGenerator<LogPart>): Promise<ReadHeader> {
  const { value: part } = await parts.next();
  if (part?.kind !== 'header') throw new InputError('has no header; expected an event log');
  return part;
}

/** Where a reader begins, and how far it goes. */
interface Part {
  /** Default: at the header. */
  readonly start?: LogStart | undefined;
  /** Bytes that will be read, more or less. */
  readonly bytes: number;
}

/** A thread takes 0.1 s to start, in which this thread reads 10 MB. */
const MIN_BYTES_FOR_THREAD = 2 ** 25;

/** As readLog(), of an open file. If there is much to read, a thread of its own reads and checks it while the caller works. */
export function partsIn(
  file: ByteFile,
  options: ReadOptions,
  { start, bytes }: Part,
  fromThread: (
    path: string,
    options: ReadOptions,
    start?: LogStart,
  ) => AsyncGenerator<LogPart> = partsFromThread,
): AsyncGenerator<LogPart> {
  const isWorthIt = bytes >= MIN_BYTES_FOR_THREAD && options.waits === undefined;
  return isWorthIt && availableParallelism() > 1 && canStartThread()
    ? fromThread(file.path, options, start)
    : partsHere(file, options, start);
}
