/** The numbers of splits that any placement of a run can cause, by the recorded counts. docs/validation.md has the argument, as facts 1 to 3. */
import { MAX_PAGE_ORDER } from '@decpool/model';
import type { ZoneState } from '@decpool/model/internal';
import { overlap } from '../../traces/memory-state/memory-state.ts';
import type { ScatterRequest, ScatterRun } from './run.ts';
import type { Traffic } from './traffic.ts';

export interface Range {
  readonly low: number;
  readonly high: number;
}

interface PossibleSplits {
  readonly splits2M: Range;
  readonly splits1G: Range;
}

type PossibleInput = Pick<ScatterRun, 'memory' | 'geometry' | 'levels' | 'reserved' | 'requests'> & {
  readonly traffic: Pick<Traffic, 'allocatedFrom'>;
};

/**
 * - Fewest: at the peak the pages held fill the 4K blocks of the zones that served, then whole blocks.
 * - Most: the 2M-mapped blocks of the zones that served, or the requests if they are fewer.
 */
export function possibleSplits(input: PossibleInput): PossibleSplits {
  const { geometry, requests } = input;
  const blockOrder = Math.log2(geometry.pagesPerBlock);
  const regionPages = geometry.pagesPerBlock * geometry.blocksPerRegion;
  const zones = servingZones(input);
  const total = (pick: (zone: ServingZone) => number) => zones.reduce((sum, zone) => sum + pick(zone), 0);
  /** Units of `pages` that the peak needs beyond the pages that split nothing. */
  const fewest = (highest: number, pages: number, unsplit: (zone: ServingZone) => number) => {
    const free = total((zone) => Math.min(unsplit(zone), zone.served));
    return Math.ceil(Math.max(0, peakPages(requests, highest) - free) / pages);
  };
  const range = (low: number, most: number): Range => ({ low, high: Math.max(low, most) });

  const allocations = requests.filter((request) => request.kind === 'allocate');
  const small = allocations.filter(({ order }) => order < blockOrder).length;
  return {
    splits2M: range(
      fewest(blockOrder - 1, geometry.pagesPerBlock, (zone) => zone.pages4K),
      Math.min(
        small,
        total((zone) => Math.min(zone.largeBlocks, zone.served)),
      ),
    ),
    splits1G: range(
      fewest(MAX_PAGE_ORDER, regionPages, (zone) => zone.pagesOutside1G),
      Math.min(
        allocations.length,
        total((zone) => zone.entries1G),
      ),
    ),
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

/** Zones of one name, of all nodes: /proc/vmstat counts them together. */
interface ServingZone {
  /** Pages that they served during the run, to all tasks. */
  readonly served: number;
  /** Blocks mapped by 2M or 1G entries. */
  readonly largeBlocks: number;
  /** 1G entries that map any of their memory. */
  readonly entries1G: number;
  /** Usable pages in blocks mapped by 4K pages. */
  readonly pages4K: number;
  /** Pages that no 1G entry maps. */
  readonly pagesOutside1G: number;
}

/** The zones that served during the run. */
function servingZones(input: PossibleInput): ServingZone[] {
  const { memory, traffic } = input;
  const names = [...new Set(memory.zones.map(({ name }) => name))];
  return names
    .map((name) => {
      const states = memory.zones.filter((zone) => zone.name === name);
      return { served: traffic.allocatedFrom(name), ...mappingOf(states, input) };
    })
    .filter(({ served }) => served > 0);
}

function mappingOf(
  states: readonly ZoneState[],
  { levels, reserved, geometry }: PossibleInput,
): Omit<ServingZone, 'served'> {
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
