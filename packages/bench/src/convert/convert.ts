/** Logs from one format to another, a batch of events at a time. */
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import {
  type Columns,
  type EventBatch,
  InputError,
  type LogHeader,
  type Seal,
  unknownName,
} from '@decpool/model';
import { initialColumns } from '../log/fold.ts';
import { LOG_FORMATS, type LogFormat } from '../log/format.ts';
import { expectFree } from '../log/new-file.ts';
import { openLog } from '../log/open.ts';
import type { OnRead } from '../log/read.ts';
import { openLogWriter, UnwrittenError } from '../log/write.ts';

/** What a log can be converted to, and the ending of its file name: the formats of logs, and a table. */
const TARGET_FORMATS = { ...LOG_FORMATS, parquet: '.parquet' } as const;
type TargetFormat = keyof typeof TARGET_FORMATS;

/** Throws InputError when there is no such format. */
export function targetFormatNamed(name: string): TargetFormat {
  if (Object.hasOwn(TARGET_FORMATS, name)) return name as TargetFormat;
  throw unknownName({ kind: 'format', given: name, known: Object.keys(TARGET_FORMATS) });
}

/** The format that a file's ending stands for. Throws InputError when it is none. */
export function targetFormatOf(path: string): TargetFormat {
  const ending = extname(path);
  for (const format of Object.keys(TARGET_FORMATS) as TargetFormat[]) {
    if (TARGET_FORMATS[format] === ending) return format;
  }
  throw new InputError(
    `${path}: unknown format; use a name that ends with ${Object.values(TARGET_FORMATS).join(', ')}, or --to FORMAT`,
  );
}

export interface ConvertOptions {
  /** Told in events. */
  readonly onRead?: OnRead;
  /** When it is aborted, converting stops with its reason, and nothing is left behind. */
  readonly signal?: AbortSignal;
}

interface Converted {
  readonly header: LogHeader;
  /** Of the new log; of a table that of the log it was made of. */
  readonly seal: Seal;
}

/** Where the events go. */
interface Sink {
  write(batch: EventBatch): Promise<void>;
  finish(): Promise<Seal>;
  abort(): Promise<void>;
}

/**
 * Writes a log in another format, with the same content hashes and the same seal. Bounded memory. `out` must not be there yet, and is
 * there only once it is complete. Throws InputError, and leaves nothing behind, when the log was altered, cut off or cannot have
 * happened.
 */
export async function convert(
  path: string,
  out: string,
  format: TargetFormat,
  { onRead, signal }: ConvertOptions = {},
): Promise<Converted> {
  await expectFree(out);
  await expectLog(path);
  const log = await openLog(path, onRead);
  try {
    const { header, seal, events } = log;
    if (seal === undefined) {
      throw new InputError(
        `${path}: cut off after ${events} events and without a seal; convert the output of 'decpool recover' instead`,
      );
    }
    const sink = await openSink(out, format, header, seal);
    try {
      const columns = initialColumns(header);
      for await (const batch of log.fold(columns)) {
        signal?.throwIfAborted();
        await sink.write(batch);
      }
      expectState(path, columns, seal);
      return { header, seal: await sink.finish() };
    } catch (error) {
      await sink.abort();
      throw error instanceof UnwrittenError ? unwritten(error) : error;
    }
  } finally {
    await log.close();
  }
}

async function openSink(out: string, format: TargetFormat, header: LogHeader, seal: Seal): Promise<Sink> {
  return format === 'parquet' ? tableSink(out, header, seal) : logSink(out, format, header, seal);
}

async function logSink(out: string, format: LogFormat, header: LogHeader, seal: Seal): Promise<Sink> {
  const writer = await openLogWriter(out, format, header, seal.isCutOff === true ? { isCutOff: true } : {});
  return {
    write: (batch) => writer.write(batch),
    finish: () => writer.finish(seal.stateHash),
    abort: () => writer.abort(),
  };
}

async function tableSink(out: string, header: LogHeader, seal: Seal): Promise<Sink> {
  // Loaded here: logs are converted without it.
  const { openParquetWriter } = await import('./parquet.ts');
  const { write, finish, abort } = await openParquetWriter(out, header);
  return {
    write,
    finish: async () => {
      await finish(seal);
      return seal;
    },
    abort,
  };
}

/** The content hashes do not cover the state hash of the seal. */
function expectState(path: string, columns: Columns, seal: Seal): void {
  const stateHash = columns.hash();
  if (stateHash === seal.stateHash) return;
  throw new InputError(
    `${path}: the state hash of the events is ${stateHash}, but that of the seal is ${seal.stateHash}`,
  );
}

/** The writer tells what of it can be saved, but nothing of it is kept. */
const unwritten = (error: UnwrittenError): InputError =>
  new InputError(error.message.replace(/; to save its first .*$/s, ''));

const PARQUET_MAGIC = 'PAR1';

/** Whether a file begins as a Parquet file does. What cannot be read is none. */
export async function isParquet(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const start = Buffer.alloc(PARQUET_MAGIC.length);
    await file.read(start, 0, start.length, 0);
    return start.toString('latin1') === PARQUET_MAGIC;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

async function expectLog(path: string): Promise<void> {
  if (!(await isParquet(path))) return;
  throw new InputError(`${path}: is a Parquet file; expected an event log (NDJSON or Arrow)`);
}
