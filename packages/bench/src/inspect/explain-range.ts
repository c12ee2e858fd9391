/** Why a block, or a region of a 1G entry, is as it is: who split it, what has pinned it since, what keeps it now. */
import {
  blockIndex,
  type EventBatch,
  type Geometry,
  InputError,
  type LogHeader,
  type PoolEvent,
  type StateView,
  TYPE,
  pfn as toPfn,
} from '@decpool/model';
import {
  BootPoolEvents,
  blockCount,
  type Cause,
  Causes,
  type Holding,
  holdings,
  LEVELS,
  type LevelName,
  Owners,
  observeAll,
  overlapPages,
  type Projection,
  typesWhere,
} from '@decpool/model/internal';
import { initialColumns } from '../log/fold.ts';
import type { OpenLog } from '../log/open.ts';
import { type LogPosition, type Names, namesOf, regionPages } from './event-text.ts';
import { type FactPages, factPages } from './fact-pages.ts';
import { type EndedPin, type OwnerPins, RangePins } from './range-pins.ts';

/** How a large entry came to be split. */
export interface SplitReport {
  readonly split: PoolEvent;
  readonly cause: Cause;
  /** The last claim of pages in it before. */
  readonly claim: PoolEvent | undefined;
  /** The conversion that needed the split: the first of pages in it afterwards. */
  readonly conversion?: PoolEvent;
  /** The first event after the split that put the entry back. */
  readonly restored?: PoolEvent;
  readonly earlierSplits: number;
}

interface LeakReport {
  readonly event: PoolEvent;
  readonly owner: string;
}

export interface RangeReport {
  readonly kind: 'block' | 'region';
  readonly position: LogPosition;
  /** Of a region, its first block. */
  readonly block: number;
  readonly blocks: number;
  readonly firstPfn: number;
  readonly lastPfn: number;
  /** Of a region, that of its 1G entry; if it is split, that of its first block. */
  readonly mapped: LevelName;
  /** Blocks of it that are mapped by 4K entries. */
  readonly blocksOf4K: number;
  readonly pages: FactPages;
  readonly wasEverShared: boolean;
  /** Whether the platform puts a large entry back once it is all private. */
  readonly platformRestores: boolean;
  /** Undefined if it was not split in the run. */
  readonly split2M: SplitReport | undefined;
  readonly split1G: SplitReport | undefined;
  readonly firstShared: PoolEvent | undefined;
  readonly lastReturned: PoolEvent | undefined;
  /** Since the split; without one, since the start of the log. */
  readonly pinsEnded: number;
  readonly pinsEndedLast: readonly EndedPin[];
  readonly pinsByOwner: readonly OwnerPins[];
  /** What would have to go before it can be returned. */
  readonly heldBy: readonly Holding[];
  /** Slabs that were made at boot, as those of swiotlb: they are never given back. */
  readonly bootSlabs: number;
  readonly leaks: readonly LeakReport[];
}

/** A block or a region to explain. */
export interface Range {
  readonly kind: 'block' | 'region';
  /** Of a region, any block of it. */
  readonly block: number;
  /** Event number of the split to explain (default: the last one). */
  readonly splitEvent?: number;
}

/** Reads the log once, up to a position. Throws InputError if it is damaged, or there is no such block. */
export async function explainRange(
  log: OpenLog,
  range: Range,
  position: number,
): Promise<{ report: RangeReport; names: Names }> {
  const { geometry } = log.header;
  const { kind, block } = range;
  if (block >= blockCount(geometry)) {
    throw new InputError(`block ${block}: expected one from 0 to ${blockCount(geometry) - 1}`);
  }
  const first = kind === 'block' ? block : block - (block % geometry.blocksPerRegion);
  const blocks = kind === 'block' ? 1 : Math.min(geometry.blocksPerRegion, blockCount(geometry) - first);
  const from = first * geometry.pagesPerBlock;
  const to = from + blocks * geometry.pagesPerBlock;
  const history = new RangeHistory(log.header, range, from, to);
  // From the start: a state that was read from a keyframe does not know the owners of freed allocations.
  const columns = initialColumns(log.header);
  for await (const batch of log.fold(columns, position)) observeAll(batch, [history]);
  const view = columns.view();
  const found = Array.from({ length: blocks }, (_, index) => view.block(blockIndex(first + index)));
  const report: RangeReport = {
    kind,
    position: { events: position, ofEvents: log.events, timeNs: columns.counters.time },
    ...{ block: first, blocks, firstPfn: from, lastPfn: to - 1 },
    mapped: LEVELS[view.levelAt(toPfn(from))],
    blocksOf4K: found.filter(({ level }) => level === 1).length,
    wasEverShared: found.some(({ touched }) => touched),
    pages: factPages(found),
    platformRestores: log.header.platform.restore,
    ...history.report(),
    heldBy: holdingsIn(view, from, to),
  };
  return { report, names: namesOf(log.header, columns.owners) };
}

/** One by one: a state may have a million. */
function holdingsIn(view: StateView, from: number, to: number): Holding[] {
  const found: Holding[] = [];
  for (const holding of holdings(view)) {
    if (overlapPages(holding.pfn, holding.pages, from, to) > 0) found.push(holding);
  }
  return found;
}

