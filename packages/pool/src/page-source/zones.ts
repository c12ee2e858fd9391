/**
 * Zones and NUMA nodes: which zone a page belongs to, and in which order a request tries zones.
 *
 * A request tries the zones of one node from high to low, then those of the next node: the zonelist in node order
 * (build_zonelists, mm/page_alloc.c) as a CPU of the lowest node sees it, every other node being farther the higher
 * its number.
 */
import { ANY_NODE, type Geometry, type MemoryState } from '@decpool/model';
import type { ZoneState } from '@decpool/model/internal';
import type { Zonelist } from '../page-allocator/page-allocator.ts';
import type { BlockRange } from '../policy.ts';

const ZONE_NAMES = ['DMA', 'DMA32', 'Normal'] as const;

/** Which zones a request may use. */
export interface Reach {
  /** The highest zone: gfp_zone(), include/linux/gfp.h. Lower ones may serve as well. */
  readonly highestZone: (typeof ZONE_NAMES)[number];
  /** Only this node's zones, as with __GFP_THISNODE; ANY_NODE for any. */
  readonly node: number;
}

const NO_ZONE = -1;

const nodeOf = (zone: ZoneState): number => zone.node ?? 0;
const rankOf = (zone: ZoneState): number => (ZONE_NAMES as readonly string[]).indexOf(zone.name);

function allows({ highestZone, node }: Reach, zone: ZoneState): boolean {
  if (node !== ANY_NODE && node !== nodeOf(zone)) return false;
  const rank = rankOf(zone);
  return rank >= 0 && rank <= ZONE_NAMES.indexOf(highestZone);
}

/** The blocks [first, end) that hold a zone's RAM. */
function blocksOf(zone: ZoneState, { pagesPerBlock }: Geometry): readonly [first: number, end: number] {
  const first = Math.min(...zone.ram.map(([start]) => Math.floor(start / pagesPerBlock)));
  const end = Math.max(...zone.ram.map(([start, pages]) => Math.ceil((start + pages) / pagesPerBlock)));
  return zone.ram.length === 0 ? [0, 0] : [first, end];
}

/**
 * The blocks [firstBlock, endBlock) that the zones of a reach span; [0, 0) where there are none. Holes between the
 * zones count, and so would another node's memory if it lay in between.
 */
export function reachOf(
  memory: MemoryState,
  geometry: Geometry,
  reach: Reach,
): readonly [firstBlock: number, endBlock: number] {
  const spans = memory.zones
    .filter((zone) => zone.ram.length > 0 && allows(reach, zone))
    .map((zone) => blocksOf(zone, geometry));
  if (spans.length === 0) return [0, 0];
  return [Math.min(...spans.map(([first]) => first)), Math.max(...spans.map(([, end]) => end))];
}

/** The blocks of each zone of a reach, in the order in which a request tries them. Zones without RAM are left out. */
export function zonesOf(memory: MemoryState, geometry: Geometry, reach: Reach): readonly BlockRange[] {
  return memory.zones
    .filter((zone) => zone.ram.length > 0 && allows(reach, zone))
    .sort((a, b) => nodeOf(a) - nodeOf(b) || rankOf(b) - rankOf(a))
    .map((zone) => blocksOf(zone, geometry))
    .map(([firstBlock, endBlock]) => ({ firstBlock, endBlock }));
}

export class ZoneMap {
  readonly #zones: readonly ZoneState[];
  readonly pagesPerBlock: number;
  /** Zone of each block, or -1. */
  readonly #zoneOfBlock: Int8Array;
  /** 1 for a block that is RAM of one zone throughout. */
  readonly #isWhole: Uint8Array;
  readonly #blocks: readonly (readonly [first: number, end: number])[];
  readonly #everywhere: Zonelist;
  /** By node + 1 and highest zone; filled when first asked for. */
  readonly #zonelists: (Zonelist | undefined)[] = [];

