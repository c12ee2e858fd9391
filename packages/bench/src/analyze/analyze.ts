/** What requests ask for before any policy serves them: sizes, rates, lifetimes, live pages over time, owners, and bounds. */
import { type AllocateRequest, GFP_KERNEL, PAGE_SIZE, type Request } from '@decpool/model';
import { maySleep } from '@decpool/model/internal';
import { fewConversions } from '../bounds/few-conversions.ts';
import { isBounded, lowerBounds } from '../bounds/lower.ts';
import { groupedBy } from '../text/groups.ts';
import { durationOf } from '../workloads/workload.ts';

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

interface Life {
  readonly request: AllocateRequest;
  readonly pages: number;
  /** Numbers of the allocation and of its free among the requests. */
  readonly from: number;
  to: number;
  /** ns of its free. */
  end: number | undefined;
}

/** Pages of an allocation; small objects share theirs, so they count by their bytes. */
const pagesOf = ({ api, pages, bytes }: AllocateRequest): number =>
  bytes < PAGE_SIZE && (api === 'kmalloc' || api === 'dma_alloc_coherent') ? bytes / PAGE_SIZE : pages;

export function analyze(requests: readonly Request[]): Analysis {
  const lives: Life[] = [];
  const byId = new Map<number, Life>();
  const background = { allocations: 0, frees: 0 };
  for (const [index, request] of requests.entries()) {
    if (request.kind === 'allocate') {
      const life: Life = {
        request,
        pages: pagesOf(request),
        from: index,
        to: Number.POSITIVE_INFINITY,
        end: undefined,
      };
      lives.push(life);
      byId.set(request.allocation, life);
    } else if (request.kind === 'free') {
      const life = byId.get(request.allocation);
      if (life !== undefined) Object.assign(life, { end: request.time, to: index });
      byId.delete(request.allocation);
    } else if (request.kind === 'background-allocate') background.allocations++;
    else if (request.kind === 'background-free') background.frees++;
  }
  const duration = durationOf({ requests });
  const curve = liveCurve(requests, duration);
  const blocked = lives.filter(({ request }) => !maySleep(request.gfp ?? GFP_KERNEL));
  const lifetimes = lifetimesOf(lives);
  return {
    requests: lives.length,
    frees: lives.length - byId.size,
    duration,
    rates: ratesOf(lives, duration),
    peak: { pages: curve.peak.pages, allocations: curve.peak.allocations, at: curve.peak.at },
    sizes: sizesOf(lives),
    owners: ownersOf(lives, curve.peak.request),
    mayNotSleep: {
      requests: blocked.length,
      byApi: Object.fromEntries(
        [...groupedBy(blocked, ({ request }) => request.api)].map(([api, { length }]) => [api, length]),
      ),
    },
    ...(lifetimes === undefined ? {} : { lifetimes }),
    livePages: curve.parts,
    bounds: boundsOf(requests, lives),
    background,
  };
}

/** Live pages in one pass, and when they are most. */
function liveCurve(requests: readonly Request[], duration: number) {
  const parts = new Array<number>(PARTS).fill(0);
  const held = new Map<number, number>();
  const peak = { pages: 0, allocations: 0, at: 0, request: 0 };
  let [live, part] = [0, 0];
  for (const [index, request] of requests.entries()) {
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

function ratesOf(lives: readonly Life[], duration: number) {
  const seconds = Math.max(duration, RATE_WINDOW) / 1e9;
  let [busiest, window, count] = [0, -1, 0];
  for (const { request } of lives) {
    const own = Math.floor(request.time / RATE_WINDOW);
    count = own === window ? count + 1 : 1;
    window = own;
    busiest = Math.max(busiest, count);
  }
  return { meanPerSecond: lives.length / seconds, mostInTenth: busiest };
}

function groupOf(lives: readonly Life[]): Group {
  const lifetimes = lifetimesOf(lives);
  return {
    requests: lives.length,
    kept: lives.filter(({ end }) => end === undefined).length,
    peakPages: peakOf(lives),
    ...(lifetimes === undefined ? {} : { lifetimes }),
  };
}

/** Most live pages of a group. */
function peakOf(lives: readonly Life[]): number {
  const ends = lives.filter(({ end }) => end !== undefined).sort((a, b) => a.to - b.to);
  let [live, most, ended] = [0, 0, 0];
  for (const { from, pages } of lives) {
    while (ended < ends.length && ends[ended].to < from) live -= ends[ended++].pages;
    live += pages;
    most = Math.max(most, live);
  }
  return whole(most);
}

function lifetimesOf(lives: readonly Life[]): Lifetimes | undefined {
  const ended = lives.filter(({ end }) => end !== undefined);
  if (ended.length === 0) return undefined;
  const sorted = Float64Array.from(ended, ({ end = 0, request }) => end - request.time).sort();
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { ended: ended.length, median: quantile(0.5), p90: quantile(0.9), max: sorted[sorted.length - 1] };
}

function sizesOf(lives: readonly Life[]): SizeGroup[] {
  const classOf = ({ pages }: Life) => (pages < 1 ? -1 : Math.ceil(Math.log2(pages)));
  return [...groupedBy(lives, classOf)]
    .sort(([a], [b]) => a - b)
    .map(([order, group]) => ({
      fromPages: order < 0 ? 0 : order === 0 ? 1 : 2 ** (order - 1) + 1,
      toPages: order < 0 ? 0 : 2 ** order,
      ...groupOf(group),
    }));
}

/** `at`: number of the request at the peak. */
function ownersOf(lives: readonly Life[], at: number): OwnerGroup[] {
  const pagesAt = (group: readonly Life[]) =>
    whole(group.filter(({ from, to }) => from <= at && to > at).reduce((sum, { pages }) => sum + pages, 0));
  return [...groupedBy(lives, ({ request }) => request.owner)]
    .map(([owner, group]) => ({
      owner,
      apis: [...new Set(group.map(({ request }) => request.api))],
      pagesAtPeak: pagesAt(group),
      mayNotSleep: group.filter(({ request }) => !maySleep(request.gfp ?? GFP_KERNEL)).length,
      ...groupOf(group),
    }))
    .sort((a, b) => b.pagesAtPeak - a.pagesAtPeak || b.requests - a.requests);
}

function boundsOf(requests: readonly Request[], lives: readonly Life[]): GroupingBounds {
  const { blocksPeak } = lowerBounds(requests, PAGES_PER_BLOCK);
  const counted = lives.filter(({ request }) => isBounded(request));
  const freed = counted.filter(({ end }) => end !== undefined).length;
  return {
    blocksScattered: peakOf(counted.map((life) => ({ ...life, pages: blocksAlone(life.request) }))),
    blocksLeast: blocksPeak,
    conversionsEach: counted.length + freed,
    conversionsLeast: blocksPeak,
    leastIdle: fewConversions(requests, PAGES_PER_BLOCK).leastIdle[0] ?? 0,
  };
}

/** Blocks that an allocation can lie in if nothing is grouped. Pages of a vmalloc area may all be apart; small objects share pages. */
const blocksAlone = (request: AllocateRequest): number =>
  request.api === 'vmalloc'
    ? request.pages
    : Math.min(1, pagesOf(request)) * Math.ceil(request.pages / PAGES_PER_BLOCK);
