/**
 * Requests as an Arrow IPC stream: a header as JSON in the schema's metadata under `decpool-requests`, batches of requests with a
 * checkpoint, and an empty batch with the seal. docs/reference/requests-file.md describes it.
 */
import { Field, Float64, Uint8, Uint16, Uint32, Utf8 } from 'apache-arrow';
import { InputError } from '../errors.ts';
import { type ArrowMessage, checkArrowMessage } from './arrow-message.ts';
import { arrowStream, namesOf, numbersOf, parseMetadata } from './arrow-stream.ts';

const HEADER_KEY = 'decpool-requests';

const FIELDS = [
  new Field('kind', new Uint8()),
  new Field('code', new Uint8()),
  new Field('gfp', new Uint8()),
  new Field('node', new Uint8()),
  new Field('align', new Uint8()),
  new Field('cpu', new Uint8()),
  new Field('owner', new Uint16()),
  new Field('id', new Uint32()),
  new Field('pages', new Uint32()),
  new Field('bytes', new Uint32()),
  new Field('time', new Float64()),
  new Field('name', new Utf8(), true),
];

/** A row for each request. What its kind does not have is 0. */
export interface RequestFileColumns {
  readonly kind: Uint8Array;
  readonly code: Uint8Array;
  readonly gfp: Uint8Array;
  readonly node: Uint8Array;
  readonly align: Uint8Array;
  readonly cpu: Uint8Array;
  readonly owner: Uint16Array;
  readonly id: Uint32Array;
  readonly pages: Uint32Array;
  readonly bytes: Uint32Array;
  /** ns. */
  readonly time: Float64Array;
}

/** The columns in the order of a file. */
export const REQUEST_FILE_COLUMNS = FIELDS.slice(0, -1).map(
  ({ name }) => name,
) as readonly (keyof RequestFileColumns)[];

const STREAM = arrowStream(FIELDS, 'a file of requests');

/** The first message. */
export const encodeRequestsHeader = (header: object): Uint8Array => STREAM.start([HEADER_KEY, header]);

/** A batch. `names`: of owners, at the first row of each. */
export const encodeRequests = (
  columns: RequestFileColumns,
  length: number,
  names: ReadonlyMap<number, string>,
  checkpoint: object,
): Uint8Array =>
  STREAM.batch(length, (name) => columns[name as keyof RequestFileColumns].subarray(0, length), names, [
    'checkpoint',
    checkpoint,
  ]);

/** The last batch. */
export const encodeRequestsSeal = (seal: object): Uint8Array => STREAM.mark(['seal', seal]);

/** As checkMessage() of a log. */
export const checkRequestsMessage = (metadata: Uint8Array, isFirst: boolean): ArrowMessage =>
  checkArrowMessage(metadata, isFirst, FIELDS.length);

/** Throws InputError if the message does not begin a file of requests. */
export const decodeRequestsHeader = (message: Uint8Array): unknown => STREAM.metadataOf(message, HEADER_KEY);

/** What a message after the first holds. */
export interface RequestsMessage {
  readonly length: number;
  readonly columns: RequestFileColumns;
  /** The name at a row; empty if it has none. */
  nameAt(row: number): string;
  readonly checkpoint: unknown;
  readonly seal: unknown;
}

/** Throws InputError if a column is too short. */
export function decodeRequests(parts: readonly Uint8Array[]): RequestsMessage {
  const batch = STREAM.decode(parts);
  const entries = REQUEST_FILE_COLUMNS.map((name) => {
    const values = numbersOf(batch, name);
    if (values === undefined) throw new InputError(`column '${name}' ends before its batch`);
    return [name, values] as const;
  });
  const nameAt = namesOf(batch);
  if (nameAt === undefined && batch.numRows > 0) throw new InputError("column 'name' ends before its batch");
  const metadata = (key: string) => {
    const text = batch.metadata.get(key);
    return text === undefined ? undefined : parseMetadata(text);
  };
  return {
    length: batch.numRows,
    columns: Object.fromEntries(entries) as unknown as RequestFileColumns,
    nameAt: nameAt ?? (() => ''),
    checkpoint: metadata('checkpoint'),
    seal: metadata('seal'),
  };
}
