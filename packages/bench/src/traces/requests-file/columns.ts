/** Requests as rows of a file. docs/reference/requests-file.md has the columns. */
import { crc32 } from 'node:zlib';
import { type AllocateRequest, InputError, type Migratetype, type Request } from '@decpool/model';
import type { RequestFileColumns } from '@decpool/model/arrow';
import { APIS, MIGRATETYPES } from '@decpool/model/internal';
import { cpuOfRequest } from '../../workloads/workload.ts';

/** Rows of a batch, but for the last. */
export const BATCH_ROWS = 2 ** 16;

const KINDS = [
  'allocate',
  'free',
  'map-user',
  'unmap-user',
  'background-allocate',
  'background-free',
] as const satisfies readonly Request['kind'][];

/** Of an attribute that a request does not have. */
const NONE = 0xff;
const MAX_OWNERS = 2 ** 16;
const MAX_ID = 2 ** 32 - 1;

const columnsOf = (rows: number): RequestFileColumns => ({
  kind: new Uint8Array(rows),
  code: new Uint8Array(rows),
  gfp: new Uint8Array(rows),
  node: new Uint8Array(rows),
  align: new Uint8Array(rows),
  cpu: new Uint8Array(rows),
  owner: new Uint16Array(rows),
  id: new Uint32Array(rows),
  pages: new Uint32Array(rows),
  bytes: new Uint32Array(rows),
  time: new Float64Array(rows),
});

/** The rows of one batch. */
export interface RequestBatch {
  readonly columns: RequestFileColumns;
  readonly length: number;
  /** Of owners, at the first row of each. */
  readonly names: ReadonlyMap<number, string>;
}

/** Makes batches of requests. */
export class RequestBatches {
  #columns = columnsOf(BATCH_ROWS);
  #length = 0;
  #names = new Map<number, string>();
  readonly #owners = new Map<string, number>();

  /** Returns a batch once it is full. Throws InputError for requests beyond the limits of a file. */
  add(request: Request): RequestBatch | undefined {
    this.#write(request, this.#length++);
    return this.#length === BATCH_ROWS ? this.take() : undefined;
  }

  /** The rows that are in no batch yet. */
  take(): RequestBatch {
    const batch = { columns: this.#columns, length: this.#length, names: this.#names };
    this.#columns = columnsOf(BATCH_ROWS);
    this.#length = 0;
    this.#names = new Map();
    return batch;
  }

  #write(request: Request, row: number): void {
    const columns = this.#columns;
    const id = 'allocation' in request ? request.allocation : request.key;
    if (id > MAX_ID) throw new InputError(`more than ${MAX_ID} allocations; split the trace`);
    columns.kind[row] = KINDS.indexOf(request.kind);
    columns.time[row] = request.time;
    columns.id[row] = id;
    columns.cpu[row] = cpuOfRequest(request);
    if (request.kind === 'allocate') {
      columns.code[row] = APIS.indexOf(request.api);
      columns.pages[row] = request.pages;
      columns.bytes[row] = request.bytes;
      columns.owner[row] = this.#owner(request.owner, row);
      columns.gfp[row] = request.gfp ?? NONE;
      columns.node[row] = request.node === undefined ? NONE : request.node + 1;
      columns.align[row] = request.align === undefined ? NONE : Math.log2(request.align);
    } else if (request.kind === 'free') {
      columns.gfp[row] = request.gfp ?? NONE;
    } else if (request.kind === 'background-allocate') {
      columns.code[row] = MIGRATETYPES.indexOf(request.migratetype);
      columns.pages[row] = 2 ** request.order;
    }
  }

  #owner(name: string, row: number): number {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const owner = this.#owners.size;
    if (owner === MAX_OWNERS) throw new InputError(`more than ${MAX_OWNERS} owners`);
    this.#owners.set(name, owner);
    this.#names.set(row, name);
    return owner;
  }
}

