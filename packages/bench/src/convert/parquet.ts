/** A log as a Parquet file: the table of events in row groups, header and seal in the file's metadata. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import {
  type EventBatch,
  EventRows,
  InputError,
  type LogHeader,
  NUMBER_COLUMNS,
  type Seal,
} from '@decpool/model';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';
import { snappyCompress } from 'hyparquet-writer/src/snappy.js';
import { EVENT_TABLE, type TableColumn, type ValueKind } from './event-table.ts';
import { type Chunk, ColumnEncoder } from './parquet-column.ts';

/** Rows that are encoded at once. Readers work on row groups in parallel, and want at least 122,880 rows in each. */
const ROWS = 2 ** 17;

/** Keys in the file's metadata: the values are JSON, as in a log. */
export const HEADER_KEY = 'decpool';
export const SEAL_KEY = 'seal';

const PHYSICAL = {
  flag: { type: 'BOOLEAN' },
  int: { type: 'INT32' },
  bigint: { type: 'INT64' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
} as const satisfies Record<ValueKind, object>;

/** Writes events to a Parquet file. It has its name only once it is complete. */
export class ParquetLogWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #bytes = new ByteWriter(2 ** 20);
  readonly #parquet: ParquetWriter;
  readonly #rows = new EventRows(ROWS);
  readonly #encoder = new ColumnEncoder(ROWS);
  readonly #owners = new Map<number, string>();
  readonly #header: LogHeader;
  #encoded = 0;

  private constructor(path: string, file: FileHandle, header: LogHeader) {
    this.#path = path;
    this.#file = file;
    this.#header = header;
    const columns = EVENT_TABLE.map(({ name, kind, isRequired }) => ({
      name,
      ...PHYSICAL[kind],
      repetition_type: isRequired ? ('REQUIRED' as const) : ('OPTIONAL' as const),
    }));
    this.#parquet = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: 'events', num_children: columns.length }, ...columns],
      createdBy: 'decpool',
    });
  }

  /** Throws InputError when the file cannot be made. */
  static async open(path: string, header: LogHeader): Promise<ParquetLogWriter> {
    try {
      return new ParquetLogWriter(path, await open(`${path}.partial`, 'wx'), header);
    } catch (error) {
      if (isCode(error, 'EEXIST')) {
        throw new InputError(
          `${path}.partial: already exists; wait for the run that writes it, or remove it`,
        );
      }
      throw notWritten(path, error);
    }
  }

  async write(batch: EventBatch): Promise<void> {
    for (let from = 0; from < batch.length; ) {
      const to = Math.min(batch.length, from + ROWS - this.#rows.length);
      this.#take(batch.slice(from, to));
      if (this.#rows.isFull) await this.#encodeRows();
      from = to;
    }
  }

  /** Writes what tells what the table is of, and gives the file its name. Returns its bytes. */
  async finish(seal: Seal): Promise<number> {
    if (this.#rows.length > 0) await this.#encodeRows();
    this.#parquet.kvMetadata = [
      { key: HEADER_KEY, value: JSON.stringify(this.#header) },
      { key: SEAL_KEY, value: JSON.stringify(seal) },
    ];
    this.#parquet.finish();
    await this.#drain();
    try {
      await this.#file.sync();
      await this.#file.close();
      await rename(`${this.#path}.partial`, this.#path);
    } catch (error) {
      throw notWritten(this.#path, error);
    }
    return this.#bytes.offset;
  }

  /** Gives up: nothing is left behind. */
  async abort(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(`${this.#path}.partial`, { force: true });
  }

  #take(part: EventBatch): void {
    const { columns, length } = this.#rows;
    for (const name of NUMBER_COLUMNS) columns[name].set(part.column(name), length);
    for (const [row, name] of part.names()) {
      columns.names.set(length + row, name);
      this.#owners.set(part.ownerAt(row), name);
    }
    this.#rows.length += part.length;
  }

  async #encodeRows(): Promise<void> {
    const { columns, length } = this.#rows;
    const types = new Set(columns.type.subarray(0, length));
    const group = { columns, length, types, firstSeq: this.#encoded, owners: this.#owners };
    const start = this.#bytes.offset;
    const chunks = EVENT_TABLE.map((column) =>
      this.#appendChunk(column, this.#encoder.encode(column, group), length),
    );
    this.#parquet.row_groups.push({
      columns: chunks,
      total_byte_size: chunks.reduce((sum, { meta_data }) => sum + meta_data.total_uncompressed_size, 0n),
      num_rows: BigInt(length),
      total_compressed_size: BigInt(this.#bytes.offset - start),
    });
    this.#parquet.num_rows += BigInt(length);
    this.#encoded += length;
    this.#rows.length = 0;
    columns.names.clear();
    await this.#drain();
  }

  #appendChunk(column: TableColumn, chunk: Chunk, rows: number) {
    const { dictionary, encoding, levels, values, nulls } = chunk;
    const start = this.#bytes.offset;
    let plainBytes = 0;
    if (dictionary !== undefined) {
      const packed = snappyCompress(dictionary.bytes);
      plainBytes += this.#appendPage(dictionary.bytes.length, [packed], {
        type: 'DICTIONARY_PAGE',
        dictionary_page_header: { num_values: dictionary.values, encoding: 'PLAIN' },
      });
    }
    const dataStart = this.#bytes.offset;
    const packed = snappyCompress(values);
    const isPacked = packed.length < values.length;
    plainBytes += this.#appendPage(levels.length + values.length, [levels, isPacked ? packed : values], {
      type: 'DATA_PAGE_V2',
      data_page_header_v2: {
        num_values: rows,
        num_nulls: nulls,
        num_rows: rows,
        encoding,
        definition_levels_byte_length: levels.length,
        repetition_levels_byte_length: 0,
        is_compressed: isPacked,
      },
    });
    return {
      meta_data: {
        type: PHYSICAL[column.kind].type,
        encodings: ['RLE' as const, ...(dictionary === undefined ? [] : ['PLAIN' as const]), encoding],
        path_in_schema: [column.name],
        codec: 'SNAPPY' as const,
        num_values: BigInt(rows),
        total_uncompressed_size: BigInt(plainBytes),
        total_compressed_size: BigInt(this.#bytes.offset - start),
        data_page_offset: BigInt(dataStart),
        ...(dictionary === undefined ? {} : { dictionary_page_offset: BigInt(start) }),
        statistics: { null_count: BigInt(nulls), ...boundsOf(chunk) },
      },
      file_offset: BigInt(start),
    };
  }

  /** Returns its bytes as they would be uncompressed. */
  #appendPage(
    plainBytes: number,
    parts: readonly Uint8Array[],
    header: Omit<Parameters<typeof writePageHeader>[1], 'uncompressed_page_size' | 'compressed_page_size'>,
  ): number {
    const start = this.#bytes.offset;
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    writePageHeader(this.#bytes, {
      ...header,
      uncompressed_page_size: plainBytes,
      compressed_page_size: bytes,
    });
    const headerBytes = this.#bytes.offset - start;
    for (const part of parts) this.#bytes.appendBytes(part);
    return headerBytes + plainBytes;
  }

  async #drain(): Promise<void> {
    const bytes = this.#bytes.getBytes();
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten;
      }
    } catch (error) {
      throw notWritten(this.#path, error);
    }
    // What is in the file need not be held; its offset in the file goes on.
    this.#bytes.index = 0;
  }
}

const boundsOf = ({ min, max }: Chunk) =>
  min === undefined || max === undefined ? {} : { min_value: min, max_value: max };

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

function notWritten(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const why = isCode(error, 'ENOSPC') || isCode(error, 'EDQUOT') ? 'no space left' : error.message;
  return new InputError(`${path}: cannot be written: ${why}`);
}
