/**
 * The Recorder: what a policy says, as events in the ledger, with what the kernel does beside it: the splits that a
 * conversion forces, the retries of one that failed, the page allocator's own work.
 */
import {
  AREA_CALL,
  type BoundaryMap,
  blockIndex,
  CONVERTED,
  DIRECTIONS,
  type Direction,
  type Extent,
  FAILURE_REASONS,
  type FailureReason,
  GFP_KERNEL,
  hasLargePages,
  InvariantError,
  MAX_PAGE_ORDER,
  type MappedRange,
  MIGRATETYPES,
  type Migratetype,
  maySleep,
  type Pfn,
  type Platform,
  type StateView,
  splitAtBoundaries,
  splitForChange,
  TYPE,
  pfn as toPfn,
} from '@decpool/model';
import type { FaultInjector } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { PageSource, Reach } from './page-source/buddy.ts';
import type { BlockRange, ConversionResult, Recorder } from './policy.ts';

const UNMOVABLE = MIGRATETYPES.indexOf('Unmovable');

/** Owner's number of what no request asked for, at boot and in the deferred worker; what is leaked then is its own. */
export const NO_OWNER = -1;
const WORKER = 'kworker';
/** No code of a failed conversion. */
const WORKS = -1;

/** Where a request's pages may lie, for the page source and for a pool. */
export interface Where {
  readonly reach: Reach;
  readonly range: BlockRange;
}

export class EventRecorder implements Recorder {
  readonly #ledger: Ledger;
  readonly #source: PageSource;
  readonly #faults: FaultInjector | undefined;
  readonly #platform: Platform;
  readonly #view: StateView;
  readonly #map: MappedRange & BoundaryMap;
  /** On whose behalf the policy decides: set before it is called. The owner is for what is leaked. */
  #allocation = 0;
  #owner = NO_OWNER;
  #gfp = GFP_KERNEL;
  #where: Where;
  /** What the change being made would leave a page as: shared (decrypt) or not (encrypt). */
  #targetShared = true;
  /** What the allocation has got so far, in pages and extents, and whether it was refused. */
  servedPages = 0;
  servedExtents = 0;
  /** First page of the extent it got last. */
  servedStart = 0;
  isRefused = false;

