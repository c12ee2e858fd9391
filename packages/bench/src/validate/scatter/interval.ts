/**
 * How many splits a run can have cost where the memory state does not determine it: other tasks allocate and free
 * meanwhile, and pages of per-CPU lists are in no free list. The interval goes from the most clustered to the most
 * spread placement of the requests that agrees with the recorded counts.
 *
 * What is certain, whatever the others did:
 * 1. A request below the order of a block lies in one block, and splits it unless it is mapped by 4K pages already
 *    (`#map` before the run). Requests of whole blocks split no 2M entry. A 1G entry splits once.
 * 2. A zone served at most as many pages as `pgalloc_ZONE` of /proc/vmstat counted during the run, by anybody.
 * 3. Pages held at one time lie on different page frames, and none in the kernel image (/proc/iomem).
 *
 * The clustered end needs no more: at the peak the pages held fill the 4K blocks of the zones that served, then whole blocks.
 * From 1 and 2 alone also follows a number that no placement exceeds, `possible`: the 2M-mapped blocks of the zones
 * that served, or the requests if those are fewer. It is nearly the zone: the pages that others freed meanwhile, or
 * that per-CPU lists held, can have been anywhere, one in each block.
 *
 * The spread end is narrower by one assumption, the same for every recording, the placement prior: **what serves a
 * request is cut no finer than the free lists were at the start.** Memory that others free, that reclaim frees and
 * that per-CPU lists hold came out of such lists and goes back to them, so it is as clustered as they are. Hence
 * 4. the requests use up the free chunks of the start as the kernel does: unmovable ones, the smallest sufficient
 *    order first, of other migratetypes only when those are gone (__rmqueue, mm/page_alloc.c). Nothing that the run
 *    frees comes back to it, and of the zones that served the one with the smaller chunk does;
 * 5. a request gets a chunk that no request has had, rather than what is left of another's, wherever somebody else can
 *    have spoilt the latter by taking a page of each piece that would do: others took as many pages as /proc/vmstat
 *    counts beyond the run's own, and each split takes one for a page table;
 * 6. each chunk lies in a block of its own, as long as there are blocks: chunks smaller than a block in pageblocks of their
 *    migratetype (/proc/pagetypeinfo) that are not free as a whole.
 */
import { MAX_PAGE_ORDER, type PageRun, type ZoneState } from '@decpool/model';
import { Chunks, type Supply } from './chunks.ts';
import type { ScatterRequest } from './requests.ts';
import type { ScatterRun } from './run.ts';
import type { Traffic } from './traffic.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface ScatterIntervals {
  /** 2M entries split: clustered end to spread end. */
  readonly splits2M: Interval;
  /** 1G entries split. */
  readonly splits1G: Interval;
  /** 2M entries that no placement at all exceeds; the prior is not used. */
  readonly possible2M: number;
}

export type IntervalInput = Pick<
  ScatterRun,
  'memory' | 'geometry' | 'levels' | 'reserved' | 'requests' | 'pagesByOthers'
> & { readonly traffic: Pick<Traffic, 'allocatedFrom'> };

export function scatterIntervals(input: IntervalInput): ScatterIntervals {
  const { geometry, requests } = input;
  const blockOrder = Math.log2(geometry.pagesPerBlock);
  const regionPages = geometry.pagesPerBlock * geometry.blocksPerRegion;
  const zones = servingZones(input);
  const total = (pick: (zone: ServingZone) => number) => zones.reduce((sum, zone) => sum + pick(zone), 0);

  const small = requests.filter(
    (request) => request.kind === 'allocate' && request.order < blockOrder,
  ).length;
  const all = requests.filter((request) => request.kind === 'allocate').length;
  const unsplit = total(({ pages4K, served }) => Math.min(pages4K, served));
  const outside1G = total(({ pagesOutside1G, served }) => Math.min(pagesOutside1G, served));
  const low = Math.ceil(Math.max(0, peakPages(requests, blockOrder - 1) - unsplit) / geometry.pagesPerBlock);
  const low1G = Math.ceil(Math.max(0, peakPages(requests, MAX_PAGE_ORDER) - outside1G) / regionPages);
  const possible = Math.min(
    small,
    total(({ largeBlocks, served }) => Math.min(largeBlocks, served)),
  );
  const spread = Math.min(possible, blocksWhenSpread(zones, requests, blockOrder, input.pagesByOthers));
  const entries = total(({ entries1G }) => entries1G);
  return {
    splits2M: { low, high: Math.max(low, spread) },
    splits1G: { low: low1G, high: Math.max(low1G, Math.min(all, entries)) },
    possible2M: Math.max(low, possible),
  };
}