  constructor({ zones }: MemoryState, geometry: Geometry) {
    const { pagesPerBlock } = geometry;
    this.#zones = zones;
    this.pagesPerBlock = pagesPerBlock;
    this.#zoneOfBlock = new Int8Array(geometry.spanPages / pagesPerBlock).fill(NO_ZONE);
    this.#isWhole = new Uint8Array(this.#zoneOfBlock.length);
    this.#blocks = zones.map((zone) => blocksOf(zone, geometry));
    for (const [index, { ram }] of zones.entries()) {
      for (const [start, pages] of ram) {
        const end = (start + pages) / pagesPerBlock;
        this.#zoneOfBlock.fill(index, Math.floor(start / pagesPerBlock), Math.ceil(end));
        const firstWhole = Math.ceil(start / pagesPerBlock);
        this.#isWhole.fill(1, firstWhole, Math.max(firstWhole, Math.floor(end)));
      }
    }
    this.#everywhere = this.#zonelistOf(() => true, 'Normal');
  }

  get blocks(): number {
    return this.#zoneOfBlock.length;
  }

  /** Index of the zone that a page belongs to; -1 where there is no RAM in its block. */
  zoneIndexOf(pfn: number): number {
    return this.#zoneOfBlock[Math.floor(pfn / this.pagesPerBlock)] ?? NO_ZONE;
  }

  zoneOfBlock(block: number): number {
    return this.#zoneOfBlock[block];
  }

  /** Whether all pages of a block are RAM of one zone. */
  isWhole(block: number): boolean {
    return this.#isWhole[block] === 1;
  }

  /** The blocks [first, end) that a zone's RAM lies in. */
  blocksOf(zone: number): readonly [first: number, end: number] {
    return this.#blocks[zone];
  }

  /** Every block that belongs to a zone. */
  blocksIn(zone: number): number[] {
    const [first, end] = this.#blocks[zone];
    return Array.from({ length: end - first }, (_, at) => first + at).filter(
      (block) => this.#zoneOfBlock[block] === zone,
    );
  }

  /** Index of a zone by name and node, or -1. */
  indexOf(name: string, node: number): number {
    return this.#zones.findIndex((zone) => zone.name === name && nodeOf(zone) === node);
  }

  /** Without a reach, all zones there are. */
  zonelist(reach: Reach | undefined): Zonelist {
    if (reach === undefined) return this.#everywhere;
    const key = (reach.node + 1) * ZONE_NAMES.length + ZONE_NAMES.indexOf(reach.highestZone);
    let zonelist = this.#zonelists[key];
    if (zonelist === undefined) {
      zonelist = this.#zonelistOf((zone) => allows(reach, zone), reach.highestZone);
      this.#zonelists[key] = zonelist;
    }
    return zonelist;
  }

  #zonelistOf(isAllowed: (zone: ZoneState) => boolean, highestZone: Reach['highestZone']): Zonelist {
    const node = (index: number) => nodeOf(this.#zones[index]);
    const zones = [...this.#zones.keys()]
      .filter((index) => isAllowed(this.#zones[index]))
      .sort((a, b) => node(a) - node(b) || b - a);
    return {
      zones,
      highestZone: ZONE_NAMES.indexOf(highestZone),
      localZones: zones.filter((index) => node(index) === node(zones[0])).length,
      isNofragment: zones.length > 0 && this.#isNofragment(zones[0]),
    };
  }

  /** alloc_flags_nofragment(): where zone Normal is preferred and, on a machine of several nodes, has a DMA32 below it. */
  #isNofragment(preferred: number): boolean {
    const { name } = this.#zones[preferred];
    const node = nodeOf(this.#zones[preferred]);
    const isOneNode = this.#zones.every((zone) => nodeOf(zone) === node);
    return name === 'Normal' && (isOneNode || this.indexOf('DMA32', node) >= 0);
  }
}
