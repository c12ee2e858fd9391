/** Logs from one format to another, a batch of events at a time. */
import type { Seal } from '@decpool/model';
import { InputError, type LogHeader } from '@decpool/model';
import { initialColumns } from '../log/fold.ts';
import { formatByEnding, formatNamed, LOG_FORMATS } from '../log/format.ts';
import { expectFree } from '../log/new-file.ts';
import { openLog } from '../log/open.ts';
import type { OnRead } from '../log/read.ts';
import { openLogWriter, UnwrittenError } from '../log/write.ts';
import { isParquet } from './is-parquet.ts';
import type { Sink } from './parquet.ts';

/** What a log can be converted to, and the ending of its file name: the formats of logs, and a table. */
const TARGET_FORMATS = { ...LOG_FORMATS, parquet: '.parquet' } as const;
type TargetFormat = keyof typeof TARGET_FORMATS;

/** Throws InputError for an unknown format. */
export const targetFormatNamed = (name: string): TargetFormat => formatNamed(name, TARGET_FORMATS, 'format');

/** The format that a file's ending stands for. Throws InputError if it is none. */
export function targetFormatOf(path: string): TargetFormat {
  const format = formatByEnding(path, TARGET_FORMATS);
  if (format !== undefined) return format;
  throw new InputError(
    `${path}: unknown format; use a name that ends with ${Object.values(TARGET_FORMATS).join(', ')}, or --to FORMAT`,
  );
}

export interface ConvertOptions {
  /** Called with events. */
  readonly onRead?: OnRead;
  /** If it is aborted, converting throws its reason and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/**
 * Writes a log in another format, with the same content hashes and the same seal. Bounded memory. `out` has its name only once it is
 * complete. Throws InputError, and leaves nothing behind, if `out` exists, or if the log was altered, cut off or cannot have happened.
 */
export async function convert(
  path: string,
  out: string,
  format: TargetFormat,
  { onRead, signal }: ConvertOptions = {},
): Promise<{ header: LogHeader; seal: Seal }> {
  await expectFree(out);
  if (await isParquet(path)) {
    throw new InputError(`${path}: is a Parquet file; expected an event log (NDJSON or Arrow)`);
  }
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
      // The content hashes do not cover the state hash of the seal.
      const stateHash = columns.hash();
      if (stateHash !== seal.stateHash) {
        throw new InputError(
          `${path}: the state hash of the events is ${stateHash}, but that of the seal is ${seal.stateHash}`,
        );
      }
      return { header, seal: await sink.finish() };
    } catch (error) {
      await sink.abort();
      if (!(error instanceof UnwrittenError)) throw error;
      // Its advice on how to save what was written does not apply: nothing is kept.
      throw new InputError(error.message.replace(/; to save its first .*$/s, ''));
    }
  } finally {
    await log.close();
  }
}

async function openSink(out: string, format: TargetFormat, header: LogHeader, seal: Seal): Promise<Sink> {
  if (format === 'parquet') {
    // Loaded here: logs are converted without it.
    const { openParquetWriter } = await import('./parquet.ts');
    return openParquetWriter(out, header, seal);
  }
  const writer = await openLogWriter(out, format, header, { isCutOff: seal.isCutOff === true });
  return { ...writer, finish: () => writer.finish(seal.stateHash) };
}
