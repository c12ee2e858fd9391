import { type AllocationId, type Api, InputError, type Request } from '@decpool/model';
import { checkRequest, MAX_OWNERS, type RequestHistory } from '@decpool/model/internal';
import { endOf, type RequestSequence, type Requests } from './requests.ts';

/** A named sequence of requests that every policy of a comparison is given. */
export interface Workload<Sequence extends Requests = readonly Request[]> {
  /** Short and stable: two runs over the same requests print the same name. Never a path. */
  readonly name: string;
  /** One or two short sentences. */
  readonly description: string;
  /** As checkRequest() wants them. */
  readonly requests: Sequence;
  /** Most pages that are allocated at one time, without those of the background. */
  readonly peakLivePages: number;
  /** Sentences for readers of a comparison: how the workload differs from a real machine. */
  readonly notes: readonly string[];
}

/** The workload made of these requests. Throws InputError as peakLivePages() does. */
export function workload<Sequence extends Requests = readonly Request[]>(
  parts: Omit<Workload<Sequence>, 'peakLivePages'>,
): Workload<Sequence> {
  return { ...parts, peakLivePages: peakLivePages(parts.requests) };
}

/** The calls that allocate, each once. */
export const apisOf = (requests: readonly Request[]): Api[] => [
  ...new Set(requests.flatMap((request) => (request.kind === 'allocate' ? [request.api] : []))),
];

/** CPU that makes a request. */
export const cpuOfRequest = (request: Request): number => ('cpu' in request ? (request.cpu ?? 0) : 0);

/** CPUs up to the highest that a request names; 1 if none names any. */
export const cpusOf = (requests: readonly Request[]): number =>
  requests.reduce((cpus, request) => Math.max(cpus, cpuOfRequest(request) + 1), 1);

/** Simulated ns from time 0 to the last request; 0 when there is none. */
export const durationOf = ({ requests }: { readonly requests: RequestSequence }): number => endOf(requests);

/**
 * Most pages allocated at one time. Throws InputError with the index of the first request that checkRequest() refuses, or that
 * frees a background chunk that is not allocated.
 */
export function peakLivePages(requests: Iterable<Request>): number {
  const walk = new RequestWalk();
  let index = 0;
  for (const request of requests) {
    try {
      walk.next(request);
    } catch (error) {
      throw error instanceof InputError ? new InputError(`request ${index}: ${error.message}`) : error;
    }
    index++;
  }
  return walk.peakPages;
}

const FREED = 0;

/** What a list of requests leaves live at each place, if every one of them is served. */
class RequestWalk implements RequestHistory {
  time = 0;
  nextAllocation = 1;
  readonly maxPages = Number.POSITIVE_INFINITY;
  readonly hasBounceBuffers = true;
  peakPages = 0;
  #livePages = 0;
  /** By allocation: its pages while it lives, then FREED. An array takes a third of a Map's time, and a typed one no heap. */
  #pagesOf = new Float64Array(2 ** 10);
  readonly #userMappings = new Map<AllocationId, number>();
  readonly #owners = new Set<string>();
  readonly #chunks = new Set<number>();

  next(request: Request): void {
    checkRequest(request, this);
    this.time = request.time;
    switch (request.kind) {
      case 'allocate':
        this.#owners.add(request.owner);
        if (this.nextAllocation === this.#pagesOf.length) this.#grow();
        this.#pagesOf[this.nextAllocation++] = request.pages;
        this.#livePages += request.pages;
        this.peakPages = Math.max(this.peakPages, this.#livePages);
        break;
      case 'free':
        this.#livePages -= this.#pagesOf[request.allocation];
        this.#pagesOf[request.allocation] = FREED;
        break;
      case 'map-user':
      case 'unmap-user': {
        const change = request.kind === 'map-user' ? 1 : -1;
        this.#userMappings.set(request.allocation, this.userMappings(request.allocation) + change);
        break;
      }
      case 'background-allocate':
        this.#chunks.add(request.key);
        break;
      case 'background-free':
        if (this.#chunks.delete(request.key)) break;
        throw new InputError(`free of background chunk ${request.key}: it is not allocated`);
    }
  }

  #grow(): void {
    const grown = new Float64Array(this.#pagesOf.length * 2);
    grown.set(this.#pagesOf);
    this.#pagesOf = grown;
  }

  isLive(allocation: AllocationId): boolean {
    return (this.#pagesOf[allocation] ?? FREED) !== FREED;
  }

  isRefused(): boolean {
    return false;
  }

  /** Whether an object shares its page is known only once a policy has served it. */
  isWholePages(): boolean {
    return true;
  }

  userMappings(allocation: AllocationId): number {
    return this.#userMappings.get(allocation) ?? 0;
  }

  hasRoomFor(owner: string): boolean {
    return this.#owners.size < MAX_OWNERS || this.#owners.has(owner);
  }

  holdsChunk(key: number): boolean {
    return this.#chunks.has(key);
  }
}

/** Pools cannot differ much on a workload that fits in one block. */
export function sizeNotes({ peakLivePages }: Pick<Workload, 'peakLivePages'>): string[] {
  if (peakLivePages > 512) return [];
  return [
    `The peak of ${peakLivePages} live pages fits in one 2 MiB block. This input compares pools with the baseline, not with each other.`,
  ];
}
