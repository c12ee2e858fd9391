/** What requests ask for before any policy serves them: sizes, rates, lifetimes, live pages over time, owners, and bounds. */
import {
  type AllocateRequest,
  type AllocationId,
  type Api,
  GFP_KERNEL,
  PAGE_SIZE,
  type Request,
} from '@decpool/model';
import { maySleep } from '@decpool/model/internal';
import { fewConversions } from '../bounds/few-conversions.ts';
import { isBounded, lowerBounds } from '../bounds/lower.ts';
import { endOf, type Requests } from '../workloads/requests.ts';

/** Of lifetimes that ended, ns. */
export interface Lifetimes {
  readonly ended: number;
  readonly median: number;
  readonly p90: number;
  readonly max: number;
}

interface Group {
  readonly requests: number;
  /** Never freed. */
  readonly kept: number;
  /** Pages at the group's own peak. */
  readonly peakPages: number;
  readonly lifetimes?: Lifetimes;
}

export interface SizeGroup extends Group {
  /** Fewest and most pages; 0: bytes of less than a page, which share one. */
  readonly fromPages: number;
  readonly toPages: number;
}

export interface OwnerGroup extends Group {
  readonly owner: string;
  readonly apis: readonly string[];
  readonly pagesAtPeak: number;
  readonly mayNotSleep: number;
}

export interface Analysis {
  readonly requests: number;
  readonly frees: number;
  /** ns, from the first request to the last. */
  readonly duration: number;
  /** Allocations: in a simulated second on average, and in the busiest tenth of a second. */
  readonly rates: { readonly meanPerSecond: number; readonly mostInTenth: number };
  /** At peak: live pages (small objects by their bytes), allocations that hold them, and when. */
  readonly peak: { readonly pages: number; readonly allocations: number; readonly at: number };
  readonly sizes: readonly SizeGroup[];
  /** Most pages at the peak first. */
  readonly owners: readonly OwnerGroup[];
  readonly mayNotSleep: { readonly requests: number; readonly byApi: Readonly<Record<string, number>> };
  readonly lifetimes?: Lifetimes;
  /** Most live pages in each of equal parts of the duration. */
  readonly livePages: readonly number[];
  readonly bounds: GroupingBounds;
  /** Chunks of other users of the page allocator. */
  readonly background: { readonly allocations: number; readonly frees: number };
}

/** What grouping in 2 MiB blocks can gain at most. Streaming maps are left out: they live in bounce buffers. */
export interface GroupingBounds {
  /** Blocks that hold shared pages at peak: if each allocation lay alone, and at least. */
  readonly blocksScattered: number;
  readonly blocksLeast: number;
  /** Conversions if each allocation and each free converts its own pages; at least if blocks stay shared. */
  readonly conversionsEach: number;
  readonly conversionsLeast: number;
  /** Bytes: the least mean shared-idle memory with that few conversions. */
  readonly leastIdle: number;
}

/** Parts of the duration of `livePages`. */
export const PARTS = 480;
const RATE_WINDOW = 100_000_000;
const PAGES_PER_BLOCK = 512;

/** Pages of an allocation; small objects share theirs, so they count by their bytes. */
const pagesOf = ({ api, pages, bytes }: AllocateRequest): number =>
  bytes < PAGE_SIZE && (api === 'kmalloc' || api === 'dma_alloc_coherent') ? bytes / PAGE_SIZE : pages;

