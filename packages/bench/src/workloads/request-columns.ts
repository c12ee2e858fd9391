/**
 * Requests as numbers in shared memory: all threads read the same ones. Words such as owners' names travel beside
 * them.
 */
import type { AllocateRequest, Api, Migratetype, Request } from '@decpool/model';
import { APIS } from '@decpool/model/internal';
import type { Requests } from './requests.ts';
import { cpuOfRequest } from './workload.ts';

/** What is sent to a thread. */
export interface PackedRequests {
  readonly length: number;
  /** The columns, one behind the other: those of doubles, then words of 32 bits, then bytes. */
  readonly buffer: SharedArrayBuffer;
  /** Owners and migratetypes, by the numbers that stand for them. */
  readonly words: readonly string[];
  /** The interfaces that requests come through. */
  readonly apis: readonly Api[];
  /** CPUs up to the highest that one of them names. */
  readonly cpus: number;
}

const KINDS = [
  'allocate',
  'free',
  'map-user',
  'unmap-user',
  'background-allocate',
  'background-free',
] as const satisfies readonly Request['kind'][];
const KIND = Object.fromEntries(KINDS.map((kind, code) => [kind, code])) as Readonly<
  Record<Request['kind'], number>
>;

const COLUMNS = [
  'time',
  'id',
  'pages',
  'bytes',
  'word',
  'kind',
  'api',
  'gfp',
  'node',
  'align',
  'cpu',
] as const;
const BYTES_PER_REQUEST = 4 * Float64Array.BYTES_PER_ELEMENT + Uint32Array.BYTES_PER_ELEMENT + 6;
/** Of a request that does not have the attribute. */
const NONE = 0xff;

const bufferFor = (length: number) => new SharedArrayBuffer(BYTES_PER_REQUEST * length);

/** A row for each request; what its kind does not have is 0. */
function columnsIn(buffer: SharedArrayBuffer, length: number) {
  let at = 0;
  const next = <Column>(make: (offset: number) => Column, bytes: number): Column => {
    const column = make(at);
    at += bytes * length;
    return column;
  };
  const doubles = () => next((offset) => new Float64Array(buffer, offset, length), 8);
  const bytes = () => next((offset) => new Uint8Array(buffer, offset, length), 1);
  return {
    time: doubles(),
    /** The allocation; the key of a background chunk. */
    id: doubles(),
    /** Pages of an allocation; the order of a background chunk. */
    pages: doubles(),
    bytes: doubles(),
    /** Number of the owner or the migratetype. */
    word: next((offset) => new Uint32Array(buffer, offset, length), 4),
    kind: bytes(),
    api: bytes(),
    gfp: bytes(),
    /** A node and 1, as ANY_NODE is -1. */
    node: bytes(),
    /** log2 of the alignment. */
    align: bytes(),
    cpu: bytes(),
  };
}

/** Rows of a part of the columns while their number is not known yet. */
const PART_ROWS = 2 ** 16;

/** Takes requests one by one. They must be valid: attributes are a byte each. */
export class RequestPacker {
  readonly #parts: ReturnType<typeof columnsIn>[] = [];
  #length = 0;
  readonly #words = new Map<string, number>();
  readonly #apis = new Set<Api>();
  #cpus = 1;

  add(request: Request): void {
    const row = this.#length++ % PART_ROWS;
    if (row === 0) this.#parts.push(columnsIn(bufferFor(PART_ROWS), PART_ROWS));
    const columns = this.#parts[this.#parts.length - 1];
    const cpu = cpuOfRequest(request);
    this.#cpus = Math.max(this.#cpus, cpu + 1);
    columns.time[row] = request.time;
    columns.kind[row] = KIND[request.kind];
    columns.id[row] = 'allocation' in request ? request.allocation : request.key;
    columns.cpu[row] = cpu;
    switch (request.kind) {
      case 'allocate':
        this.#apis.add(request.api);
        columns.api[row] = APIS.indexOf(request.api);
        columns.pages[row] = request.pages;
        columns.bytes[row] = request.bytes;
        columns.word[row] = this.#numberOf(request.owner);
        columns.gfp[row] = request.gfp ?? NONE;
        columns.node[row] = request.node === undefined ? NONE : request.node + 1;
        columns.align[row] = request.align === undefined ? NONE : Math.log2(request.align);
        break;
      case 'free':
        columns.gfp[row] = request.gfp ?? NONE;
        break;
      case 'background-allocate':
        columns.pages[row] = request.order;
        columns.word[row] = this.#numberOf(request.migratetype);
        break;
    }
  }

