/**
 * set_memory_decrypted() and set_memory_encrypted(), and what the kernel does beside them: the splits of the direct map that
 * come first, the retries of a call that failed, the pages that are leaked when no retry works, and the restored 2M mapping.
 */
import {
  blockIndex,
  type Extent,
  type Pfn,
  type Platform,
  type StateView,
  pfn as toPfn,
} from '@decpool/model';
import type { Emitters } from '@decpool/model/internal';
import {
  type BoundaryMap,
  type Direction,
  hasLargePages,
  type MappedRange,
  splitAtBoundaries,
  splitForChange,
} from '@decpool/model/internal';
import type { FaultInjector, FaultOutcome } from './faults.ts';
import type { ConversionResult } from './policy.ts';

interface SetMemoryOptions {
  readonly emit: Emitters;
  readonly view: StateView;
  readonly faults: FaultInjector | undefined;
  /** Number of the owner whose pages are lost if they leak now. */
  readonly ownerToBlame: () => number;
  /** Takes a page for a table of the direct map; -1: there is none. */
  readonly claimPageTable: () => Pfn | -1;
  readonly freePageTable: (pfn: Pfn) => void;
}

export class SetMemory {
  readonly #emit: Emitters;
  readonly #view: StateView;
  readonly #platform: Platform;
  readonly #faults: FaultInjector | undefined;
  readonly #ownerToBlame: () => number;
  readonly #map: MappedRange & BoundaryMap;
  readonly #claimPageTable: SetMemoryOptions['claimPageTable'];
  readonly #freePageTable: SetMemoryOptions['freePageTable'];
  /** By first page of a split block, the page of its table. */
  readonly #tables = new Map<number, Pfn>();
  /** Direction of the conversion whose splits are looked for. */
  #direction: Direction = 'decrypt';

  constructor({ emit, view, faults, ownerToBlame, claimPageTable, freePageTable }: SetMemoryOptions) {
    this.#claimPageTable = claimPageTable;
    this.#freePageTable = freePageTable;
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
      split: (pfn, level) => this.#split(pfn, level),
      entryPagesAt: (pfn) => view.entryPagesAt(pfn),
      splitEntry: (base, pages) => this.#splitEntry(base, pages),
    };
  }

  /** Times that a pool tries set_memory_encrypted() on pages in an unknown state before it leaks them. */
  get retries(): number {
    return this.#faults?.retries ?? 0;
  }

  decrypt(start: Pfn, pages: number, retries: number): ConversionResult {
    if (!this.#platform.confidential || this.#callOn(start, pages, 'decrypt')) return 'converted';
    return this.#recover(start, pages, retries);
  }

  encrypt(start: Pfn, pages: number, retries: number): 'converted' | 'leaked' {
    if (!this.#platform.confidential || this.#callOn(start, pages, 'encrypt')) return 'converted';
    return this.#recover(start, pages, retries) === 'leaked' ? 'leaked' : 'converted';
  }

  /** After a failure only a successful set_memory_encrypted() makes the pages usable again; else they are leaked. */
  #recover(start: Pfn, pages: number, retries: number): 'private' | 'leaked' {
    for (let tries = 0; tries < retries; tries++) if (this.#callOn(start, pages, 'encrypt')) return 'private';
    this.#emit.pagesLeaked({ pfn: start, pages, owner: this.#ownerToBlame() });
    return 'leaked';
  }

  /** One call on an address in the direct map. Returns whether it worked. */
  #callOn(pfn: Pfn, pages: number, direction: Direction): boolean {
    this.#direction = direction;
    this.#splitFor(pfn, pages);
    const outcome = this.#faults === undefined ? 'works' : this.#faults.draw(direction);
    if (outcome !== 'works') {
      this.#emit.conversionFailed({ pfn, pages, direction, ...convertedBy(outcome) });
      return false;
    }
    if (direction === 'decrypt') {
      this.#emit.pagesDecrypted({ pfn, pages });
    } else {
      this.#emit.pagesEncrypted({ pfn, pages });
      this.#restore(pfn, pages);
    }
    return true;
  }

  decryptArea(runs: readonly Extent[], retries: number): ConversionResult {
    return this.#convertArea(runs, 'decrypt', retries);
  }

  encryptArea(runs: readonly Extent[], retries: number): 'converted' | 'leaked' {
    return this.#convertArea(runs, 'encrypt', retries) === 'leaked' ? 'leaked' : 'converted';
  }

  /** An area that fails is retried as a whole too, so all of its runs become private again or all are leaked. */
  #convertArea(runs: readonly Extent[], direction: Direction, retries: number): ConversionResult {
    if (!this.#platform.confidential || this.#callOnArea(runs, direction)) return 'converted';
    for (let tries = 0; tries < retries; tries++) if (this.#callOnArea(runs, 'encrypt')) return 'private';
    for (const { pfn, pages } of runs) {
      this.#emit.pagesLeaked({ pfn, pages, owner: this.#ownerToBlame() });
    }
    return 'leaked';
  }

  /** One call on the vmalloc address of an area, recorded as an event per run. Returns whether it worked. */
  #callOnArea(runs: readonly Extent[], direction: Direction): boolean {
    this.#direction = direction;
    for (const { pfn, pages } of runs) {
      // Page by page, so that no run is ever found to cover a large entry.
      for (let page: number = pfn; page < pfn + pages; page++) this.#splitFor(toPfn(page), 1);
    }
    const outcome = this.#faults?.draw(direction) ?? 'works';
    let offset = 0;
    for (const { pfn, pages } of runs) {
      if (outcome !== 'works') {
        this.#emit.conversionFailed({ pfn, pages, direction, offset, ...convertedBy(outcome) });
      } else if (direction === 'decrypt') {
        this.#emit.vmAreaDecrypted({ pfn, pages, offset });
      } else {
        this.#emit.vmAreaEncrypted({ pfn, pages, offset });
      }
      offset += pages;
    }
    if (outcome !== 'works') return false;
    if (direction === 'encrypt') for (const { pfn, pages } of runs) this.#restore(pfn, pages);
    return true;
  }

  #splitFor(start: Pfn, pages: number): void {
    const { directMap } = this.#platform;
    if (directMap === 'split') splitForChange(this.#view.geometry, this.#map, start, pages);
    else if (directMap === 'contiguous') splitAtBoundaries(this.#view.geometry, this.#map, start, pages);
  }

  /** split_large_page(): the page of the new table comes from the page allocator first. */
  #split(pfn: Pfn, level: 2 | 3): void {
    const table = this.#claimPageTable();
    if (table !== -1 && level === 2 && this.#platform.restore) this.#tables.set(pfn, table);
    this.#emit.largePageSplit({ pfn, level });
  }

  #splitEntry(pfn: Pfn, pages: number): void {
    const { pagesPerBlock, blocksPerRegion } = this.#view.geometry;
    if (pages === pagesPerBlock * blocksPerRegion) this.#split(pfn, 3);
    else if (pages === pagesPerBlock) this.#split(pfn, 2);
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
      if (!isPrivate) continue;
      this.#emit.largePageRestored({ pfn: block });
      const table = this.#tables.get(base);
      if (table !== undefined) this.#freePageTable(table);
      this.#tables.delete(base);
    }
  }
}

const convertedBy = (outcome: FaultOutcome): { converted?: true } =>
  outcome === 'failed but converted' ? { converted: true } : {};
