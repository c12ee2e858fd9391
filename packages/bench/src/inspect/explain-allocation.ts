/** The life of one allocation: its owner, its pages, what its request and its free caused. */
import {
  type AllocationStatus,
  allocationId,
  type EventBatch,
  type EventType,
  type Geometry,
  InputError,
  type PoolEvent,
  TYPE,
} from '@decpool/model';
import { EVENT_TYPES, forEachBlock, Owners, type Pin, Pins, typesWhere } from '@decpool/model/internal';
import { initialColumns } from '../log/fold.ts';
import type { OpenLog } from '../log/open.ts';
import { type LogPosition, type Names, namesOf, regionPages } from './event-text.ts';
import { HAS_ALLOCATION } from './wanted.ts';

/** Events of one type that a request caused: how many, and their pages. */
interface WorkDone {
  readonly type: EventType;
  readonly events: number;
  readonly pages: number;
}

/** What a request caused. Events of the deferred worker, which runs later, are not among it. */
export interface RequestWork {
  readonly request: PoolEvent;
  readonly byType: readonly WorkDone[];
  /** The first of them. */
  readonly events: readonly PoolEvent[];
  readonly eventsInAll: number;
}

/** Pages that the allocation had in one block; of an object those of its slab. */
export interface PinnedBlock {
  readonly block: number;
  readonly pages: number;
  /** Whether its 2M entry, or the 1G entry around it, was split for the allocation. */
  readonly wasSplitForIt: boolean;
  readonly fromNs: number;
  /** Undefined while it lasts. */
  readonly untilNs: number | undefined;
}

export interface AllocationReport {
  readonly allocation: number;
  readonly position: LogPosition;
  readonly owner: string;
  /** At the position. */
  readonly status: AllocationStatus;
  readonly asked: RequestWork;
  /** Why it got nothing. */
  readonly failed: PoolEvent | undefined;
  /** Undefined if no request has freed it. */
  readonly freed: RequestWork | undefined;
  readonly blocks: readonly PinnedBlock[];
  /** The first of the other events about it, such as mapping it into user space. */
  readonly others: readonly PoolEvent[];
}

/** Reads the log once, up to a position. Throws InputError if it is damaged, or has no such allocation by then. */
export async function explainAllocation(
  log: OpenLog,
  id: number,
  position: number,
): Promise<{ report: AllocationReport; names: Names }> {
  const history = new AllocationHistory(id, log.header.geometry);
  // From the start: a state that was read from a keyframe does not know the owners of freed allocations.
  const columns = initialColumns(log.header);
  for await (const batch of log.fold(columns, position)) history.observe(batch);
  const { lastAllocation, time } = columns.counters;
  if (id < 1 || id > lastAllocation) {
    const known = lastAllocation === 0 ? 'there is none' : `expected one from 1 to ${lastAllocation}`;
    throw new InputError(`${log.path}: allocation ${id}: ${known} up to position ${position}`);
  }
  const { owner, status } = columns.view().allocation(allocationId(id));
  const report: AllocationReport = {
    allocation: id,
    position: { events: position, ofEvents: log.events, timeNs: time },
    ...{ owner, status },
    ...history.report(),
  };
  return { report, names: namesOf(log.header, columns.owners) };
}

/** Events of a request, or about an allocation, that are kept. */
const EVENTS_KEPT = 40;

/** Adds up what a request causes. */
class Work {
  readonly request: PoolEvent;
  readonly #byType = new Map<number, { type: EventType; events: number; pages: number }>();
  readonly #events: PoolEvent[] = [];
  #count = 0;

  constructor(request: PoolEvent) {
    this.request = request;
  }

