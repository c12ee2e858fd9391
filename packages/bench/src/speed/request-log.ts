/** A workload as the C program reads it: 32-bit words in this machine's byte order, laid out as first-fit.c says. */
import { type Geometry, InputError, orderFor, type Request } from '@decpool/model';

/** "DCFP" in memory, on a little-endian machine. */
const MAGIC = 0x50464344;
const HEADER_WORDS = 5;
export const WORDS_PER_REQUEST = 3;

export interface RequestLog {
  readonly geometry: Geometry;
  readonly requests: number;
  /** Highest allocation id. */
  readonly maxId: number;
  /** WORDS_PER_REQUEST words each: id, pages, alignment in pages; pages are 0 for a free. */
  readonly words: Uint32Array;
}

export interface Wanted {
  readonly id: number;
  /** 0 for a free. */
  readonly pages: number;
  /** In pages; 0 for a free. */
  readonly align: number;
}

export function requestLog(geometry: Geometry, wanted: readonly Wanted[]): RequestLog {
  const words = new Uint32Array(wanted.length * WORDS_PER_REQUEST);
  let maxId = 0;
  for (const [index, { id, pages, align }] of wanted.entries()) {
    words.set([id, pages, align], index * WORDS_PER_REQUEST);
    maxId = Math.max(maxId, id);
  }
  return { geometry, requests: wanted.length, maxId, words };
}

/** Contiguous pages only, at most a block at a time. Throws InputError with the index of a request for anything else. */
export function logOf(requests: readonly Request[], geometry: Geometry): RequestLog {
  const wanted = requests.map((request, index) => wantedBy(request, index, geometry));
  return requestLog(geometry, wanted);
}

function wantedBy(request: Request, index: number, { pagesPerBlock }: Geometry): Wanted {
  if (request.kind === 'free') return { id: request.allocation, pages: 0, align: 0 };
  if (request.kind !== 'allocate' || (request.api !== 'alloc_pages' && request.api !== 'alloc_pages_exact')) {
    const what = request.kind === 'allocate' ? request.api : request.kind;
    throw new InputError(`request ${index}: ${what}; expected alloc_pages, alloc_pages_exact or a free`);
  }
  const { allocation, pages } = request;
  if (pages > pagesPerBlock) {
    throw new InputError(`request ${index}: ${pages} pages; expected at most a block of ${pagesPerBlock}`);
  }
  return { id: allocation, pages, align: 2 ** orderFor(pages) };
}

/** The log as the bytes of a file. */
export function encodeLog({ geometry, requests, maxId, words }: RequestLog): Uint8Array {
  const { pagesPerBlock, spanPages } = geometry;
  const file = new Uint32Array(HEADER_WORDS + words.length);
  file.set([MAGIC, pagesPerBlock, spanPages / pagesPerBlock, requests, maxId]);
  file.set(words, HEADER_WORDS);
  return new Uint8Array(file.buffer);
}
