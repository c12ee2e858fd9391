/**
 * The direct map: which mapping splits when the attributes of a range change, and which collapse.
 *
 * The rule (arch/x86/mm/pat/set_memory.c, __change_page_attr and should_split_large_page): walk the range
 * left to right at the current mapping level. A large entry whose attributes do not change is skipped; one that
 * the range covers from its base to its end is changed in place; any other is split one level down and tried again.
 *
 * A large entry has one set of attributes, so the attributes of any page in it stand for all of it: that is
 * why the walk asks for one page only.
 */
import type { Geometry } from './geometry.ts';
import type { MappingLevel, MappingRun } from './memory-state.ts';
import { type Pfn, pfn as toPfn } from './units.ts';

/** What the walk needs to know of a direct map. `split` must lower the level of the entry at `base`. */
export interface MappedRange {
  /** Level of the entry that maps `pfn`. */
  levelAt(pfn: Pfn): MappingLevel;
  /** Whether `pfn` already has the attributes that the change gives. */
  isUnchanged(pfn: Pfn): boolean;
  /** Called for each split, at the entry's first page, from left to right and from large to small. */
  split(base: Pfn, level: 2 | 3): void;
}

/** Pages that one entry of `level` maps. */
export function pagesOfLevel(geometry: Geometry, level: MappingLevel): number {
  if (level === 3) return geometry.pagesPerBlock * geometry.blocksPerRegion;
  return level === 2 ? geometry.pagesPerBlock : 1;
}

/** Splits every large entry that a change of attributes over [start, start + pages) cannot keep. */
export function splitForChange(geometry: Geometry, map: MappedRange, start: Pfn, pages: number): void {
  const end = start + pages;
  let at: number = start;
  while (at < end) {
    const level = map.levelAt(toPfn(at));
    if (level <= 1) {
      // Every entry up to the end of this block is a 4K entry (or a hole): nothing to split.
      at = at - (at % geometry.pagesPerBlock) + geometry.pagesPerBlock;
      continue;
    }
    const size = pagesOfLevel(geometry, level);
    const base = at - (at % size);
    const covered = base === at && base + size <= end;
    if (covered || map.isUnchanged(toPfn(at))) {
      at = base + size;
    } else {
      map.split(toPfn(base), level as 2 | 3);
    }
  }
}

/** What one change of attributes did to the direct map. */
export interface ChangeResult {
  readonly splits2M: number;
  readonly splits1G: number;
  readonly collapses2M: number;
  readonly collapses1G: number;
}

/**
 * A direct map with any attributes a page can have, one bit each: the stand-alone form that recordings of
 * real kernels are checked against. (A pool needs one attribute only, and keeps it in its state.)
 */
export class DirectMap {
  readonly #geometry: Geometry;
  /** Level of each block; a block inside a 1G entry has level 3. */
  readonly #levels: Uint8Array;
  /** Attribute bits of each page. */
  readonly #attributes: Uint8Array;
  readonly #pages: [hole: number, level4k: number, level2M: number, level1G: number];

  constructor(geometry: Geometry, runs: readonly MappingRun[]) {
    this.#geometry = geometry;
    this.#levels = new Uint8Array(geometry.spanPages / geometry.pagesPerBlock);
    this.#attributes = new Uint8Array(geometry.spanPages);
    this.#pages = [0, 0, 0, 0];
    for (const [start, pages, level] of runs) {
      this.#pages[level] += pages;
      const first = Math.floor(start / geometry.pagesPerBlock);
      const last = Math.ceil((start + pages) / geometry.pagesPerBlock);
      this.#levels.fill(level, first, last);
    }
  }

  levelAt(pfn: Pfn): MappingLevel {
    return this.#levels[Math.floor(pfn / this.#geometry.pagesPerBlock)] as MappingLevel;
  }

  /** Pages mapped at `level`: DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo, in pages. */
  pagesAt(level: 1 | 2 | 3): number {
    return this.#pages[level];
  }

  /**
   * Sets (or clears) the attribute bits `mask` on a range. With `collapse`, 4K and 2M entries of the touched
   * blocks that have become alike are merged again, as set_memory_rox() does since Linux 6.15.
   */
  change(start: Pfn, pages: number, mask: number, set: boolean, collapse: boolean): ChangeResult {
    const result = { splits2M: 0, splits1G: 0, collapses2M: 0, collapses1G: 0 };
    const attributes = this.#attributes;
    splitForChange(
      this.#geometry,
      {
        levelAt: (pfn) => this.levelAt(pfn),
        isUnchanged: (pfn) => (attributes[pfn] & mask) === (set ? mask : 0),
        split: (base, level) => {
          this.#split(base, level);
          if (level === 3) result.splits1G++;
          else result.splits2M++;
        },
      },
      start,
      pages,
    );
    for (let pfn: number = start; pfn < start + pages; pfn++) {
      attributes[pfn] = set ? attributes[pfn] | mask : attributes[pfn] & ~mask;
    }
    if (collapse) this.#collapse(start, pages, result);
    return result;
  }

  #split(base: Pfn, level: 2 | 3): void {
    const { pagesPerBlock, blocksPerRegion } = this.#geometry;
    const block = base / pagesPerBlock;
    const blocks = level === 3 ? blocksPerRegion : 1;
    this.#levels.fill(level - 1, block, block + blocks);
    this.#move(level, (level - 1) as MappingLevel, blocks * pagesPerBlock);
  }

  #move(from: MappingLevel, to: MappingLevel, pages: number): void {
    this.#pages[from] -= pages;
    this.#pages[to] += pages;
  }

  /** cpa_collapse_large_pages(): a 1G entry is tried only where a 2M entry has just been rebuilt. */
  #collapse(start: Pfn, pages: number, result: { collapses2M: number; collapses1G: number }): void {
    const { pagesPerBlock, blocksPerRegion } = this.#geometry;
    const last = Math.ceil((start + pages) / pagesPerBlock);
    for (let block = Math.floor(start / pagesPerBlock); block < last; block++) {
      if (this.#levels[block] !== 1 || !this.#isUniform(block, 1)) continue;
      this.#levels[block] = 2;
      this.#move(1, 2, pagesPerBlock);
      result.collapses2M++;
      const first = block - (block % blocksPerRegion);
      const region = this.#levels.subarray(first, first + blocksPerRegion);
      if (region.length < blocksPerRegion || region.some((level) => level !== 2)) continue;
      if (!this.#isUniform(first, blocksPerRegion)) continue;
      region.fill(3);
      this.#move(2, 3, blocksPerRegion * pagesPerBlock);
      result.collapses1G++;
    }
  }

  #isUniform(block: number, blocks: number): boolean {
    const { pagesPerBlock } = this.#geometry;
    const range = this.#attributes.subarray(block * pagesPerBlock, (block + blocks) * pagesPerBlock);
    const first = range[0];
    return range.every((attributes) => attributes === first);
  }
}