  #numberOf(word: string): number {
    const known = this.#words.get(word) ?? this.#words.size;
    this.#words.set(word, known);
    return known;
  }

  /** All that were added. */
  packed(): PackedRequests {
    const length = this.#length;
    const buffer = bufferFor(length);
    const columns = columnsIn(buffer, length);
    for (const [index, part] of this.#parts.entries()) {
      const first = index * PART_ROWS;
      const rows = Math.min(PART_ROWS, length - first);
      for (const name of COLUMNS) columns[name].set(part[name].subarray(0, rows), first);
    }
    return {
      ...{ length, buffer, cpus: this.#cpus },
      words: [...this.#words.keys()],
      apis: [...this.#apis],
    };
  }
}

export const columnsOf = (requests: Iterable<Request>): RequestColumns =>
  new RequestColumns(packRequests(requests));

/** The requests must be valid, as for a RequestPacker. */
export function packRequests(requests: Iterable<Request>): PackedRequests {
  if (requests instanceof RequestColumns) return requests.packed;
  const packer = new RequestPacker();
  for (const request of requests) packer.add(request);
  return packer.packed();
}

/** Reads packed requests. Each is made anew when it is read, so that few are alive at a time. */
export class RequestColumns implements Requests {
  readonly packed: PackedRequests;
  readonly length: number;
  readonly apis: readonly Api[];
  readonly cpus: number;
  readonly #columns: ReturnType<typeof columnsIn>;
  readonly #words: readonly string[];

  constructor(packed: PackedRequests) {
    const { length, buffer, words, apis, cpus } = packed;
    this.packed = packed;
    this.length = length;
    this.apis = apis;
    this.cpus = cpus;
    this.#columns = columnsIn(buffer, length);
    this.#words = words;
  }

  slice(from: number, to: number): readonly Request[] {
    const end = Math.min(to, this.length);
    const requests: Request[] = [];
    for (let row = from; row < end; row++) requests.push(this.#at(row));
    return requests;
  }

  *[Symbol.iterator](): Generator<Request> {
    for (let row = 0; row < this.length; row++) yield this.#at(row);
  }

  #at(row: number): Request {
    const request = this.#withoutCpu(row);
    const cpu = this.#columns.cpu[row];
    return cpu === 0 ? request : ({ ...request, cpu } as Request);
  }

  /** Literals of few shapes: code that reads requests stays fast. */
  #withoutCpu(row: number): Request {
    const columns = this.#columns;
    const time = columns.time[row] as Request['time'];
    const kind = KINDS[columns.kind[row]];
    const id = columns.id[row];
    const allocation = id as AllocateRequest['allocation'];
    switch (kind) {
      case 'allocate':
        return this.#allocateAt(row);
      case 'free': {
        const gfp = columns.gfp[row];
        return gfp === NONE ? { kind, time, allocation } : { kind, time, allocation, gfp };
      }
      case 'map-user':
      case 'unmap-user':
        return { kind, time, allocation };
      case 'background-allocate': {
        const migratetype = this.#words[columns.word[row]] as Migratetype;
        return { kind, time, key: id, order: columns.pages[row], migratetype };
      }
      case 'background-free':
        return { kind, time, key: id };
    }
  }

  #allocateAt(row: number): AllocateRequest {
    const columns = this.#columns;
    const request: { -readonly [Field in keyof AllocateRequest]: AllocateRequest[Field] } = {
      kind: 'allocate',
      time: columns.time[row] as AllocateRequest['time'],
      allocation: columns.id[row] as AllocateRequest['allocation'],
      api: APIS[columns.api[row]],
      pages: columns.pages[row],
      bytes: columns.bytes[row],
      owner: this.#words[columns.word[row]],
    };
    if (columns.gfp[row] !== NONE) request.gfp = columns.gfp[row];
    if (columns.node[row] !== NONE) request.node = columns.node[row] - 1;
    if (columns.align[row] !== NONE) request.align = 2 ** columns.align[row];
    return request;
  }
}
