/**
 * Requests as columns in shared memory: every worker of a sweep reads the same ones, and none of them is copied. Only
 * the owners' names, a few dozen, travel beside them.
 */
import {
  APIS,
  alignOf,
  allocationId,
  attributesOf,
  gfpOf,
  MIGRATETYPES,
  nanoseconds,
  nodeOf,
  type Request,
} from '@decpool/model';
import type { RequestSequence } from '../compare/run.ts';

/** What is sent to a worker. */
export interface PackedRequests {
  readonly length: number;
  readonly columns: SharedArrayBuffer;
  /** Names that the owner column counts through. */
  readonly owners: readonly string[];
}

const KINDS = [
  'allocate',
  'free',
  'map-user',
  'unmap-user',
  'background-allocate',
  'background-free',
] as const satisfies readonly Request['kind'][];

/** Bits of the column `given`: attributes that the request states, be it with their usual value. */
const GIVEN = { gfp: 1, node: 2, align: 4 } as const;

/** The columns, one behind the other, the widest first so that each begins where its elements may lie. */
function columnsIn(buffer: SharedArrayBuffer, length: number) {
  let offset = 0;
  const place = (bytesPerElement: number): number => {
    const at = offset;
    offset += length * bytesPerElement;
    return at;
  };
  const floats = () => new Float64Array(buffer, place(8), length);
  const words = () => new Uint32Array(buffer, place(4), length);
  const bytes = () => new Uint8Array(buffer, place(1), length);
  return {
    time: floats(),
    /** The allocation, or the key of a background chunk. */
    subject: floats(),
    pages: floats(),
    bytes: floats(),
    owner: words(),
    /** As attributesOf() makes them. */
    attributes: words(),
    kind: bytes(),
    given: bytes(),
    /** Index of the api, or order of a background chunk. */
    detail: bytes(),
    migratetype: bytes(),
  };
}

const BYTES_PER_REQUEST = 4 * 8 + 2 * 4 + 4;

type Columns = ReturnType<typeof columnsIn>;

/** Takes well-formed requests, as workload() checks them. */
export function packRequests(requests: readonly Request[]): PackedRequests {
  const { length } = requests;
  const buffer = new SharedArrayBuffer(length * BYTES_PER_REQUEST);
  const columns = columnsIn(buffer, length);
  const owners = new Map<string, number>();
  for (const [row, request] of requests.entries()) pack(request, row, columns, owners);
  return { length, columns: buffer, owners: [...owners.keys()] };
}

function pack(request: Request, row: number, columns: Columns, owners: Map<string, number>): void {
  columns.time[row] = request.time;
  columns.kind[row] = KINDS.indexOf(request.kind);
  switch (request.kind) {
    case 'allocate': {
      const { allocation, api, pages, bytes, owner, gfp, node, align } = request;
      columns.subject[row] = allocation;
      columns.detail[row] = APIS.indexOf(api);
      columns.pages[row] = pages;
      columns.bytes[row] = bytes;
      columns.owner[row] = numberOf(owner, owners);
      columns.attributes[row] = attributesOf(request);
      columns.given[row] =
        (gfp === undefined ? 0 : GIVEN.gfp) |
        (node === undefined ? 0 : GIVEN.node) |
        (align === undefined ? 0 : GIVEN.align);
      break;
    }
    case 'free':
      columns.subject[row] = request.allocation;
      if (request.gfp !== undefined) {
        columns.attributes[row] = attributesOf({ gfp: request.gfp });
        columns.given[row] = GIVEN.gfp;
      }
      break;
    case 'map-user':
    case 'unmap-user':
      columns.subject[row] = request.allocation;
      break;
    case 'background-allocate':
      columns.subject[row] = request.key;
      columns.detail[row] = request.order;
      columns.migratetype[row] = MIGRATETYPES.indexOf(request.migratetype);
      break;
    case 'background-free':
      columns.subject[row] = request.key;
  }
}

function numberOf(owner: string, owners: Map<string, number>): number {
  const known = owners.get(owner);
  if (known !== undefined) return known;
  owners.set(owner, owners.size);
  return owners.size - 1;
}

/** Reads packed requests. Each is made anew when it is asked for, so that few are alive at a time. */
export class RequestColumns implements RequestSequence {
  readonly length: number;
  readonly #columns: Columns;
  readonly #owners: readonly string[];

  constructor({ length, columns, owners }: PackedRequests) {
    this.length = length;
    this.#columns = columnsIn(columns, length);
    this.#owners = owners;
  }

  slice(from: number, to: number): readonly Request[] {
    const rows = Math.max(0, Math.min(to, this.length) - from);
    return Array.from({ length: rows }, (_, offset) => this.#at(from + offset));
  }

  some(holds: (request: Request) => boolean): boolean {
    for (let row = 0; row < this.length; row++) if (holds(this.#at(row))) return true;
    return false;
  }

  #at(row: number): Request {
    const columns = this.#columns;
    const time = nanoseconds(columns.time[row]);
    const subject = columns.subject[row];
    const kind = KINDS[columns.kind[row]];
    const given = columns.given[row];
    const attributes = columns.attributes[row];
    switch (kind) {
      case 'allocate':
        return {
          kind,
          time,
          allocation: allocationId(subject),
          api: APIS[columns.detail[row]],
          pages: columns.pages[row],
          bytes: columns.bytes[row],
          owner: this.#owners[columns.owner[row]],
          ...((given & GIVEN.gfp) === 0 ? {} : { gfp: gfpOf(attributes) }),
          ...((given & GIVEN.node) === 0 ? {} : { node: nodeOf(attributes) }),
          ...((given & GIVEN.align) === 0 ? {} : { align: alignOf(attributes) }),
        };
      case 'free': {
        const free = { kind, time, allocation: allocationId(subject) };
        return given === 0 ? free : { ...free, gfp: gfpOf(attributes) };
      }
      case 'map-user':
      case 'unmap-user':
        return { kind, time, allocation: allocationId(subject) };
      case 'background-allocate':
        return {
          kind,
          time,
          key: subject,
          order: columns.detail[row],
          migratetype: MIGRATETYPES[columns.migratetype[row]],
        };
      case 'background-free':
        return { kind, time, key: subject };
    }
  }
}