export function analyze(requests: Requests): Analysis {
  const duration = endOf(requests);
  const { peak, parts } = liveCurve(requests, duration);
  const all = new Lives();
  const sizes = new Map<number, Lives>();
  const owners = new Map<string, OwnerLives>();
  const blocked = new Map<Api, number>();
  const alone = new BlocksAlone();
  const rates = new Rates();
  const background = { allocations: 0, frees: 0 };
  const live = new Map<AllocationId, LiveRequest>();
  let index = 0;
  for (const request of requests) {
    if (request.kind === 'allocate') {
      const pages = pagesOf(request);
      const size = groupFor(sizes, sizeClass(pages), () => new Lives());
      const owner = groupFor(owners, request.owner, () => new OwnerLives());
      const mayNotSleep = !maySleep(request.gfp ?? GFP_KERNEL);
      for (const group of [all, size, owner]) group.begin(pages);
      owner.apis.add(request.api);
      if (mayNotSleep) owner.mayNotSleep++;
      if (mayNotSleep) blocked.set(request.api, (blocked.get(request.api) ?? 0) + 1);
      const blocks = isBounded(request) ? blocksAlone(request) : undefined;
      if (blocks !== undefined) alone.begin(blocks);
      rates.add(request.time);
      live.set(request.allocation, { pages, time: request.time, size, owner, blocks });
    } else if (request.kind === 'free') {
      const ended = live.get(request.allocation);
      if (ended !== undefined) {
        const { pages, time, size, owner, blocks } = ended;
        for (const group of [all, size, owner]) group.end(pages, request.time - time);
        if (blocks !== undefined) alone.end(blocks);
      }
      live.delete(request.allocation);
    } else if (request.kind === 'background-allocate') background.allocations++;
    else if (request.kind === 'background-free') background.frees++;
    if (index++ === peak.request) for (const { pages, owner } of live.values()) owner.pagesAtPeak += pages;
  }
  const mayNotSleep = [...blocked.values()].reduce((sum, count) => sum + count, 0);
  const { requests: allocations, lifetimes } = all.group();
  return {
    requests: allocations,
    frees: allocations - live.size,
    duration,
    rates: rates.over(duration),
    peak: { pages: peak.pages, allocations: peak.allocations, at: peak.at },
    sizes: sizesOf(sizes),
    owners: ownersOf(owners),
    mayNotSleep: { requests: mayNotSleep, byApi: Object.fromEntries(blocked) },
    ...(lifetimes === undefined ? {} : { lifetimes }),
    livePages: parts,
    bounds: boundsOf(requests, alone),
    background,
  };
}

interface LiveRequest {
  readonly pages: number;
  /** ns of the allocation. */
  readonly time: number;
  readonly size: Lives;
  readonly owner: OwnerLives;
  /** Blocks that it is in if nothing is grouped; undefined for what the bounds leave out. */
  readonly blocks: number | undefined;
}

function groupFor<Key, Group>(groups: Map<Key, Group>, key: Key, make: () => Group): Group {
  const known = groups.get(key);
  if (known !== undefined) return known;
  const group = make();
  groups.set(key, group);
  return group;
}

/** The allocations of a group, as they come and go. */
class Lives {
  #begun = 0;
  #live = 0;
  #peak = 0;
  /** ns of those that ended, in any order. A typed array takes no heap. */
  #lengths = new Float64Array(16);
  #ended = 0;

  begin(pages: number): void {
    this.#begun++;
    this.#live += pages;
    this.#peak = Math.max(this.#peak, this.#live);
  }

