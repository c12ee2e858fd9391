/**
 * The direct map: which mapping splits when the attributes of a range change, and which collapse.
 *
 * The rule (arch/x86/mm/pat/set_memory.c, __change_page_attr and __should_split_large_page): walk the range
 * left to right at the current mapping level. A large entry whose attributes do not change is skipped; one that
 * the range covers from its base to its end is changed in place; any other is split one level down and tried again.
 *
 * A large entry has one set of attributes, so the attributes of any page in it stand for all of it: that is
 * why the walk asks for one page only.
 *
 * Left out: static_protections(), which forces some attributes inside the kernel image, and the second mapping
 * of the image. No page allocator hands those pages out.
 */
import type { Geometry } from './geometry.ts';
import type { MappingLevel } from './memory-state.ts';
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

/** Pages that one large entry of `level` maps. */
const pagesOfLevel = ({ pagesPerBlock, blocksPerRegion }: Geometry, level: 2 | 3): number =>
  level === 3 ? pagesPerBlock * blocksPerRegion : pagesPerBlock;

/**
 * Splits every large entry that a change of attributes over [start, start + pages) cannot keep. Holes are
 * passed over, as __cpa_process_fault() does in the direct map.
 */
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
    const size = pagesOfLevel(geometry, level as 2 | 3);
    const base = at - (at % size);
    const covered = base === at && base + size <= end;
    if (covered || map.isUnchanged(toPfn(at))) {
      at = base + size;
    } else {
      map.split(toPfn(base), level as 2 | 3);
    }
  }
}

/** What a split at a boundary needs to know. */
export interface BoundaryMap {
  /** Pages of the entry, or of the run of contiguous entries, that maps `pfn`; 1 in a hole. */
  entryPagesAt(pfn: Pfn): number;
  /** Splits what maps [base, base + pages) one step down. */
  splitEntry(base: Pfn, pages: number): void;
}

/**
 * The rule of arm64 with FEAT_BBML3 (split_kernel_leaf_mapping(), arch/arm64/mm/mmu.c): what the first and the end address
 * of a range lie inside of is split, step by step, until an entry begins there. What lies between is changed in place.
 */
export function splitAtBoundaries(geometry: Geometry, map: BoundaryMap, start: Pfn, pages: number): void {
  for (const boundary of [start, toPfn(start + pages)]) {
    if (boundary >= geometry.spanPages) continue;
    for (;;) {
      const entry = map.entryPagesAt(boundary);
      if (boundary % entry === 0) break;
      map.splitEntry(toPfn(boundary - (boundary % entry)), entry);
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

/** One call of the set_memory_*() family. */
export interface AttributeChange {
  /** The attribute bits that are set or cleared; any of bits 0 to 6. */
  readonly mask: number;
  readonly set: boolean;
  /** Merge what has become alike in the touched blocks: CPA_COLLAPSE, only set_memory_rox() since Linux 6.15. */
  readonly collapse?: boolean;
}

/** A mapping run with the attribute bits that all its pages have at the start: 0 when left out. */
type AttributedRun = readonly [startPfn: number, pages: number, level: MappingLevel, attributes?: number];

/** Not present. A bit like any other, so that a block with a hole in it never looks uniform. */
const HOLE = 0x80;

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
  /** Pages mapped at each level. */
  readonly #pages = { 1: 0, 2: 0, 3: 0 };

  /** Page frames in no run are holes. A block that runs of two levels share gets the smaller page size. */
  constructor(geometry: Geometry, runs: readonly AttributedRun[]) {
    this.#geometry = geometry;
    this.#levels = new Uint8Array(geometry.spanPages / geometry.pagesPerBlock);
    this.#attributes = new Uint8Array(geometry.spanPages).fill(HOLE);
    for (const [start, pages, level, attributes = 0] of runs) {
      if (level === 0) continue;
      this.#pages[level] += pages;
      this.#attributes.fill(attributes, start, start + pages);
      const end = Math.ceil((start + pages) / geometry.pagesPerBlock);
      for (let block = Math.floor(start / geometry.pagesPerBlock); block < end; block++) {
        const before = this.#levels[block];
        this.#levels[block] = before === 0 ? level : Math.min(before, level);
      }
    }
  }

  /** How a page is mapped. */
  levelAt(pfn: Pfn): MappingLevel {
    return this.#levels[Math.floor(pfn / this.#geometry.pagesPerBlock)] as MappingLevel;
  }

  /** Attribute bits of a page; 0 in a hole. */
  attributesAt(pfn: Pfn): number {
    return this.#attributes[pfn] & HOLE ? 0 : this.#attributes[pfn];
  }

  /** Pages mapped at `level`: DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo, in pages. */
  pagesAt(level: 1 | 2 | 3): number {
    return this.#pages[level];
  }

  /** Changes the attributes of [start, start + pages), which must lie in the geometry's span. */
  change(start: Pfn, pages: number, { mask, set, collapse = false }: AttributeChange): ChangeResult {
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
    this.#move(level, level === 3 ? 2 : 1, blocks * pagesPerBlock);
  }

  #move(from: 1 | 2 | 3, to: 1 | 2 | 3, pages: number): void {
    this.#pages[from] -= pages;
    this.#pages[to] += pages;
  }

  /**
   * cpa_collapse_large_pages(): every block that the range touches, so also the pages before and after the
   * range. A 1G entry is tried only where a 2M entry has just been rebuilt: 512 uniform 2M entries stay 2M.
   */
  #collapse(start: Pfn, pages: number, result: { collapses2M: number; collapses1G: number }): void {
    const { pagesPerBlock, blocksPerRegion } = this.#geometry;
    const end = Math.ceil((start + pages) / pagesPerBlock);
    for (let block = Math.floor(start / pagesPerBlock); block < end; block++) {
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