type MutableSplit = { -readonly [Key in keyof SplitReport]: SplitReport[Key] };

const LEAKS_KEPT = 20;

const CONVERTS = typesWhere(({ effect = 'none' }) => ['share', 'unshare', 'unknown'].includes(effect));

/** What happened to a range of pages, as far as it explains how it is now. */
class RangeHistory implements Projection {
  readonly #geometry: Geometry;
  readonly #range: Range;
  readonly #from: number;
  readonly #to: number;
  readonly #owners = new Owners();
  readonly #bootPool: BootPoolEvents;
  readonly #causes: Causes;
  readonly #pins: RangePins;
  /** By level of the entry. */
  readonly #splits: { 2?: MutableSplit; 3?: MutableSplit } = {};
  #claim: PoolEvent | undefined;
  /** Of pages of the 1G entry around the range. */
  #regionClaim: PoolEvent | undefined;
  #returned: PoolEvent | undefined;
  #shared: PoolEvent | undefined;
  readonly #leaks: LeakReport[] = [];

  constructor(header: LogHeader, range: Range, from: number, to: number) {
    this.#bootPool = new BootPoolEvents(header);
    this.#causes = new Causes(this.#owners, this.#bootPool);
    this.#geometry = header.geometry;
    this.#range = range;
    this.#from = from;
    this.#to = to;
    this.#pins = new RangePins(from, to, header.geometry.pagesPerBlock, this.#owners);
  }

  observe(batch: EventBatch, row: number): void {
    this.#bootPool.observe(batch, row);
    this.#owners.observe(batch, row);
    this.#causes.observe(batch, row);
    this.#pins.pins.observe(batch, row);
    const type = batch.typeAt(row);
    if (type === TYPE.largePageSplit) this.#split(batch, row);
    else if (type === TYPE.largePageRestored) this.#restored(batch, row);
    else if (CONVERTS[type]) this.#converted(batch, row, type);
    else if (type === TYPE.pagesClaimed && this.#isAround(batch, row)) {
      this.#regionClaim = batch.at(row);
      if (this.#isHere(batch, row)) this.#claim = this.#regionClaim;
    } else if (type === TYPE.pagesReturned && this.#isHere(batch, row)) this.#returned = batch.at(row);
    else if (type === TYPE.pagesLeaked && this.#isHere(batch, row) && this.#leaks.length < LEAKS_KEPT) {
      this.#leaks.push({ event: batch.at(row), owner: this.#owners.names[batch.ownerAt(row)] ?? '' });
    }
  }

  #isHere(batch: EventBatch, row: number): boolean {
    return overlapPages(batch.pfnAt(row), batch.pagesAt(row), this.#from, this.#to) > 0;
  }

  /** Whether pages of the event lie in the 1G entry around the range. */
  #isAround(batch: EventBatch, row: number): boolean {
    const pages = regionPages(this.#geometry);
    const from = this.#from - (this.#from % pages);
    return overlapPages(batch.pfnAt(row), batch.pagesAt(row), from, from + pages) > 0;
  }

  #split(batch: EventBatch, row: number): void {
    const level = batch.codeAt(row) as 2 | 3;
    const isBlock = this.#range.kind === 'block';
    if (level === 2 && !isBlock) return;
    const pages = level === 2 ? this.#geometry.pagesPerBlock : regionPages(this.#geometry);
    const start = batch.pfnAt(row) - (batch.pfnAt(row) % pages);
    if (overlapPages(start, pages, this.#from, this.#to) === 0) return;
    const before = this.#splits[level];
    if (before !== undefined && before.split.seq === this.#range.splitEvent) return;
    this.#splits[level] = {
      split: batch.at(row),
      cause: this.#causes.of(batch, row),
      claim: level === 2 ? this.#claim : this.#regionClaim,
      earlierSplits: before === undefined ? 0 : before.earlierSplits + 1,
    };
    if (isBlock === (level === 2)) this.#pins.forgetEnded();
  }

  #restored(batch: EventBatch, row: number): void {
    const split = this.#splits[2];
    const isBlock = Math.floor(batch.pfnAt(row) / this.#geometry.pagesPerBlock) === this.#range.block;
    if (this.#range.kind === 'block' && isBlock && split !== undefined) split.restored ??= batch.at(row);
  }

  #converted(batch: EventBatch, row: number, type: number): void {
    const { 2: split2M, 3: split1G } = this.#splits;
    if (split1G !== undefined && this.#isAround(batch, row)) split1G.conversion ??= batch.at(row);
    if (!this.#isHere(batch, row)) return;
    if (type === TYPE.pagesDecrypted || type === TYPE.vmAreaDecrypted) this.#shared ??= batch.at(row);
    if (split2M !== undefined) split2M.conversion ??= batch.at(row);
  }

  report() {
    return {
      split2M: this.#splits[2],
      split1G: this.#splits[3],
      firstShared: this.#shared,
      lastReturned: this.#returned,
      pinsEnded: this.#pins.endedCount,
      pinsEndedLast: this.#pins.ended(),
      pinsByOwner: this.#pins.byOwner(),
      bootSlabs: this.#pins.bootSlabs(),
      leaks: this.#leaks,
    };
  }
}
