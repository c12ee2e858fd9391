/** What became of one allocation: who asked, what it got and what had to be done for that, when it went again. */
import {
  type AllocationStatus,
  allocationId,
  type Columns,
  EVENT_TYPES,
  type EventBatch,
  type EventType,
  forEachBlock,
  type Geometry,
  InputError,
  type PoolEvent,
  TYPE,
  typesWhere,
} from '@decpool/model';
import type { OpenLog } from '../log/open.ts';
import { type Explained, foldWhile } from './fold.ts';

/** Events of one type that a request caused: how many, and their pages. */
interface WorkDone {
  readonly type: EventType;
  readonly events: number;
  readonly pages: number;
}

/** What a request caused, from when it was decided to the next; the deferred worker comes later and is told apart. */
export interface RequestWork {
  readonly request: PoolEvent;
  readonly byType: readonly WorkDone[];
  /** The first of them. */
  readonly events: readonly PoolEvent[];
  readonly eventsInAll: number;
}

/** Pages of one block that the allocation had, or a slab's pages in which its object lay. */
export interface PinnedBlock {
  readonly block: number;
  readonly pages: number;
  /** Whether its 2M entry, or the 1G entry around it, was split for the allocation. */
  readonly wasSplitForIt: boolean;
  readonly fromNs: number;
  /** Missing while it lasts. */
  readonly untilNs?: number;
}

export interface AllocationReport {
  readonly allocation: number;
  readonly position: { readonly events: number; readonly ofEvents: number; readonly timeNs: number };
  readonly owner: string;
  /** At the position. */
  readonly status: AllocationStatus;
  readonly asked: RequestWork;
  /** Why it got nothing. */
  readonly failed?: PoolEvent;
  /** Missing where nobody has asked to free it. */
  readonly freed?: RequestWork;
  readonly blocks: readonly PinnedBlock[];
  /** Other events about it: mapped into user space and the like; the first of them. */
  readonly others: readonly PoolEvent[];
}

/** Reads the log once, up to a position. Throws InputError when it is damaged, or has no such allocation by then. */
export async function explainAllocation(
  log: OpenLog,
  id: number,
  position: number,
): Promise<Explained<AllocationReport>> {
  const history = new AllocationHistory(id, log.header.geometry);
  const columns = await foldWhile(log, position, (batch) => history.observe(batch));
  const { lastAllocation, time } = columns.counters;
  if (id < 1 || id > lastAllocation) {
    const known = lastAllocation === 0 ? 'there is none' : `expected one from 1 to ${lastAllocation}`;
    throw new InputError(`${log.path}: allocation ${id}: ${known} up to position ${position}`);
  }
  const report: AllocationReport = {
    allocation: id,
    position: { events: position, ofEvents: log.events, timeNs: time },
    ...ownerAndStatus(columns, id),
    ...history.report(),
  };
  return { report, owners: columns.owners };
}

function ownerAndStatus(columns: Columns, id: number): Pick<AllocationReport, 'owner' | 'status'> {
  const { owner, status } = columns.view().allocation(allocationId(id));
  return { owner, status };
}

/** Events of a request, or about an allocation, that are kept. */
const MOST_EVENTS = 40;

/** Adds up what a request causes. */
class Work {
  readonly request: PoolEvent;
  readonly #byType = new Map<number, { events: number; pages: number }>();
  readonly #events: PoolEvent[] = [];
  #count = 0;

  constructor(request: PoolEvent) {
    this.request = request;
  }