  end(pages: number, ns: number): void {
    this.#live -= pages;
    if (this.#ended === this.#lengths.length) {
      const grown = new Float64Array(this.#ended * 2);
      grown.set(this.#lengths);
      this.#lengths = grown;
    }
    this.#lengths[this.#ended++] = ns;
  }

  group(): Group {
    const lifetimes = lifetimesOf(this.#lengths.subarray(0, this.#ended));
    return {
      requests: this.#begun,
      kept: this.#begun - this.#ended,
      peakPages: whole(this.#peak),
      ...(lifetimes === undefined ? {} : { lifetimes }),
    };
  }
}

class OwnerLives extends Lives {
  readonly apis = new Set<Api>();
  pagesAtPeak = 0;
  mayNotSleep = 0;
}

/** Blocks if each allocation lay alone. */
class BlocksAlone {
  #live = 0;
  peak = 0;
  conversions = 0;

  begin(blocks: number): void {
    this.conversions++;
    this.#live += blocks;
    this.peak = Math.max(this.peak, this.#live);
  }

  end(blocks: number): void {
    this.conversions++;
    this.#live -= blocks;
  }
}

/** Live pages in one pass, and when they are most. */
function liveCurve(requests: Iterable<Request>, duration: number) {
  const parts = new Array<number>(PARTS).fill(0);
  const held = new Map<number, number>();
  const peak = { pages: 0, allocations: 0, at: 0, request: 0 };
  let [live, part] = [0, 0];
  let index = -1;
  for (const request of requests) {
    index++;
    const now = duration === 0 ? 0 : Math.min(PARTS - 1, Math.floor((request.time / duration) * PARTS));
    while (part < now) parts[++part] = live;
    if (request.kind === 'allocate') {
      held.set(request.allocation, pagesOf(request));
      live += pagesOf(request);
    } else if (request.kind === 'free') {
      live -= held.get(request.allocation) ?? 0;
      held.delete(request.allocation);
    } else continue;
    parts[part] = Math.max(parts[part], live);
    if (live > peak.pages) {
      Object.assign(peak, { pages: live, allocations: held.size, at: request.time, request: index });
    }
  }
  return { parts: parts.map(whole), peak: { ...peak, pages: whole(peak.pages) } };
}

/** Parts of a page add up to whole ones. */
const whole = (pages: number): number => Math.ceil(pages - 1e-6);

/** How many allocations come in a time. */
class Rates {
  #count = 0;
  #window = -1;
  #inWindow = 0;
  #most = 0;

  add(time: number): void {
    const own = Math.floor(time / RATE_WINDOW);
    this.#count++;
    this.#inWindow = own === this.#window ? this.#inWindow + 1 : 1;
    this.#window = own;
    this.#most = Math.max(this.#most, this.#inWindow);
  }

  over(duration: number): Analysis['rates'] {
    const seconds = Math.max(duration, RATE_WINDOW) / 1e9;
    return { meanPerSecond: this.#count / seconds, mostInTenth: this.#most };
  }
}

/** `lengths` are sorted in place. */
function lifetimesOf(lengths: Float64Array): Lifetimes | undefined {
  if (lengths.length === 0) return undefined;
  const sorted = lengths.sort();
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { ended: sorted.length, median: quantile(0.5), p90: quantile(0.9), max: sorted[sorted.length - 1] };
}

/** Order of the power of two that holds the pages; -1 for a part of a page. */
const sizeClass = (pages: number): number => (pages < 1 ? -1 : Math.ceil(Math.log2(pages)));

const sizesOf = (groups: ReadonlyMap<number, Lives>): SizeGroup[] =>
  [...groups]
    .sort(([a], [b]) => a - b)
    .map(([order, lives]) => ({
      fromPages: order < 0 ? 0 : order === 0 ? 1 : 2 ** (order - 1) + 1,
      toPages: order < 0 ? 0 : 2 ** order,
      ...lives.group(),
    }));

const ownersOf = (groups: ReadonlyMap<string, OwnerLives>): OwnerGroup[] =>
  [...groups]
    .map(([owner, lives]) => ({
      owner,
      apis: [...lives.apis],
      pagesAtPeak: whole(lives.pagesAtPeak),
      mayNotSleep: lives.mayNotSleep,
      ...lives.group(),
    }))
    .sort((a, b) => b.pagesAtPeak - a.pagesAtPeak || b.requests - a.requests);

function boundsOf(requests: Requests, alone: BlocksAlone): GroupingBounds {
  const { blocksPeak } = lowerBounds(requests, PAGES_PER_BLOCK);
  return {
    blocksScattered: whole(alone.peak),
    blocksLeast: blocksPeak,
    conversionsEach: alone.conversions,
    conversionsLeast: blocksPeak,
    leastIdle: fewConversions(requests, PAGES_PER_BLOCK).leastIdle[0] ?? 0,
  };
}

/** Blocks that an allocation can lie in if nothing is grouped. Pages of a vmalloc area may all be apart; small objects share pages. */
const blocksAlone = (request: AllocateRequest): number =>
  request.api === 'vmalloc'
    ? request.pages
    : Math.min(1, pagesOf(request)) * Math.ceil(request.pages / PAGES_PER_BLOCK);