  constructor(ledger: Ledger, source: PageSource, faults: FaultInjector | undefined, where: Where) {
    this.#ledger = ledger;
    this.#source = source;
    this.#faults = faults;
    this.#platform = ledger.columns.platform;
    this.#view = ledger.view;
    this.#where = where;
    this.#map = {
      levelAt: (pfn) => this.#view.levelAt(pfn),
      isUnchanged: (pfn) =>
        this.#targetShared
          ? this.#view.is('shared', pfn)
          : !this.#view.is('shared', pfn) && !this.#view.is('unknown', pfn),
      split: (base, level) => this.#ledger.emit(TYPE.largePageSplit, 0, base, 0, level),
      entryPagesAt: (pfn) => this.#view.entryPagesAt(pfn),
      splitEntry: (base, pages) => this.#splitEntry(base, pages),
    };
  }

  /** A policy is about to be called: nothing is served yet. */
  begin(allocation: number, owner: number, gfp: number, where: Where): void {
    this.#allocation = allocation;
    this.#owner = owner;
    this.#gfp = gfp;
    this.#where = where;
    this.servedPages = 0;
    this.servedExtents = 0;
    this.isRefused = false;
  }

  /** Outside a confidential VM a conversion does nothing, so it never sleeps. */
  get mayConvert(): boolean {
    return !this.#platform.confidential || maySleep(this.#gfp);
  }

  get time(): number {
    return this.#ledger.time;
  }

  get reach(): BlockRange {
    return this.#where.range;
  }

  claim(order: number, migratetype: Migratetype = 'Unmovable'): Pfn | -1 {
    return this.#take(order, migratetype, this.#where.reach, TYPE.pagesClaimed);
  }

  /** As claim(), for somebody else who uses the page allocator: `background-allocated`. */
  claimForOthers(order: number, migratetype: Migratetype, { reach }: Where): Pfn | -1 {
    return this.#take(order, migratetype, reach, TYPE.backgroundAllocated);
  }

  #take(order: number, migratetype: Migratetype, reach: Reach, type: number): Pfn | -1 {
    const pfn = this.#source.claim(order, migratetype, reach);
    const compaction = this.#source.lastCompaction;
    if (compaction !== undefined) {
      const first = compaction.block * this.#view.geometry.pagesPerBlock;
      this.#ledger.emit(TYPE.blockCompacted, 0, first, compaction.movedPages, 0);
    }
    if (pfn === -1) return -1;
    const code = migratetype === 'Unmovable' ? UNMOVABLE : MIGRATETYPES.indexOf(migratetype);
    this.#ledger.emit(type, 0, pfn, 1 << order, code);
    return pfn;
  }

  /**
   * Takes whole blocks that lie together, as a boot-time reservation does: `pages-claimed`. Returns their first page, or -1
   * when there is no such run. For what is no policy.
   */
  claimContiguous(blocks: number): Pfn | -1 {
    const pfn = this.#source.claimContiguous(blocks);
    if (pfn === -1) return -1;
    this.#ledger.emit(TYPE.pagesClaimed, 0, pfn, blocks * this.#view.geometry.pagesPerBlock, UNMOVABLE);
    return pfn;
  }

  giveBack(start: Pfn, pages: number): void {
    const end = start + pages;
    for (let at: number = start; at < end; ) {
      let order = Math.min(MAX_PAGE_ORDER, 31 - Math.clz32(end - at));
      while (at % (1 << order) !== 0) order--;
      this.#ledger.emit(TYPE.pagesReturned, 0, at, 1 << order, 0);
      this.#source.giveBack(toPfn(at), order);
      at += 1 << order;
    }
  }

  decrypt(start: Pfn, pages: number): ConversionResult {
    if (!this.#platform.confidential) return 'converted';
    this.#expectMayConvert(start, pages);
    this.#splitFor(start, pages, true);
    if (this.#fails(start, pages, 'decrypt')) return this.#recover(start, pages);
    this.#ledger.emit(TYPE.pagesDecrypted, 0, start, pages, 0);
    return 'converted';
  }

  encrypt(start: Pfn, pages: number): 'converted' | 'leaked' {
    if (!this.#platform.confidential) return 'converted';
    this.#expectMayConvert(start, pages);
    this.#splitFor(start, pages, false);
    if (this.#fails(start, pages, 'encrypt')) {
      return this.#recover(start, pages) === 'private' ? 'converted' : 'leaked';
    }
    this.#ledger.emit(TYPE.pagesEncrypted, 0, start, pages, 0);
    this.#restore(start, pages);
    return 'converted';
  }

  decryptArea(runs: readonly Extent[]): ConversionResult {
    if (!this.#platform.confidential) return 'converted';
    return this.#convertArea(runs, 'decrypt');
  }

  encryptArea(runs: readonly Extent[]): 'converted' | 'leaked' {
    if (!this.#platform.confidential) return 'converted';
    return this.#convertArea(runs, 'encrypt') === 'leaked' ? 'leaked' : 'converted';
  }

  /** An area that fails is retried as a whole too, so all of its runs become private again or all are leaked. */
  #convertArea(runs: readonly Extent[], direction: Direction): ConversionResult {
    for (const { pfn, pages } of runs) this.#expectMayConvert(pfn, pages);
    if (this.#callOnArea(runs, direction)) return 'converted';
    const retries = this.#faults?.retries ?? 0;
    for (let tries = 0; tries < retries; tries++) {
      if (this.#callOnArea(runs, 'encrypt')) return 'private';
    }
    for (const { pfn, pages } of runs) this.#leak(pfn, pages);
    return 'leaked';
  }

  /** One call on the vmalloc address of an area, told run by run; whether it works. */
  #callOnArea(runs: readonly Extent[], direction: Direction): boolean {
    const isDecrypting = direction === 'decrypt';
    for (const { pfn, pages } of runs) {
      // Page by page, so that no run is ever found to cover a large entry.
      for (let page: number = pfn; page < pfn + pages; page++) this.#splitFor(toPfn(page), 1, isDecrypting);
    }
    const failure = this.#drawFailure(direction);
    const works = failure === WORKS;
    const converted = isDecrypting ? TYPE.vmAreaDecrypted : TYPE.vmAreaEncrypted;
    const type = works ? converted : TYPE.conversionFailed;
    const code = works ? 0 : failure | AREA_CALL;
    let offset = 0;
    for (const { pfn, pages } of runs) {
      this.#ledger.emitWith(type, 0, pfn, pages, code, 0, offset);
      offset += pages;
    }
    if (works && !isDecrypting) for (const { pfn, pages } of runs) this.#restore(pfn, pages);
    return works;
  }

  #expectMayConvert(start: Pfn, pages: number): void {
    if (this.mayConvert) return;
    throw new InvariantError(
      `the ${pages} pages at ${start} were to be converted for a caller that may not sleep`,
    );
  }

  #splitFor(start: Pfn, pages: number, shared: boolean): void {
    const { directMap } = this.#platform;
    this.#targetShared = shared;
    if (directMap === 'split') splitForChange(this.#view.geometry, this.#map, start, pages);
    else if (directMap === 'contiguous') splitAtBoundaries(this.#view.geometry, this.#map, start, pages);
  }

  #splitEntry(base: Pfn, pages: number): void {
    const { pagesPerBlock, blocksPerRegion } = this.#view.geometry;
    if (pages === pagesPerBlock * blocksPerRegion) this.#ledger.emit(TYPE.largePageSplit, 0, base, 0, 3);
    else if (pages === pagesPerBlock) this.#ledger.emit(TYPE.largePageSplit, 0, base, 0, 2);
    else this.#ledger.emit(TYPE.contiguousSplit, 0, base, 0, pages > pagesPerBlock ? 2 : 1);
  }

  /** Whether the next conversion fails; if so, it is told. */
  #fails(start: Pfn, pages: number, direction: Direction): boolean {
    const failure = this.#drawFailure(direction);
    if (failure === WORKS) return false;
    this.#ledger.emit(TYPE.conversionFailed, 0, start, pages, failure);
    return true;
  }

  /** What becomes of the next conversion: WORKS, or the code of its failure. */
  #drawFailure(direction: Direction): number {
    if (this.#faults === undefined) return WORKS;
    const outcome = this.#faults.draw(direction);
    if (outcome === 'works') return WORKS;
    return DIRECTIONS.indexOf(direction) | (outcome === 'failed' ? 0 : CONVERTED);
  }

  /** Only a successful set_memory_encrypted() makes pages in an unknown state usable; else they are leaked. */
  #recover(start: Pfn, pages: number): 'private' | 'leaked' {
    const retries = this.#faults?.retries ?? 0;
    for (let tries = 0; tries < retries; tries++) {
      this.#splitFor(start, pages, false);
      if (this.#fails(start, pages, 'encrypt')) continue;
      this.#ledger.emit(TYPE.pagesEncrypted, 0, start, pages, 0);
      this.#restore(start, pages);
      return 'private';
    }
    this.#leak(start, pages);
    return 'leaked';
  }

  #leak(start: Pfn, pages: number): void {
    const owner = this.#owner === NO_OWNER ? this.#ledger.ownerNumber(WORKER) : this.#owner;
    this.#ledger.emitWith(TYPE.pagesLeaked, 0, start, pages, 0, owner, 0);
  }

  /**
   * Where the platform does that: puts back the 2M mapping of each block in the range that was split and is private
   * throughout now.
   */
  #restore(start: Pfn, pages: number): void {
    if (!this.#platform.restore || !hasLargePages(this.#platform)) return;
    const { pagesPerBlock } = this.#view.geometry;
    for (let base = start - (start % pagesPerBlock); base < start + pages; base += pagesPerBlock) {
      const block = toPfn(base);
      if (!this.#view.wasSplit(blockIndex(base / pagesPerBlock))) continue;
      const isPrivate =
        this.#view.firstWhereNot('shared', false, block, pagesPerBlock) === -1 &&
        this.#view.firstWhereNot('unknown', false, block, pagesPerBlock) === -1;
      if (isPrivate) this.#ledger.emit(TYPE.largePageRestored, 0, base, 0, 0);
    }
  }

  allocate(start: Pfn, pages: number): void {
    this.#ledger.emit(TYPE.pagesAllocated, this.#allocation, start, pages, 0);
    this.servedPages += pages;
    this.servedExtents++;
    this.servedStart = start;
  }

  free(start: Pfn, pages: number): void {
    this.#ledger.emit(TYPE.pagesFreed, this.#allocation, start, pages, 0);
    this.servedPages -= pages;
    this.servedExtents--;
  }

  fail(reason: FailureReason): void {
    const allocation = this.#allocation;
    const { pages } = this.#view.allocation(allocation as Parameters<StateView['allocation']>[0]);
    this.#ledger.emit(TYPE.allocationFailed, allocation, 0, pages, FAILURE_REASONS.indexOf(reason));
    this.isRefused = true;
  }

  refilled(pages: number): void {
    this.#ledger.emit(TYPE.reserveRefilled, 0, 0, pages, 0);
  }
}