  /** Takes the row in when it belongs to the request. */
  observe(batch: EventBatch, row: number): boolean {
    if (batch.requestAt(row) !== this.request.request || batch.timeAt(row) !== this.request.time)
      return false;
    const type = batch.typeAt(row);
    const sums = this.#byType.get(type) ?? { events: 0, pages: 0 };
    this.#byType.set(type, sums);
    sums.events++;
    if (HAS_PAGES[type]) sums.pages += batch.pagesAt(row);
    this.#count++;
    if (this.#events.length < MOST_EVENTS) this.#events.push(batch.at(row));
    return true;
  }

  report(): RequestWork {
    const byType = [...this.#byType].map(([type, sums]) => ({ type: EVENT_TYPES[type], ...sums }));
    return { request: this.request, byType, events: this.#events, eventsInAll: this.#count };
  }
}

/** Types whose pages are added up: what a request did, not what it asked for. */
const HAS_PAGES = typesWhere(
  ({ fields, request }, type) =>
    'pages' in fields && request === undefined && !['allocation-failed', 'reserve-refilled'].includes(type),
);
const HAS_ALLOCATION = typesWhere(({ fields }) => 'allocation' in fields);

type MutableBlock = { -readonly [Key in keyof PinnedBlock]: PinnedBlock[Key] };

class AllocationHistory {
  readonly #id: number;
  readonly #geometry: Geometry;
  #asked: Work | undefined;
  #freed: Work | undefined;
  #failed: PoolEvent | undefined;
  readonly #blocks = new Map<number, MutableBlock>();
  readonly #splits: number[] = [];
  readonly #others: PoolEvent[] = [];
  /** First page and pages of each slab, by its number less 1: an object names its slab only. */
  readonly #slabs: number[] = [];

  constructor(id: number, geometry: Geometry) {
    this.#id = id;
    this.#geometry = geometry;
  }

  observe(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) {
      const type = batch.typeAt(row);
      if (type === TYPE.slabCreated) this.#slabs.push(batch.pfnAt(row), batch.pagesAt(row));
      const isAbout = batch.allocationAt(row) === this.#id;
      if (isAbout && type === TYPE.allocationRequested) {
        this.#asked = new Work(batch.at(row));
        continue;
      }
      if (this.#asked === undefined) continue;
      const isOfAsked = this.#asked.observe(batch, row);
      if (isOfAsked && type === TYPE.largePageSplit) this.#splits.push(batch.pfnAt(row), batch.codeAt(row));
      const isOfFreed = this.#freed?.observe(batch, row) === true;
      if (isAbout && HAS_ALLOCATION[type]) this.#about(batch, row, isOfAsked || isOfFreed);
    }
  }

  #about(batch: EventBatch, row: number, isTold: boolean): void {
    switch (batch.typeAt(row)) {
      case TYPE.pagesAllocated:
        this.#got(batch.pfnAt(row), batch.pagesAt(row), batch.timeAt(row));
        break;
      case TYPE.objectAllocated: {
        const slab = 2 * (batch.pfnAt(row) - 1);
        this.#got(this.#slabs[slab] ?? 0, this.#slabs[slab + 1] ?? 0, batch.timeAt(row));
        break;
      }
      // The pages that become a slab are the slab's.
      case TYPE.slabCreated:
        this.#blocks.clear();
        break;
      case TYPE.pagesFreed:
        this.#gave(batch.pfnAt(row), batch.pagesAt(row), batch.timeAt(row));
        break;
      case TYPE.objectFreed:
        for (const block of this.#blocks.values()) block.untilNs = batch.timeAt(row);
        break;
      case TYPE.allocationFailed:
        this.#failed = batch.at(row);
        break;
      case TYPE.freeRequested:
        this.#freed = new Work(batch.at(row));
        return;
    }
    if (!isTold && this.#others.length < MOST_EVENTS) this.#others.push(batch.at(row));
  }

  #got(pfn: number, pages: number, fromNs: number): void {
    forEachBlock(pfn, pages, this.#geometry.pagesPerBlock, (block, inside) => {
      const known = this.#blocks.get(block) ?? { block, pages: 0, wasSplitForIt: false, fromNs };
      known.pages += inside;
      this.#blocks.set(block, known);
    });
  }

  #gave(pfn: number, pages: number, untilNs: number): void {
    forEachBlock(pfn, pages, this.#geometry.pagesPerBlock, (block) => {
      const known = this.#blocks.get(block);
      if (known !== undefined) known.untilNs = untilNs;
    });
  }

  #wasSplit(block: number): boolean {
    const { pagesPerBlock, blocksPerRegion } = this.#geometry;
    for (let index = 0; index < this.#splits.length; index += 2) {
      const blocks = this.#splits[index + 1] === 3 ? blocksPerRegion : 1;
      const first = Math.floor(this.#splits[index] / pagesPerBlock / blocks) * blocks;
      if (block >= first && block < first + blocks) return true;
    }
    return false;
  }

  report(): Pick<AllocationReport, 'asked' | 'failed' | 'freed' | 'blocks' | 'others'> {
    // Only an allocation that the log has is reported on, and that was asked for.
    const asked = this.#asked as Work;
    const blocks = [...this.#blocks.values()].sort((a, b) => a.block - b.block);
    return {
      asked: asked.report(),
      ...(this.#failed === undefined ? {} : { failed: this.#failed }),
      ...(this.#freed === undefined ? {} : { freed: this.#freed.report() }),
      blocks: blocks.map((block) => ({ ...block, wasSplitForIt: this.#wasSplit(block.block) })),
      others: this.#others,
    };
  }
}
