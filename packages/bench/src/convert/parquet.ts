/** A log as a Parquet file: the table of events in row groups, header and seal in the file's metadata. */
import { open, rename, rm } from 'node:fs/promises';
import type { Seal } from '@decpool/model';
import { type EventBatch, InputError, type LogHeader } from '@decpool/model';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { codeOf, notWrittenText } from '../files/error-text.ts';
import { EVENT_TABLE, EventTableRows, type ValueType } from './event-table.ts';

/** Readers work on row groups in parallel, and want at least 122,880 rows in each. */
const ROWS_PER_GROUP = 2 ** 17;

/** Keys in the file's metadata: the values are JSON, as in a log. */
export const HEADER_KEY = 'decpool';
export const SEAL_KEY = 'seal';

const PARQUET_TYPES = {
  flag: { type: 'BOOLEAN' },
  int: { type: 'INT32' },
  bigint: { type: 'INT64' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
} as const satisfies Record<ValueType, object>;

/** A log or a table that is being written. */
export interface Sink {
  write(batch: EventBatch): Promise<void>;
  /** Returns the seal; that of a table is the log's. */
  finish(): Promise<Seal>;
  abort(): Promise<void>;
}

/**
 * Writes events to a Parquet file. The file has its name only once it is complete; until then it is `path`.partial. Throws InputError
 * if the file cannot be written.
 */
export async function openParquetWriter(path: string, header: LogHeader, seal: Seal): Promise<Sink> {
  const partial = `${path}.partial`;
  const file = await open(partial, 'wx').catch((error: unknown) => {
    throw notWritten(path, error);
  });
  const bytes = new ByteWriter(2 ** 20);
  const parquet = new ParquetWriter({
    writer: bytes,
    schema: [
      { name: 'events', num_children: EVENT_TABLE.length },
      ...EVENT_TABLE.map(({ name, type, isRequired }) => ({
        name,
        ...PARQUET_TYPES[type],
        repetition_type: isRequired ? ('REQUIRED' as const) : ('OPTIONAL' as const),
      })),
    ],
    kvMetadata: [
      { key: HEADER_KEY, value: JSON.stringify(header) },
      { key: SEAL_KEY, value: JSON.stringify(seal) },
    ],
    createdBy: 'decpool',
  });
  const rows = new EventTableRows(ROWS_PER_GROUP);

  /** Appends to the file what is encoded so far. */
  async function flush(): Promise<void> {
    await file.appendFile(bytes.getBytes()).catch((error: unknown) => {
      throw notWritten(path, error);
    });
    bytes.index = 0;
  }

  async function writeRows(): Promise<void> {
    const values = rows.take();
    const columnData = EVENT_TABLE.map(({ name, type }, index) => ({
      name,
      data: values[index],
      // The only encoding of INT64 that takes plain numbers; bigints are several times slower.
      ...(type === 'bigint' ? { encoding: 'DELTA_BINARY_PACKED' as const } : {}),
    }));
    parquet.write({ columnData, rowGroupSize: ROWS_PER_GROUP, pageSize: 0 });
    await flush();
  }

  return {
    async write(batch) {
      for (const event of batch) {
        rows.append(event);
        if (rows.isFull) await writeRows();
      }
    },
    async finish() {
      if (rows.length > 0) await writeRows();
      parquet.finish();
      await flush();
      try {
        await file.sync();
        await file.close();
        await rename(partial, path);
      } catch (error) {
        throw notWritten(path, error);
      }
      return seal;
    },
    async abort() {
      await file.close().catch(() => {});
      await rm(partial, { force: true });
    },
  };
}

function notWritten(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  if (code === 'EEXIST')
    return new InputError(`${path}.partial: already exists; wait for the run that writes it, or remove it`);
  return new InputError(notWrittenText(path, error));
}