/** The most pages held at one time in requests of up to `highest` order. */
function peakPages(requests: readonly ScatterRequest[], highest: number): number {
  const held = new Map<string, number>();
  let [now, peak] = [0, 0];
  for (const request of requests) {
    if (request.kind === 'free') {
      now -= held.get(request.key) ?? 0;
      held.delete(request.key);
    } else if (request.order <= highest) {
      held.set(request.key, 1 << request.order);
      now += 1 << request.order;
      peak = Math.max(peak, now);
    }
  }
  return peak;
}

interface ServingZone extends Supply {
  /** 1G entries that map any of their memory. */
  readonly entries1G: number;
  /** Usable pages in blocks mapped by 4K pages. */
  readonly pages4K: number;
  /** Pages that no 1G entry maps. */
  readonly pagesOutside1G: number;
}

/** The zones that served during the run, the highest first. */
function servingZones(input: IntervalInput): ServingZone[] {
  const { memory, traffic } = input;
  const names = [...new Set(memory.zones.map(({ name }) => name))].reverse();
  return names
    .map((name) => {
      const states = memory.zones.filter((zone) => zone.name === name);
      return { served: traffic.allocatedFrom(name), states, ...mappingOf(states, input) };
    })
    .filter(({ served }) => served > 0);
}

function mappingOf(
  states: readonly ZoneState[],
  { levels, reserved, geometry }: IntervalInput,
): Pick<ServingZone, 'largeBlocks' | 'entries1G' | 'pages4K' | 'pagesOutside1G'> {
  const { pagesPerBlock } = geometry;
  const regionPages = pagesPerBlock * geometry.blocksPerRegion;
  const large = new Set<number>();
  const regions = new Set<number>();
  let [pages4K, pagesOutside1G] = [0, 0];
  for (const run of states.flatMap(({ ram }) => ram)) {
    for (const [start, pages, level] of levels) {
      const [from, to] = overlap(run, [start, pages]);
      if (from >= to || level === 0) continue;
      if (level < 3) pagesOutside1G += to - from;
      if (level === 1) {
        const taken = reserved.map((range) => overlap(range, [from, to - from]));
        pages4K += taken.reduce((left, [first, end]) => left - Math.max(0, end - first), to - from);
      } else {
        addRange(large, from, to, pagesPerBlock);
        if (level === 3) addRange(regions, from, to, regionPages);
      }
    }
  }
  return { largeBlocks: large.size, entries1G: regions.size, pages4K, pagesOutside1G };
}

function addRange(units: Set<number>, from: number, to: number, unitPages: number): void {
  for (let unit = Math.floor(from / unitPages); unit < to / unitPages; unit++) units.add(unit);
}

/** First page that both runs have, and the page after the last; not ascending when they share none. */
function overlap([start, pages]: PageRun, [otherStart, otherPages]: PageRun): readonly [number, number] {
  return [Math.max(start, otherStart), Math.min(start + pages, otherStart + otherPages)];
}

/** The spread end: blocks that the requests touch when each free chunk lies in a block of its own. */
function blocksWhenSpread(
  zones: readonly ServingZone[],
  requests: readonly ScatterRequest[],
  blockOrder: number,
  pagesByOthers: number,
): number {
  const others = { pages: pagesByOthers };
  const supplies = zones.map((zone) => new Chunks(zone, blockOrder, others));
  for (const request of requests) {
    if (request.kind === 'free') continue;
    let best: Chunks | undefined;
    for (const supply of supplies) {
      if (supply.left < 1 << request.order) continue;
      if (best === undefined || supply.rankOf(request.order) < best.rankOf(request.order)) best = supply;
    }
    best?.take(request.order);
  }
  return supplies.reduce((sum, supply) => sum + supply.blocks, 0);
}
