/**
 * Placement by chance, to measure the page source against: each request takes a chunk that is drawn uniformly from the free pages.
 * What it shares with the page source: the order of the zones, their low watermarks, and which pages are free at the start.
 */
import type { Geometry, MemoryState, Pfn } from '@decpool/model';
import { type Random, randomFrom } from '@decpool/pool';
import { chunksAtStart } from '@decpool/pool/internal';

/** Draws before all chunks are looked through: a free page is found even if only one in a hundred is free. */
const DRAWS = 1000;

interface UniformZone {
  readonly start: number;
  readonly end: number;
  readonly lowWatermark: number;
  free: number;
}

export class UniformPlacement {
  /** The highest first: a GFP_KERNEL request tries them in this order. */
  readonly #zones: readonly UniformZone[];
  readonly #isFree: Uint8Array;
  readonly #random: Random;

  /** `seed` places the free chunks as in the page source, and draws from them. */
  constructor(memory: MemoryState, geometry: Geometry, seed: number) {
    this.#zones = memory.zones
      .map(({ ram, lowWatermark }) => ({
        start: Math.min(...ram.map(([start]) => start)),
        end: Math.max(...ram.map(([start, pages]) => start + pages)),
        lowWatermark,
        free: 0,
      }))
      .reverse();
    this.#isFree = new Uint8Array(geometry.spanPages);
    this.#random = randomFrom(seed);
    for (const [pfn, order] of chunksAtStart(memory, geometry, seed)) this.giveBack(pfn as Pfn, order);
  }

  /** First page of a free chunk of 2^order pages, or -1. */
  claim(order: number): Pfn | -1 {
    const pages = 1 << order;
    const isAbove = ({ free, lowWatermark }: UniformZone) => free - pages >= lowWatermark;
    const isBelow = (zone: UniformZone) => !isAbove(zone) && zone.free >= pages;
    for (const zone of [...this.#zones.filter(isAbove), ...this.#zones.filter(isBelow)]) {
      const pfn = this.#draw(zone, pages);
      if (pfn < 0) continue;
      this.#isFree.fill(0, pfn, pfn + pages);
      zone.free -= pages;
      return pfn as Pfn;
    }
    return -1;
  }

  giveBack(pfn: Pfn, order: number): void {
    const zone = this.#zones.find(({ start, end }) => pfn >= start && pfn < end);
    if (zone === undefined) return;
    this.#isFree.fill(1, pfn, pfn + (1 << order));
    zone.free += 1 << order;
  }

  #draw({ start, end }: UniformZone, pages: number): number {
    const first = Math.ceil(start / pages);
    const chunks = Math.floor(end / pages) - first;
    if (chunks <= 0) return -1;
    for (let draw = 0; draw < DRAWS; draw++) {
      const pfn = (first + this.#random.below(chunks)) * pages;
      if (this.#isFreeChunk(pfn, pages)) return pfn;
    }
    const free = Array.from({ length: chunks }, (_, index) => (first + index) * pages).filter((pfn) =>
      this.#isFreeChunk(pfn, pages),
    );
    return free.length === 0 ? -1 : free[this.#random.below(free.length)];
  }

  #isFreeChunk(pfn: number, pages: number): boolean {
    for (let page = pfn; page < pfn + pages; page++) if (this.#isFree[page] === 0) return false;
    return true;
  }
}
