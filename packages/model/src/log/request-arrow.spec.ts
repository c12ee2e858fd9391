import {
  makeData,
  RecordBatch,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Struct,
  Utf8,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { ARROW_END, ARROW_PREFIX_BYTES, arrowMetadataBytes } from './arrow-message.ts';
import {
  checkRequestsMessage,
  decodeRequests,
  decodeRequestsHeader,
  encodeRequests,
  encodeRequestsHeader,
  encodeRequestsSeal,
  REQUEST_FILE_COLUMNS,
  type RequestFileColumns,
} from './request-arrow.ts';

/** Three rows, no two values of them alike, with room for a fourth. */
const COLUMNS: RequestFileColumns = {
  kind: Uint8Array.of(0, 1, 5, 99),
  code: Uint8Array.of(2, 3, 4, 99),
  gfp: Uint8Array.of(6, 7, 255, 99),
  node: Uint8Array.of(8, 9, 10, 99),
  align: Uint8Array.of(11, 12, 13, 99),
  cpu: Uint8Array.of(14, 15, 16, 99),
  owner: Uint16Array.of(17, 18, 65_535, 99),
  id: Uint32Array.of(19, 20, 2 ** 32 - 1, 99),
  pages: Uint32Array.of(21, 22, 23, 99),
  bytes: Uint32Array.of(24, 25, 26, 99),
  time: Float64Array.of(27, 28, 2 ** 53 - 1, 99),
};
const NAMES = new Map([
  [0, 'nvme'],
  [2, 'ü'],
]);
const batch = () => encodeRequests(COLUMNS, 3, NAMES, { requests: 3, crc32: 7 });

describe('requests as Arrow', () => {
  it('have every column, the names and the checkpoint that were written', () => {
    const { columns, length, nameAt, checkpoint, seal } = decodeRequests([batch()]);
    expect(length).toBe(3);
    for (const name of REQUEST_FILE_COLUMNS)
      expect([...columns[name].subarray(0, 3)]).toEqual([...COLUMNS[name].subarray(0, 3)]);
    expect([0, 1, 2].map(nameAt)).toEqual(['nvme', '', 'ü']);
    expect([checkpoint, seal]).toEqual([{ requests: 3, crc32: 7 }, undefined]);
  });

  it('begin with a header, and end with a seal, which has no rows', () => {
    expect(decodeRequestsHeader(encodeRequestsHeader({ name: 'boot' }))).toEqual({ name: 'boot' });
    const { length, seal, checkpoint, nameAt } = decodeRequests([encodeRequestsSeal({ requests: 3 })]);
    expect([length, seal, checkpoint, nameAt(0)]).toEqual([0, { requests: 3 }, undefined, '']);
  });

  it('have a column for each number of a request, and one for names, which most requests lack', () => {
    const { schema } = RecordBatchReader.from(Buffer.concat([encodeRequestsHeader({}), ARROW_END])).open();
    const columns = REQUEST_FILE_COLUMNS.map((name) => {
      const { BYTES_PER_ELEMENT: bytes } = COLUMNS[name];
      return `${name} ${bytes === 8 ? 'Float64' : `Uint${8 * bytes}`} false`;
    });
    expect(schema.fields.map(({ name, type, nullable }) => `${name} ${type} ${nullable}`)).toEqual([
      ...columns,
      'name Utf8 true',
    ]);
  });

  it('are refused if a column is shorter than its batch', () => {
    const columnsOf = (rows: number) =>
      Object.fromEntries(
        Object.entries(COLUMNS).map(([name, values]) => [name, new values.constructor(rows)]),
      ) as RequestFileColumns;
    expect(decodeRequests([encodeRequests(columnsOf(16), 16, NAMES, {})]).length).toBe(16);
    for (const name of REQUEST_FILE_COLUMNS) {
      // The library fills columns up to 8 bytes.
      for (const rows of [0, 8]) {
        const columns = { ...columnsOf(16), [name]: columnsOf(rows)[name] };
        expect(() => decodeRequests([encodeRequests(columns, 16, NAMES, {})])).toThrow(
          new InputError(`column '${name}' ends before its batch`),
        );
      }
    }
  });

  it('are refused if the column of names is shorter than its batch, of one row or more', () => {
    for (const length of [1, 2, 4]) {
      const whole = [encodeRequestsHeader({}), encodeRequests(COLUMNS, length, new Map(), {}), ARROW_END];
      const [{ schema, data }] = RecordBatchReader.from(Buffer.concat(whole)).open();
      const valueOffsets = new Int32Array(length === 1 ? 0 : length);
      const names = makeData({ type: new Utf8(), length, valueOffsets, data: new Uint8Array() });
      const children = [...data.children.slice(0, -1), names];
      const struct = makeData({ type: new Struct(schema.fields), length, children });
      const stream = new RecordBatchStreamWriter()
        .writeAll([new RecordBatch(schema, struct)])
        .toUint8Array(true);
      const first = ARROW_PREFIX_BYTES + arrowMetadataBytes(stream.subarray(0, ARROW_PREFIX_BYTES));
      expect(() => decodeRequests([stream.slice(first, -ARROW_END.length)])).toThrow(
        new InputError("column 'name' ends before its batch"),
      );
    }
  });

  it('are messages of a header and of batches, in this order', () => {
    const metadataOf = (message: Uint8Array) => {
      const size = arrowMetadataBytes(message.subarray(0, ARROW_PREFIX_BYTES));
      return message.subarray(ARROW_PREFIX_BYTES, ARROW_PREFIX_BYTES + size);
    };
    const [header, rows] = [encodeRequestsHeader({}), batch()];
    expect(checkRequestsMessage(metadataOf(header), true).bodyBytes).toBe(0);
    const { bodyBytes } = checkRequestsMessage(metadataOf(rows), false);
    expect(ARROW_PREFIX_BYTES + metadataOf(rows).length + bodyBytes).toBe(rows.length);
    expect(() => checkRequestsMessage(metadataOf(header), false)).toThrow(InputError);
    expect(() => checkRequestsMessage(metadataOf(rows), true)).toThrow(InputError);
  });
});
