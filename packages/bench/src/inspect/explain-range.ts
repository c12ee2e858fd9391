/** Why a block, or a region of a 1G entry, is as it is: who split it, what has pinned it since, what keeps it now. */
import {
  blockCount,
  blockIndex,
  type Cause,
  Causes,
  type EventBatch,
  type Geometry,
  InputError,
  LEVELS,
  type LevelName,
  Owners,
  observeAll,
  type PoolEvent,
  type Projection,
  type StateView,
  TYPE,
  pfn as toPfn,
  typesWhere,
} from '@decpool/model';
import type { OpenLog } from '../log/open.ts';
import { regionPages } from './event-text.ts';
import { type Explained, foldWhile } from './fold.ts';
import { type Holding, holdings, overlap } from './holdings.ts';
import { type OwnerPins, type Pin, Pins } from './pins.ts';

/** How a large entry came to be split. */
export interface SplitReport {
  readonly split: PoolEvent;
  readonly cause: Cause;
  /** The last claim of pages in it before. */
  readonly claim?: PoolEvent;
  /** The conversion that needed the split: the first of pages in it afterwards. */
  readonly conversion?: PoolEvent;
  /** Where the entry was put back, or had been split before: how often, and the last time. */
  readonly restored?: PoolEvent;
  readonly earlierSplits: number;
}

interface LeakReport {
  readonly event: PoolEvent;
  readonly owner: string;
}

/** What of the range is in which state, in pages. */
interface RangePages {
  readonly claimedPages: number;
  readonly sharedPages: number;
  readonly allocatedPages: number;
  readonly unknownPages: number;
  readonly leakedPages: number;
}

export interface RangeReport {
  readonly kind: 'block' | 'region';
  readonly position: { readonly events: number; readonly ofEvents: number; readonly timeNs: number };
  /** Of a region, its first block. */
  readonly block: number;
  readonly blocks: number;
  readonly firstPfn: number;
  readonly lastPfn: number;
  /** Of a region, that of its 1G entry; where it is split, that of its first block. */
  readonly mapped: LevelName;
  /** Blocks of it that are mapped by 4K entries. */
  readonly blocksOf4K: number;
  readonly pages: RangePages;
  readonly wasEverShared: boolean;
  /** Whether the platform puts a large entry back once it is all private. */
  readonly platformRestores: boolean;
  /** Missing when it was not split in the run. */
  readonly split2M?: SplitReport;
  readonly split1G?: SplitReport;
  readonly firstShared?: PoolEvent;
  readonly lastReturned?: PoolEvent;
  /** Since the split; since the start of the log where there was none. */
  readonly pinsEnded: number;
  readonly pinsEndedLast: readonly Pin[];
  readonly pinsByOwner: readonly OwnerPins[];
  /** What would have to go before it can be returned. */
  readonly heldBy: readonly Holding[];
  /** Slabs of it that were made at boot, as those of swiotlb: they are never given back. */
  readonly bootSlabs: number;
  readonly leaks: readonly LeakReport[];
}

export interface RangeAsked {
  readonly kind: 'block' | 'region';
  /** Of a region, any block of it. */
  readonly block: number;
  /** The split to explain. Default: the last one. */
  readonly splitEvent?: number;
}

