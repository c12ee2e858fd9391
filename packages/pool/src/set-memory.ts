/**
 * set_memory_decrypted() and set_memory_encrypted(), and what the kernel does beside them: the splits of the direct map that
 * come first, the retries of a call that failed, the pages that are leaked when no retry works, and the restored 2M mapping.
 */
import {
  AREA_CALL,
  type BoundaryMap,
  blockIndex,
  CONVERTED,
  DIRECTIONS,
  type Direction,
  type Extent,
  hasLargePages,
  type MappedRange,
  type Pfn,
  type Platform,
  type StateView,
  splitAtBoundaries,
  splitForChange,
  TYPE,
  pfn as toPfn,
} from '@decpool/model';
import type { FaultInjector } from './faults.ts';
import type { ConversionResult } from './policy.ts';

/** Code of a conversion that works; no code of a failed one. */
const WORKS = -1;

/** Where the events of conversions are written. */
export interface ConversionLog {
  readonly view: StateView;
  emit(type: number, allocation: number, pfn: number, pages: number, code: number): void;
  emitWith(
    type: number,
    allocation: number,
    pfn: number,
    pages: number,
    code: number,
    owner: number,
    bytes: number,
  ): void;
  /** Number of the owner on whose behalf pages are converted. */
  readonly owner: number;
}

export class SetMemory {
  readonly #log: ConversionLog;
  readonly #view: StateView;
  readonly #platform: Platform;
  readonly #faults: FaultInjector | undefined;
  readonly #map: MappedRange & BoundaryMap;
  /** Direction of the conversion whose splits are looked for. */
  #direction: Direction = 'decrypt';

  constructor(log: ConversionLog, faults: FaultInjector | undefined) {
    const { view } = log;
    this.#log = log;
    this.#view = view;
    this.#platform = view.platform;
    this.#faults = faults;
    this.#map = {
      levelAt: (pfn) => view.levelAt(pfn),
      isUnchanged: (pfn) =>
        this.#direction === 'decrypt'
          ? view.is('shared', pfn)
          : !view.is('shared', pfn) && !view.is('unknown', pfn),
      split: (base, level) => log.emit(TYPE.largePageSplit, 0, base, 0, level),
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
      this.#log.emitWith(TYPE.pagesLeaked, 0, pfn, pages, 0, this.#log.owner, 0);
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
    const failure = this.#drawFailure(direction);
    const works = failure === WORKS;
    const type = works ? CONVERSION_TYPES[direction][isArea ? 'area' : 'range'] : TYPE.conversionFailed;
    const code = works ? 0 : failure | (isArea ? AREA_CALL : 0);
    let offset = 0;
    for (const { pfn, pages } of runs) {
      this.#log.emitWith(type, 0, pfn, pages, code, 0, offset);
      offset += pages;
    }
    if (works && direction === 'encrypt') for (const { pfn, pages } of runs) this.#restore(pfn, pages);
    return works;
  }

  #splitFor(start: Pfn, pages: number): void {
    const { directMap } = this.#platform;
    if (directMap === 'split') splitForChange(this.#view.geometry, this.#map, start, pages);
    else if (directMap === 'contiguous') splitAtBoundaries(this.#view.geometry, this.#map, start, pages);
  }

  #splitEntry(base: Pfn, pages: number): void {
    const { pagesPerBlock, blocksPerRegion } = this.#view.geometry;
    if (pages === pagesPerBlock * blocksPerRegion) this.#log.emit(TYPE.largePageSplit, 0, base, 0, 3);
    else if (pages === pagesPerBlock) this.#log.emit(TYPE.largePageSplit, 0, base, 0, 2);
    else this.#log.emit(TYPE.contiguousSplit, 0, base, 0, pages > pagesPerBlock ? 2 : 1);
  }

  /** What becomes of the next call: WORKS, or the code of its failure. */
  #drawFailure(direction: Direction): number {
    const outcome = this.#faults?.draw(direction) ?? 'works';
    if (outcome === 'works') return WORKS;
    return DIRECTIONS.indexOf(direction) | (outcome === 'failed' ? 0 : CONVERTED);
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
      if (isPrivate) this.#log.emit(TYPE.largePageRestored, 0, base, 0, 0);
    }
  }
}

const CONVERSION_TYPES = {
  decrypt: { range: TYPE.pagesDecrypted, area: TYPE.vmAreaDecrypted },
  encrypt: { range: TYPE.pagesEncrypted, area: TYPE.vmAreaEncrypted },
} as const;
