/**
 * How many splits a run can have cost if the memory state does not determine it: other tasks allocate and free
 * meanwhile, and pages of per-CPU lists are in no free list. The interval goes from the most clustered to the most
 * spread placement that agrees with the recorded counts. docs/scatter.md has the argument, as rules 1 to 6.
 */
import { MAX_PAGE_ORDER, type ZoneState } from '@decpool/model';
import { overlap } from '../../traces/memory-state/memory-state.ts';
import type { ScatterRequest, ScatterRun } from './run.ts';
import { blocksWhenSpread, type Supply } from './spread.ts';
import type { Traffic } from './traffic.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface ScatterIntervals {
  /** 2M entries split: clustered end to spread end. */
  readonly splits2M: Interval;
  readonly splits1G: Interval;
  /** 2M entries that no placement exceeds, without the prior. */
  readonly possible2M: number;
}

type IntervalInput = Pick<
  ScatterRun,
  'memory' | 'geometry' | 'levels' | 'reserved' | 'requests' | 'pagesByOthers'
> & { readonly traffic: Pick<Traffic, 'allocatedFrom'> };

/**
 * - Clustered end, rules 1 to 3: at the peak the pages held fill the 4K blocks of the zones that served, then whole blocks.
 * - `possible`, rules 1 and 2: the 2M-mapped blocks of the zones that served, or the requests if they are fewer.
 * - Spread end, rules 4 to 6: see spread.ts.
 */
export function scatterIntervals(input: IntervalInput): ScatterIntervals {
  const { geometry, requests } = input;
  const blockOrder = Math.log2(geometry.pagesPerBlock);
  const regionPages = geometry.pagesPerBlock * geometry.blocksPerRegion;
  const zones = servingZones(input);
  const total = (pick: (zone: ServingZone) => number) => zones.reduce((sum, zone) => sum + pick(zone), 0);
  /** Units of `pages` that the peak needs beyond the pages that split nothing. */
  const clustered = (highest: number, pages: number, unsplit: (zone: ServingZone) => number) => {
    const free = total((zone) => Math.min(unsplit(zone), zone.served));
    return Math.ceil(Math.max(0, peakPages(requests, highest) - free) / pages);
  };

  const allocations = requests.filter((request) => request.kind === 'allocate');
  const small = allocations.filter(({ order }) => order < blockOrder).length;
  const largeBlocks = total((zone) => Math.min(zone.largeBlocks, zone.served));
  const possible = Math.min(small, largeBlocks);
  const spread = Math.min(possible, blocksWhenSpread(zones, requests, blockOrder, input.pagesByOthers));
  const low = clustered(blockOrder - 1, geometry.pagesPerBlock, (zone) => zone.pages4K);
  const low1G = clustered(MAX_PAGE_ORDER, regionPages, (zone) => zone.pagesOutside1G);
  const high1G = Math.min(
    allocations.length,
    total((zone) => zone.entries1G),
  );
  return {
    splits2M: { low, high: Math.max(low, spread) },
    splits1G: { low: low1G, high: Math.max(low1G, high1G) },
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
      const [from, count] = overlap(run, [start, pages]);
      if (count <= 0 || level === 0) continue;
      if (level < 3) pagesOutside1G += count;
      if (level === 1) {
        const taken = reserved.map((range) => Math.max(0, overlap(range, [from, count])[1]));
        pages4K += taken.reduce((left, reservedPages) => left - reservedPages, count);
      } else {
        addRange(large, from, from + count, pagesPerBlock);
        if (level === 3) addRange(regions, from, from + count, regionPages);
      }
    }
  }
  return { largeBlocks: large.size, entries1G: regions.size, pages4K, pagesOutside1G };
}

function addRange(units: Set<number>, from: number, to: number, unitPages: number): void {
  for (let unit = Math.floor(from / unitPages); unit < to / unitPages; unit++) units.add(unit);
}