/** Reads the log once, up to a position. Throws InputError when it is damaged, or there is no such block. */
export async function explainRange(
  log: OpenLog,
  asked: RangeAsked,
  position: number,
): Promise<Explained<RangeReport>> {
  const { geometry } = log.header;
  const { kind, block } = asked;
  if (block >= blockCount(geometry)) {
    throw new InputError(`block ${block}: expected one from 0 to ${blockCount(geometry) - 1}`);
  }
  const first = kind === 'block' ? block : block - (block % geometry.blocksPerRegion);
  const blocks = kind === 'block' ? 1 : Math.min(geometry.blocksPerRegion, blockCount(geometry) - first);
  const from = first * geometry.pagesPerBlock;
  const to = from + blocks * geometry.pagesPerBlock;
  const history = new RangeHistory(geometry, asked, from, to);
  const columns = await foldWhile(log, position, (batch) => observeAll(batch, [history]));
  const view = columns.view();
  const report: RangeReport = {
    kind,
    position: { events: position, ofEvents: log.events, timeNs: columns.counters.time },
    block: first,
    blocks,
    firstPfn: from,
    lastPfn: to - 1,
    ...mappingOf(view, first, blocks),
    pages: pagesOf(view, first, blocks),
    platformRestores: log.header.platform.restore,
    ...history.report(),
    heldBy: heldIn(view, from, to),
  };
  return { report, owners: columns.owners };
}

function mappingOf(view: StateView, first: number, blocks: number) {
  const levels = Array.from({ length: blocks }, (_, index) => view.block(blockIndex(first + index)));
  return {
    mapped: LEVELS[view.levelAt(toPfn(first * view.geometry.pagesPerBlock))],
    blocksOf4K: levels.filter(({ level }) => level === 1).length,
    wasEverShared: levels.some(({ touched }) => touched),
  };
}

function pagesOf(view: StateView, first: number, blocks: number): RangePages {
  const sum = (fact: 'claimed' | 'shared' | 'allocated' | 'unknown' | 'leaked') => {
    let pages = 0;
    for (let block = first; block < first + blocks; block++) pages += view.pagesOf(fact, blockIndex(block));
    return pages;
  };
  return {
    claimedPages: sum('claimed'),
    sharedPages: sum('shared'),
    allocatedPages: sum('allocated'),
    unknownPages: sum('unknown'),
    leakedPages: sum('leaked'),
  };
}

/** One by one: a state may have a million. */
function heldIn(view: StateView, from: number, to: number): Holding[] {
  const held: Holding[] = [];
  for (const holding of holdings(view)) {
    if (overlap(holding.pfn, holding.pages, from, to) > 0) held.push(holding);
  }
  return held;
}

type MutableSplit = { -readonly [Key in keyof SplitReport]: SplitReport[Key] };

/** Leaks that are told one by one. */
const MOST_LEAKS = 20;

const CONVERTS = typesWhere(({ effect = 'none' }) => ['share', 'unshare', 'unknown'].includes(effect));

/** What happened to a range of pages, as far as it explains how it is now. */
class RangeHistory implements Projection {
  readonly #geometry: Geometry;
  readonly #asked: RangeAsked;
  readonly #from: number;
  readonly #to: number;
  readonly #owners = new Owners();
  readonly #causes = new Causes(this.#owners);
  readonly #pins: Pins;
  readonly #splits: { 2?: MutableSplit; 3?: MutableSplit } = {};
  /** Pages of the 1G entry around the range. */
  readonly #regionFrom: number;
  readonly #regionTo: number;
  #claim: PoolEvent | undefined;
  #regionClaim: PoolEvent | undefined;
  #returned: PoolEvent | undefined;
  #shared: PoolEvent | undefined;
  readonly #leaks: LeakReport[] = [];

  constructor(geometry: Geometry, asked: RangeAsked, from: number, to: number) {
    this.#geometry = geometry;
    this.#asked = asked;
    this.#from = from;
    this.#to = to;
    this.#regionFrom = from - (from % regionPages(geometry));
    this.#regionTo = this.#regionFrom + regionPages(geometry);
    this.#pins = new Pins(from, to, this.#owners);
  }

