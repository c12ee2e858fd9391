/**
 * set_memory_decrypted() and set_memory_encrypted(), and what the kernel does beside them: the splits of the direct map that
 * come first, the retries of a call that failed, the pages that are leaked when no retry works, and the restored 2M mapping.
 */
import {
  type BoundaryMap,
  blockIndex,
  type Direction,
  type Emitters,
  type Extent,
  hasLargePages,
  type MappedRange,
  type Pfn,
  type Platform,
  type StateView,
  splitAtBoundaries,
  splitForChange,
  pfn as toPfn,
} from '@decpool/model';
import type { FaultInjector, FaultOutcome } from './faults.ts';
import type { ConversionResult } from './policy.ts';

interface SetMemoryOptions {
  readonly emit: Emitters;
  readonly view: StateView;
  readonly faults: FaultInjector | undefined;
  /** Number of the owner whose pages are lost if they leak now. */
  readonly ownerToBlame: () => number;
}

export class SetMemory {
  readonly #emit: Emitters;
  readonly #view: StateView;
  readonly #platform: Platform;
  readonly #faults: FaultInjector | undefined;
  readonly #ownerToBlame: () => number;
  readonly #map: MappedRange & BoundaryMap;
  /** Direction of the conversion whose splits are looked for. */
  #direction: Direction = 'decrypt';

  constructor({ emit, view, faults, ownerToBlame }: SetMemoryOptions) {
    this.#emit = emit;
    this.#view = view;
    this.#platform = view.platform;
    this.#faults = faults;
    this.#ownerToBlame = ownerToBlame;
    this.#map = {
      levelAt: (pfn) => view.levelAt(pfn),
      isUnchanged: (pfn) =>
        this.#direction === 'decrypt'
          ? view.is('shared', pfn)
          : !view.is('shared', pfn) && !view.is('unknown', pfn),
      split: (pfn, level) => emit.largePageSplit({ pfn, level }),
      entryPagesAt: (pfn) => view.entryPagesAt(pfn),
      splitEntry: (base, pages) => this.#splitEntry(base, pages),
    };
  }

  decrypt(start: Pfn, pages: number): ConversionResult {
    return this.#convert([{ pfn: start, pages }], 'decrypt', false);
  }

  encrypt(start: Pfn, pages: number): 'converted' | 'leaked' {
    return this.#convert([{ pfn: start, pages }], 'encrypt', false) === 'leaked' ? 'leaked' : 'converted';
  }

  decryptArea(runs: readonly Extent[]): ConversionResult {
    return this.#convert(runs, 'decrypt', true);
  }

  encryptArea(runs: readonly Extent[]): 'converted' | 'leaked' {
    return this.#convert(runs, 'encrypt', true) === 'leaked' ? 'leaked' : 'converted';
  }

  /**
   * Converts runs with one call, `isArea` on the vmalloc address that maps them. After a failure only a successful
   * set_memory_encrypted() of all of them makes the pages usable again; else all are leaked.
   */
  #convert(runs: readonly Extent[], direction: Direction, isArea: boolean): ConversionResult {
    if (!this.#platform.confidential || this.#call(runs, direction, isArea)) return 'converted';
    const retries = this.#faults?.retries ?? 0;
    for (let tries = 0; tries < retries; tries++) {
      if (this.#call(runs, 'encrypt', isArea)) return 'private';
    }
    for (const { pfn, pages } of runs) {
      this.#emit.pagesLeaked({ pfn, pages, owner: this.#ownerToBlame() });
    }
    return 'leaked';
  }

  /** One call, recorded as an event per run. Returns whether it worked. */
  #call(runs: readonly Extent[], direction: Direction, isArea: boolean): boolean {
    this.#direction = direction;
    for (const { pfn, pages } of runs) {
      if (!isArea) this.#splitFor(pfn, pages);
      // Page by page, so that no run is ever found to cover a large entry.
      else for (let page: number = pfn; page < pfn + pages; page++) this.#splitFor(toPfn(page), 1);
    }
    const outcome = this.#faults?.draw(direction) ?? 'works';
    let offset = 0;
    for (const run of runs) {
      this.#record(run, direction, outcome, isArea ? offset : undefined);
      offset += run.pages;
    }
    if (outcome !== 'works') return false;
    if (direction === 'encrypt') for (const { pfn, pages } of runs) this.#restore(pfn, pages);
    return true;
  }

  /** `offset`: pages of the same call before this run; undefined for a call on an address in the direct map. */
  #record(
    { pfn, pages }: Extent,
    direction: Direction,
    outcome: FaultOutcome,
    offset: number | undefined,
  ): void {
    if (outcome !== 'works') {
      const isConverted = outcome === 'failed but converted';
      this.#emit.conversionFailed({
        pfn,
        pages,
        direction,
        ...(isConverted ? { converted: true } : {}),
        ...(offset === undefined ? {} : { offset }),
      });
    } else if (direction === 'decrypt') {
      if (offset === undefined) this.#emit.pagesDecrypted({ pfn, pages });
      else this.#emit.vmAreaDecrypted({ pfn, pages, offset });
    } else if (offset === undefined) this.#emit.pagesEncrypted({ pfn, pages });
    else this.#emit.vmAreaEncrypted({ pfn, pages, offset });
  }

  #splitFor(start: Pfn, pages: number): void {
    const { directMap } = this.#platform;
    if (directMap === 'split') splitForChange(this.#view.geometry, this.#map, start, pages);
    else if (directMap === 'contiguous') splitAtBoundaries(this.#view.geometry, this.#map, start, pages);
  }

  #splitEntry(pfn: Pfn, pages: number): void {
    const { pagesPerBlock, blocksPerRegion } = this.#view.geometry;
    if (pages === pagesPerBlock * blocksPerRegion) this.#emit.largePageSplit({ pfn, level: 3 });
    else if (pages === pagesPerBlock) this.#emit.largePageSplit({ pfn, level: 2 });
    else this.#emit.contiguousSplit({ pfn, level: pages > pagesPerBlock ? 2 : 1 });
  }

  /** If the platform restores: puts back the 2M mapping of each block in the range that was split and is private throughout. */
  #restore(start: Pfn, pages: number): void {
    if (!this.#platform.restore || !hasLargePages(this.#platform)) return;
    const { pagesPerBlock } = this.#view.geometry;
    for (let base = start - (start % pagesPerBlock); base < start + pages; base += pagesPerBlock) {
      const block = toPfn(base);
      if (!this.#view.wasSplit(blockIndex(base / pagesPerBlock))) continue;
      const isPrivate =
        this.#view.firstWhereNot('shared', false, block, pagesPerBlock) === -1 &&
        this.#view.firstWhereNot('unknown', false, block, pagesPerBlock) === -1;
      if (isPrivate) this.#emit.largePageRestored({ pfn: block });
    }
  }
}