  /** Counts the row if it belongs to the request; returns whether it does. */
  observe(batch: EventBatch, row: number): boolean {
    if (batch.requestAt(row) !== this.request.request || batch.timeAt(row) !== this.request.time)
      return false;
    const code = batch.typeAt(row);
    const sums = this.#byType.get(code) ?? { type: EVENT_TYPES[code], events: 0, pages: 0 };
    this.#byType.set(code, sums);
    sums.events++;
    if (HAS_PAGES[code]) sums.pages += batch.pagesAt(row);
    this.#count++;
    if (this.#events.length < EVENTS_KEPT) this.#events.push(batch.at(row));
    return true;
  }

  report(): RequestWork {
    const byType = [...this.#byType.values()];
    return { request: this.request, byType, events: this.#events, eventsInAll: this.#count };
  }
}

/** Types whose pages are added up: what a request did, not what it asked for. */
const HAS_PAGES = typesWhere(
  ({ fields, request }, type) =>
    'pages' in fields && request === undefined && !['allocation-failed', 'reserve-refilled'].includes(type),
);

type MutableBlock = { -readonly [Key in keyof PinnedBlock]: PinnedBlock[Key] };

class AllocationHistory {
  readonly #id: number;
  readonly #geometry: Geometry;
  #asked: Work | undefined;
  #freed: Work | undefined;
  #failed: PoolEvent | undefined;
  readonly #owners = new Owners();
  readonly #pins: Pins;
  readonly #ended: { readonly pin: Pin; readonly untilNs: number }[] = [];
  readonly #splits: { readonly pfn: number; readonly pages: number }[] = [];
  readonly #others: PoolEvent[] = [];

  constructor(id: number, geometry: Geometry) {
    this.#id = id;
    this.#geometry = geometry;
    this.#pins = new Pins(geometry.pagesPerBlock, this.#owners, (pin, batch, row) => {
      if (this.#isOfIt(pin)) this.#ended.push({ pin, untilNs: batch.timeAt(row) });
    });
  }

  /** Whether the allocation has the pages or the object; a slab that was made for it belongs to a cache. */
  #isOfIt({ kind, allocation }: Pin): boolean {
    return kind !== 'slab' && allocation === this.#id;
  }

  observe(batch: EventBatch): void {
    const { pagesPerBlock } = this.#geometry;
    for (let row = 0; row < batch.length; row++) {
      this.#owners.observe(batch, row);
      this.#pins.observe(batch, row);
      const type = batch.typeAt(row);
      const isAbout = batch.allocationAt(row) === this.#id;
      if (isAbout && type === TYPE.allocationRequested) {
        this.#asked = new Work(batch.at(row));
        continue;
      }
      if (this.#asked === undefined) continue;
      const isOfRequest = this.#asked.observe(batch, row);
      if (isOfRequest && type === TYPE.largePageSplit) {
        const pages = batch.codeAt(row) === 3 ? regionPages(this.#geometry) : pagesPerBlock;
        const pfn = batch.pfnAt(row);
        this.#splits.push({ pfn: pfn - (pfn % pages), pages });
      }
      const isOfFree = this.#freed?.observe(batch, row) === true;
      if (isAbout && HAS_ALLOCATION[type]) this.#about(batch, row, isOfRequest || isOfFree);
    }
  }

  #about(batch: EventBatch, row: number, isOfRequest: boolean): void {
    const type = batch.typeAt(row);
    if (type === TYPE.allocationFailed) this.#failed = batch.at(row);
    if (type === TYPE.freeRequested) this.#freed = new Work(batch.at(row));
    else if (!isOfRequest && this.#others.length < EVENTS_KEPT) this.#others.push(batch.at(row));
  }

  #blocks(): PinnedBlock[] {
    const wasSplit = (page: number) =>
      this.#splits.some(({ pfn, pages }) => page >= pfn && page < pfn + pages);
    const { pagesPerBlock, spanPages } = this.#geometry;
    const isOfIt = (pin: Pin) => this.#isOfIt(pin);
    const lasting = this.#pins
      .in(0, spanPages)
      .filter(isOfIt)
      .map((pin) => ({ pin, untilNs: undefined }));
    const blocks = new Map<number, MutableBlock>();
    for (const { pin, untilNs } of [...this.#ended, ...lasting]) {
      forEachBlock(pin.pfn, pin.pages, pagesPerBlock, (block, inside) => {
        const wasSplitForIt = wasSplit(block * pagesPerBlock);
        const known = blocks.get(block) ?? { block, pages: 0, wasSplitForIt, fromNs: pin.fromNs, untilNs };
        blocks.set(block, known);
        known.pages += inside;
        known.untilNs = untilNs;
      });
    }
    return [...blocks.values()].sort((a, b) => a.block - b.block);
  }

  report(): Pick<AllocationReport, 'asked' | 'failed' | 'freed' | 'blocks' | 'others'> {
    // Only an allocation that the log has is reported on, and that was asked for.
    const asked = this.#asked as Work;
    return {
      asked: asked.report(),
      failed: this.#failed,
      freed: this.#freed?.report(),
      blocks: this.#blocks(),
      others: this.#others,
    };
  }
}