/** The sum over the columns of a batch, in the order of the file, and over its names. `before`: of the batches before. */
export function checksumOf(
  { columns, length, names }: RequestBatch,
  order: readonly (keyof RequestFileColumns)[],
  before: number,
): number {
  let sum = before;
  for (const name of order) {
    const { buffer, byteOffset, BYTES_PER_ELEMENT } = columns[name];
    sum = crc32(new Uint8Array(buffer, byteOffset, length * BYTES_PER_ELEMENT), sum);
  }
  for (const name of names.values()) sum = crc32(name, sum);
  return sum;
}

/** Reads the batches of a file in order. */
export class RequestRows {
  readonly #owners: string[] = [];
  #rows = 0;

  /** The requests of a batch, and its names. Throws InputError with the number of the request, from 0, for an unknown code. */
  read(
    columns: RequestFileColumns,
    length: number,
    nameAt: (row: number) => string,
  ): { readonly requests: readonly Request[]; readonly names: ReadonlyMap<number, string> } {
    const names = new Map<number, string>();
    const name = (row: number) => {
      names.set(row, nameAt(row));
      return nameAt(row);
    };
    const requests: Request[] = new Array(length);
    for (let row = 0; row < length; row++) requests[row] = this.#request(columns, row, name);
    this.#rows += length;
    return { requests, names };
  }

  #request(columns: RequestFileColumns, row: number, nameAt: (row: number) => string): Request {
    const kind = KINDS[columns.kind[row]];
    const time = columns.time[row] as Request['time'];
    const id = columns.id[row];
    const allocation = id as AllocateRequest['allocation'];
    const cpu = columns.cpu[row] === 0 ? undefined : { cpu: columns.cpu[row] };
    const gfp = columns.gfp[row];
    switch (kind) {
      case 'allocate':
        return this.#allocate(columns, row, nameAt);
      case 'free':
        return { kind, time, allocation, ...(gfp === NONE ? undefined : { gfp }), ...cpu };
      case 'map-user':
      case 'unmap-user':
        return { kind, time, allocation };
      case 'background-allocate': {
        const migratetype: Migratetype | undefined = MIGRATETYPES[columns.code[row]];
        if (migratetype === undefined) throw this.#wrong(row, `migratetype ${columns.code[row]}`);
        return { kind, time, key: id, order: Math.log2(columns.pages[row]), migratetype, ...cpu };
      }
      case 'background-free':
        return { kind, time, key: id, ...cpu };
      default:
        throw this.#wrong(row, `kind ${columns.kind[row]}`);
    }
  }

  #allocate(columns: RequestFileColumns, row: number, nameAt: (row: number) => string): AllocateRequest {
    const api = APIS[columns.code[row]];
    if (api === undefined) throw this.#wrong(row, `interface ${columns.code[row]}`);
    const number = columns.owner[row];
    if (number === this.#owners.length) this.#owners.push(nameAt(row));
    const owner = this.#owners[number];
    if (owner === undefined) throw this.#wrong(row, `owner ${number}`);
    const request: { -readonly [Field in keyof AllocateRequest]: AllocateRequest[Field] } = {
      kind: 'allocate',
      time: columns.time[row] as AllocateRequest['time'],
      allocation: columns.id[row] as AllocateRequest['allocation'],
      api,
      pages: columns.pages[row],
      bytes: columns.bytes[row],
      owner,
    };
    if (columns.gfp[row] !== NONE) request.gfp = columns.gfp[row];
    if (columns.node[row] !== NONE) request.node = columns.node[row] - 1;
    if (columns.align[row] !== NONE) request.align = 2 ** columns.align[row];
    if (columns.cpu[row] !== 0) request.cpu = columns.cpu[row];
    return request;
  }

  #wrong(row: number, what: string): InputError {
    return new InputError(`request ${this.#rows + row}: unknown ${what}`);
  }
}