  observe(batch: EventBatch, row: number): void {
    this.#owners.observe(batch, row);
    this.#causes.observe(batch, row);
    this.#pins.observe(batch, row);
    const type = batch.typeAt(row);
    if (type === TYPE.largePageSplit) this.#split(batch, row);
    else if (type === TYPE.largePageRestored) this.#restored(batch, row);
    else if (CONVERTS[type]) this.#converted(batch, row, type);
    else if (type === TYPE.pagesClaimed) this.#claimed(batch, row);
    else if (type === TYPE.pagesReturned && this.#isHere(batch, row)) this.#returned = batch.at(row);
    else if (type === TYPE.pagesLeaked && this.#isHere(batch, row)) this.#leaked(batch, row);
  }

  #isHere(batch: EventBatch, row: number): boolean {
    return overlap(batch.pfnAt(row), batch.pagesAt(row), this.#from, this.#to) > 0;
  }

  #isAround(batch: EventBatch, row: number): boolean {
    return overlap(batch.pfnAt(row), batch.pagesAt(row), this.#regionFrom, this.#regionTo) > 0;
  }

  #claimed(batch: EventBatch, row: number): void {
    if (!this.#isAround(batch, row)) return;
    this.#regionClaim = batch.at(row);
    if (this.#isHere(batch, row)) this.#claim = this.#regionClaim;
  }

  #split(batch: EventBatch, row: number): void {
    const level = batch.codeAt(row) as 2 | 3;
    const isBlock = this.#asked.kind === 'block';
    if (level === 2 && !isBlock) return;
    const pages = level === 2 ? this.#geometry.pagesPerBlock : regionPages(this.#geometry);
    const start = batch.pfnAt(row) - (batch.pfnAt(row) % pages);
    if (overlap(start, pages, this.#from, this.#to) === 0) return;
    const before = this.#splits[level];
    // The split that was asked for is the one to tell of, whatever comes behind it.
    if (before !== undefined && before.split.seq === this.#asked.splitEvent) return;
    const claim = level === 2 ? this.#claim : this.#regionClaim;
    this.#splits[level] = {
      split: batch.at(row),
      cause: this.#causes.of(batch, row),
      ...(claim === undefined ? {} : { claim }),
      earlierSplits: before === undefined ? 0 : before.earlierSplits + 1,
    };
    if (isBlock === (level === 2)) this.#pins.forgetEnded();
  }

  #restored(batch: EventBatch, row: number): void {
    const split = this.#splits[2];
    const isBlock = Math.floor(batch.pfnAt(row) / this.#geometry.pagesPerBlock) === this.#asked.block;
    if (this.#asked.kind === 'block' && isBlock && split !== undefined && split.restored === undefined) {
      split.restored = batch.at(row);
    }
  }

  #converted(batch: EventBatch, row: number, type: number): void {
    const { 2: split2M, 3: split1G } = this.#splits;
    if (split1G?.conversion === undefined && split1G !== undefined && this.#isAround(batch, row)) {
      split1G.conversion = batch.at(row);
    }
    if (!this.#isHere(batch, row)) return;
    const isSharing = type === TYPE.pagesDecrypted || type === TYPE.vmAreaDecrypted;
    if (isSharing && this.#shared === undefined) this.#shared = batch.at(row);
    if (split2M !== undefined && split2M.conversion === undefined) split2M.conversion = batch.at(row);
  }

  #leaked(batch: EventBatch, row: number): void {
    if (this.#leaks.length === MOST_LEAKS) return;
    this.#leaks.push({ event: batch.at(row), owner: this.#owners.names[batch.ownerAt(row)] ?? '' });
  }

  report() {
    const { 2: split2M, 3: split1G } = this.#splits;
    return {
      ...(split2M === undefined ? {} : { split2M }),
      ...(split1G === undefined ? {} : { split1G }),
      ...(this.#shared === undefined ? {} : { firstShared: this.#shared }),
      ...(this.#returned === undefined ? {} : { lastReturned: this.#returned }),
      pinsEnded: this.#pins.endedCount,
      pinsEndedLast: this.#pins.ended(),
      pinsByOwner: this.#pins.byOwner(),
      bootSlabs: this.#pins.lasting().filter(({ kind, allocation }) => kind === 'slab' && allocation === 0)
        .length,
      leaks: this.#leaks,
    };
  }
}
