/** A workload as the C programs read it: 32-bit words in this machine's byte order, laid out as c/request-log.h says. */
import { type Geometry, InputError, orderFor, type Request } from '@decpool/model';
import { APIS, attributesOf } from '@decpool/model/internal';

/** "DCFP" in memory, on a little-endian machine. */
const MAGIC = 0x50464344;
const HEADER_WORDS = 5;
export const WORDS_PER_REQUEST = 8;

export interface RequestLog {
  readonly geometry: Geometry;
  readonly requests: number;
  /** Highest allocation id. */
  readonly maxId: number;
  /** Owners in the order in which they first ask. */
  readonly owners: readonly string[];
  /**
   * WORDS_PER_REQUEST words each: id, pages, alignment in pages, bytes, attributes, owner and api, time in ns as 64 bits. Pages
   * are 0 for a free.
   */
  readonly words: Uint32Array;
}

export interface Wanted {
  readonly id: number;
  /** 0 for a free. */
  readonly pages: number;
  /** In pages; 0 for a free. */
  readonly align: number;
  /** What first fit alone does not need, default: 0. */
  readonly rest?: {
    readonly bytes: number;
    readonly attributes: number;
    readonly owner: number;
    readonly api: number;
    /** Simulated ns. */
    readonly time: number;
  };
}

const NOTHING = { bytes: 0, attributes: 0, owner: 0, api: 0, time: 0 };

export function requestLog(
  geometry: Geometry,
  wanted: readonly Wanted[],
  owners: readonly string[] = [],
): RequestLog {
  const words = new Uint32Array(wanted.length * WORDS_PER_REQUEST);
  let maxId = 0;
  for (const [index, { id, pages, align, rest = NOTHING }] of wanted.entries()) {
    const { bytes, attributes, owner, api, time } = rest;
    const at = index * WORDS_PER_REQUEST;
    words.set([id, pages, align, bytes, attributes, owner | (api << 16), time, time / 2 ** 32], at);
    maxId = Math.max(maxId, id);
  }
  return { geometry, requests: wanted.length, maxId, owners, words };
}

/** Contiguous pages only, at most a block at a time. Throws InputError with the index of a request for anything else. */
export function logOf(requests: readonly Request[], geometry: Geometry): RequestLog {
  const owners = new Map<string, number>();
  const wanted = requests.map((request, index) => wantedBy(request, index, geometry, owners));
  return requestLog(geometry, wanted, [...owners.keys()]);
}

function wantedBy(
  request: Request,
  index: number,
  { pagesPerBlock }: Geometry,
  owners: Map<string, number>,
): Wanted {
  if (request.kind === 'free') {
    const { allocation, time, gfp = 0 } = request;
    const rest = { ...NOTHING, attributes: attributesOf({ gfp }), time };
    return { id: allocation, pages: 0, align: 0, rest };
  }
  if (request.kind !== 'allocate' || (request.api !== 'alloc_pages' && request.api !== 'alloc_pages_exact')) {
    const what = request.kind === 'allocate' ? request.api : request.kind;
    throw new InputError(`request ${index}: ${what}; expected alloc_pages, alloc_pages_exact or a free`);
  }
  const { allocation, pages, bytes, time } = request;
  if (pages > pagesPerBlock) {
    throw new InputError(`request ${index}: ${pages} pages; expected at most a block of ${pagesPerBlock}`);
  }
  const owner = owners.get(request.owner) ?? owners.size;
  owners.set(request.owner, owner);
  const attributes = attributesOf(request);
  const rest = { bytes, attributes, owner, api: APIS.indexOf(request.api), time };
  return { id: allocation, pages, align: 2 ** orderFor(pages), rest };
}

/** The log as the bytes of a file. */
export function encodeLog({ geometry, requests, maxId, words }: RequestLog): Uint8Array {
  const { pagesPerBlock, spanPages } = geometry;
  const file = new Uint32Array(HEADER_WORDS + words.length);
  file.set([MAGIC, pagesPerBlock, spanPages / pagesPerBlock, requests, maxId]);
  file.set(words, HEADER_WORDS);
  return new Uint8Array(file.buffer);
}
