/**
 * Requests as numbers in shared memory: all threads read the same ones. Words such as owners' names travel beside
 * them.
 */
import type { Request } from '@decpool/model';
import type { RequestSequence } from './run.ts';

/** What is sent to a thread. */
export interface PackedRequests {
  readonly length: number;
  /** One double per request and field, request by request; NaN if the request has no such field. */
  readonly values: SharedArrayBuffer;
  /** What the fields in WORDS count through. */
  readonly words: readonly string[];
}

type FieldOf<Each> = Each extends unknown ? keyof Each : never;
/** Every field of a request, in the order in which it has its place. */
const PLACES: Readonly<Record<FieldOf<Request>, number>> = {
  kind: 0,
  time: 1,
  allocation: 2,
  api: 3,
  pages: 4,
  bytes: 5,
  owner: 6,
  gfp: 7,
  node: 8,
  align: 9,
  key: 10,
  order: 11,
  migratetype: 12,
};
const FIELDS = Object.keys(PLACES);
const WORDS: ReadonlySet<string> = new Set<FieldOf<Request>>(['kind', 'api', 'owner', 'migratetype']);

export function packRequests(requests: readonly Request[]): PackedRequests {
  const buffer = new SharedArrayBuffer(8 * FIELDS.length * requests.length);
  const values = new Float64Array(buffer).fill(Number.NaN);
  const words = new Map<string, number>();
  const numberOf = (word: string) => {
    if (!words.has(word)) words.set(word, words.size);
    return words.get(word) ?? 0;
  };
  for (const [index, request] of requests.entries()) {
    for (const [field, value] of Object.entries(request)) {
      const at = index * FIELDS.length + PLACES[field as FieldOf<Request>];
      values[at] = typeof value === 'string' ? numberOf(value) : value;
    }
  }
  return { length: requests.length, values: buffer, words: [...words.keys()] };
}

/** Reads packed requests. Each is made anew when it is read, so that few are alive at a time. */
export class RequestColumns implements RequestSequence {
  readonly length: number;
  readonly #values: Float64Array;
  readonly #words: readonly string[];

  constructor({ length, values, words }: PackedRequests) {
    this.length = length;
    this.#values = new Float64Array(values);
    this.#words = words;
  }

  slice(from: number, to: number): readonly Request[] {
    const rows = Math.max(0, Math.min(to, this.length) - from);
    return Array.from({ length: rows }, (_, offset) => this.#at(from + offset));
  }

  some(holds: (request: Request) => boolean): boolean {
    for (let index = 0; index < this.length; index++) if (holds(this.#at(index))) return true;
    return false;
  }

  #at(index: number): Request {
    const request: Record<string, number | string> = {};
    for (const [place, field] of FIELDS.entries()) {
      const value = this.#values[index * FIELDS.length + place];
      if (!Number.isNaN(value)) request[field] = WORDS.has(field) ? this.#words[value] : value;
    }
    return request as unknown as Request;
  }
}
