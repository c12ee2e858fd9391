/** What the specs of this package share: small memory, events written down as facts, and random histories. */
import { type BoundaryMap, type MappedRange, splitAtBoundaries, splitForChange } from './direct-map.ts';
import { InvariantError } from './errors.ts';
import { type EventBatch, EventRows } from './events/batch.ts';
import type { EventBody, EventType, PoolEvent } from './events/schema.ts';
import { checkGeometry, type Geometry } from './geometry.ts';
import type { MappingLevel, MappingRun } from './memory-state.ts';
import type { Direction, GranulePages } from './platform.ts';
import { type PlatformName, platformNamed } from './platforms/all.ts';
import { Columns } from './state/columns.ts';
import { COUNTER_NAMES, type Counters } from './state/counters.ts';
import type { Machine } from './state/editor.ts';
import { brokenInvariants } from './state/invariants.ts';
import type { Extent, StateView } from './state/view.ts';
import { type AllocationId, allocationId, blockIndex, nanoseconds, type Pfn, pfn } from './units.ts';

/** An event, or its body: seq is filled in, time and request default to 0. */
export type Told = EventBody & { readonly time?: number; readonly request?: number };

const ID = { allocation: allocationId(0xfffffffe) } as const;
const RANGE = { pfn: pfn(0xfffffffd), pages: 0xfffffffc } as const;
const ASKED = { ...ID, pages: 3, bytes: 0xfffffffb, owner: 0xffff } as const;

/**
 * Every type of event with each of its fields, the optional ones as well, and all of them different: what a log must
 * hold. Not a history, and few of them can have happened.
 */
export const EXAMPLES: Readonly<Record<EventType, readonly EventBody[]>> = {
  'owner-registered': [{ type: 'owner-registered', owner: 0xffff, name: 'nic "0" ü\n' }],
  'allocation-requested': [
    { type: 'allocation-requested', ...ASKED, api: 'alloc_pages' },
    { type: 'allocation-requested', ...ASKED, api: 'kmalloc', align: 4096 },
    { type: 'allocation-requested', ...ASKED, api: 'dma_map', node: 0 },
    {
      type: 'allocation-requested',
      ...ASKED,
      api: 'dma_alloc_coherent',
      gfp: 'GFP_ATOMIC',
      node: 62,
      align: 2,
      cpu: 255,
    },
    { type: 'allocation-requested', ...ASKED, api: 'vmalloc', gfp: 'GFP_KERNEL|__GFP_DMA32|__GFP_ACCOUNT' },
  ],
  'free-requested': [
    { type: 'free-requested', ...ID },
    { type: 'free-requested', ...ID, gfp: 'GFP_NOWAIT' },
    { type: 'free-requested', ...ID, cpu: 1 },
  ],
  'pages-claimed': [{ type: 'pages-claimed', ...RANGE, migratetype: 'CMA' }],
  'pages-returned': [{ type: 'pages-returned', ...RANGE }],
  'large-page-split': [
    { type: 'large-page-split', pfn: RANGE.pfn, level: 2 },
    { type: 'large-page-split', pfn: RANGE.pfn, level: 3 },
  ],
  'large-page-restored': [{ type: 'large-page-restored', pfn: RANGE.pfn }],
  'pages-decrypted': [{ type: 'pages-decrypted', ...RANGE }],
  'pages-encrypted': [{ type: 'pages-encrypted', ...RANGE }],
  'conversion-failed': [
    { type: 'conversion-failed', ...RANGE, direction: 'decrypt' },
    { type: 'conversion-failed', ...RANGE, direction: 'encrypt' },
    { type: 'conversion-failed', ...RANGE, direction: 'decrypt', converted: true },
    { type: 'conversion-failed', ...RANGE, direction: 'encrypt', converted: true },
    { type: 'conversion-failed', ...RANGE, direction: 'decrypt', offset: 0xfffffffb },
    { type: 'conversion-failed', ...RANGE, direction: 'encrypt', offset: 0 },
    { type: 'conversion-failed', ...RANGE, direction: 'decrypt', converted: true, offset: 0 },
    { type: 'conversion-failed', ...RANGE, direction: 'encrypt', converted: true, offset: 0xfffffffb },
  ],
  'pages-allocated': [{ type: 'pages-allocated', ...ID, ...RANGE }],
  'pages-freed': [{ type: 'pages-freed', ...ID, ...RANGE }],
  'allocation-failed': [{ type: 'allocation-failed', ...ID, pages: 3, reason: 'swiotlb-full' }],
  'pages-leaked': [{ type: 'pages-leaked', ...RANGE, owner: 0xffff }],
  'slab-created': [{ type: 'slab-created', ...ID, ...RANGE, unitBytes: 0xfffffffb, cache: 0xffff }],
  'slab-destroyed': [{ type: 'slab-destroyed', ...ID, slab: 0xfffffffd }],
  'object-allocated': [{ type: 'object-allocated', ...ID, slab: 0xfffffffd, unit: 511, bytes: 0xfffffffb }],
  'object-freed': [{ type: 'object-freed', ...ID }],
  'vm-area-mapped': [{ type: 'vm-area-mapped', ...ID, pages: 4096 }],
  'vm-area-unmapped': [{ type: 'vm-area-unmapped', ...ID, pages: 4096 }],
  'vm-area-decrypted': [{ type: 'vm-area-decrypted', ...RANGE, offset: 0xfffffffb }],
  'vm-area-encrypted': [{ type: 'vm-area-encrypted', ...RANGE, offset: 0xfffffffb }],
  'contiguous-split': [
    { type: 'contiguous-split', pfn: RANGE.pfn, level: 1 },
    { type: 'contiguous-split', pfn: RANGE.pfn, level: 2 },
  ],
  'user-mapped': [{ type: 'user-mapped', ...ID }],
  'user-unmapped': [{ type: 'user-unmapped', ...ID }],
  'background-allocated': [
    { type: 'background-allocated', ...RANGE, migratetype: 'Movable' },
    { type: 'background-allocated', ...RANGE, migratetype: 'Isolate', cpu: 255 },
  ],
  'background-freed': [
    { type: 'background-freed', ...RANGE },
    { type: 'background-freed', ...RANGE, cpu: 7 },
  ],
  'reserve-refilled': [{ type: 'reserve-refilled', pages: 0xfffffffc }],
  'block-compacted': [{ type: 'block-compacted', ...RANGE }],
  'request-skipped': [
    { type: 'request-skipped', allocation: 0xfffffffe, what: 'free' },
    { type: 'request-skipped', allocation: 0xfffffffe, what: 'free', gfp: 'GFP_ATOMIC', cpu: 3 },
    { type: 'request-skipped', allocation: 0xfffffffe, what: 'background-free' },
  ],
  'background-failed': [
    { type: 'background-failed', chunk: 0xfffffffe, pages: 0xfffffffc, migratetype: 'Movable' },
    { type: 'background-failed', chunk: 0xfffffffe, pages: 4, migratetype: 'Unmovable', cpu: 1 },
  ],
  'page-table-allocated': [{ type: 'page-table-allocated', ...RANGE }],
  'page-table-freed': [{ type: 'page-table-freed', ...RANGE }],
  'pages-reclaimed': [{ type: 'pages-reclaimed', ...RANGE }],
  'request-stalled': [{ type: 'request-stalled', pages: 0xfffffffc }],
  'atomic-pool-grown': [{ type: 'atomic-pool-grown', ...RANGE }],
  'boot-pools-made': [{ type: 'boot-pools-made', pages: 0xfffffffc }],
};

/** The examples as the events of one log. */
export const EXAMPLE_EVENTS: readonly PoolEvent[] = Object.values(EXAMPLES)
  .flat()
  .map((body, seq) => ({ seq, time: nanoseconds(2 ** 53 - 1), request: 0xffffffff, ...body }) as PoolEvent);

/** The events as one batch. */
export function batchOf(events: readonly (Told | PoolEvent)[], firstSeq = 0): EventBatch {
  const rows = new EventRows(Math.max(1, events.length));
  for (const event of events) rows.appendObject(event);
  return rows.seal(firstSeq);
}

/**
 * Memory small enough to recount after every event: blocks of 32 pages, regions of 4 blocks. The first region is
 * mapped by 4K and 2M entries, the second by one 1G entry, the third has a hole for its last two blocks.
 */
export const SMALL: Geometry = checkGeometry({
  pageShift: 12,
  pagesPerBlock: 32,
  blocksPerRegion: 4,
  spanPages: 3 * 4 * 32,
});

export const SMALL_MAP: readonly MappingRun[] = [
  [0, 32, 1],
  [32, 96, 2],
  [128, 128, 3],
  [256, 64, 2],
];

export const smallMachine = (
  platform: PlatformName,
  restore = false,
  granulePages: GranulePages = 1,
): Machine => ({
  geometry: SMALL,
  platform: { ...platformNamed(platform), restore, granulePages },
});

/**
 * What the specs of the reducer are written in: given some events, when others happen, then so much has changed. Not in
 * terms of any test runner, so whatever is not as it should be throws.
 */
export class Given {
  readonly columns: Columns;
  readonly view: StateView;

  constructor(machine: Machine, directMap: readonly MappingRun[], events: readonly Told[]) {
    this.columns = new Columns(machine, directMap);
    this.view = this.columns.view();
    this.columns.fold(batchOf(events));
  }

  /** Folds events; gives the counters that changed and by how much, without `events`. */
  when(...events: readonly Told[]): Partial<Counters> {
    const before = this.columns.publishCounters();
    this.columns.fold(batchOf(events));
    const after = this.columns.publishCounters();
    const broken = brokenInvariants(this.view);
    if (broken.length > 0) throw new Error(`broken invariants:\n${broken.join('\n')}`);
    return Object.fromEntries(
      COUNTER_NAMES.filter((name) => name !== 'events' && after[name] !== before[name]).map((name) => [
        name,
        after[name] - before[name],
      ]),
    );
  }

  /** The event cannot have happened: it throws an InvariantError that says `why`, and nothing changes. */
  refuses(event: Told, why: string): void {
    const hash = this.columns.hash();
    let message = 'it was not refused';
    try {
      this.columns.fold(batchOf([event]));
    } catch (error) {
      if (!(error instanceof InvariantError)) throw error;
      message = error.message;
    }
    if (!message.includes(why) || !message.includes(`(${event.type}, `)) {
      throw new Error(`${event.type} should be refused because '${why}', but: ${message}`);
    }
    // The hash takes in every counter and every table.
    if (this.columns.hash() !== hash) throw new Error(`the refused ${event.type} has changed the state`);
  }
}

/** A choice is any whole number; what it means is up to the history. */
export type Choices = readonly number[];

/** Always the same choices, that look random: numbers from 1 on, their bits mixed until no proposal follows another. */
export const someChoices = (length: number): Choices =>
  Array.from({ length }, (_, index) => {
    let bits = Math.imul(index + 1, 0x9e3779b1);
    bits = Math.imul(bits ^ (bits >>> 15), 0x85ebca77);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae3d);
    return (bits ^ (bits >>> 16)) >>> 2;
  });

/**
 * A history of events that can all have happened, steered by `choices`: each proposes an event where the state
 * makes it likely to be possible, and the proposals that the reducer refuses are left out.
 */
export function historyOf(machine: Machine, directMap: readonly MappingRun[], choices: Choices): PoolEvent[] {
  const history = new History(machine, directMap);
  const { spanPages } = machine.geometry;
  const { granulePages } = machine.platform;
  for (const choice of choices) {
    const anywhere = choice % spanPages;
    const size = [1, 2, 3, 5, 8, 32, 64, 128][Math.floor(choice / spanPages) % 8];
    // Mostly whole granules; now and then not, which the reducer must refuse.
    const granule = choice % 11 === 0 ? 1 : granulePages;
    const step = size >= 32 ? size : granule;
    const at = pfn(anywhere - (anywhere % step));
    const pages = Math.min(Math.ceil(size / granule) * granule, spanPages - at);
    history.passTime(choice % 7);
    const propose = PROPOSALS[Math.floor(choice / (8 * spanPages)) % PROPOSALS.length];
    propose(history, { choice, at, pages });
  }
  return history.events;
}

/** What a choice comes to: a range, and a number to choose the rest by. */
interface Proposal {
  readonly choice: number;
  readonly at: Pfn;
  readonly pages: number;
}

/** One in the list is one chance; what the others need, or undo, is in it several times. */
const PROPOSALS: readonly ((history: History, proposal: Proposal) => void)[] = [
  (history, { at, pages }) => history.claim(at, pages),
  (history, { at, pages }) => history.claim(at, pages),
  (history, { at, pages }) => history.claim(at, pages),
  (history, { at, pages }) => history.giveBack(at, pages),
  (history, { at, pages }) => history.convert(at, pages, 'decrypt'),
  (history, proposal) => history.convertRun(proposal, 'decrypt'),
  (history, proposal) => history.convertRun(proposal, 'decrypt'),
  (history, { at, pages }) => history.convert(history.nextExposed(at), pages, 'encrypt'),
  (history, proposal) => history.convertRun(proposal, 'encrypt'),
  (history, proposal) => history.failConversion(proposal),
  (history, proposal) => history.convertArea(proposal, 'decrypt'),
  (history, proposal) => history.convertArea(proposal, 'encrypt'),
  (history, proposal) => history.convertArea(proposal, 'decrypt', true),
  (history, proposal) => history.convertArea(proposal, 'encrypt', true),
  (history, { at }) => history.leak(at),
  (history, { at }) => history.restore(at),
  (history, { at }) => history.restore(at),
  (history, { at }) => history.splitContiguous(at),
  (history, proposal) => history.vmalloc(proposal),
  (history, proposal) => history.vmalloc(proposal),
  (history, proposal) => history.vmalloc(proposal),
  (history, proposal) => history.kmalloc(proposal),
  (history, proposal) => history.kmalloc(proposal),
  (history, proposal) => history.kmalloc(proposal),
  (history, { choice }) => history.free(choice),
  (history, { choice }) => history.free(choice),
  (history, { choice }) => history.free(choice),
  (history, { at }) => history.bootSlab(at),
  (history, { choice }) => history.mapUser(choice),
  (history, { choice }) => history.mapUser(choice),
  (history, proposal) => history.background(proposal),
  (history, { pages }) => void history.happens({ type: 'reserve-refilled', pages }),
  (history, { at, pages }) => {
    history.happens({ type: 'request-stalled', pages });
    history.happens({ type: 'block-compacted', pfn: at, pages });
    history.happens({ type: 'atomic-pool-grown', pfn: at, pages });
    history.happens({ type: 'boot-pools-made', pages });
  },
];

/** A history in the making. */
class History implements MappedRange, BoundaryMap {
  readonly events: PoolEvent[] = [];
  readonly #columns: Columns;
  readonly #view: StateView;
  readonly #live: AllocationId[] = [];
  readonly #background: Extent[] = [];
  #time = 0;
  #request = 0;
  #direction: Direction = 'decrypt';

  constructor(machine: Machine, directMap: readonly MappingRun[]) {
    this.#columns = new Columns(machine, directMap);
    this.#view = this.#columns.view();
    this.happens({ type: 'owner-registered', owner: 0, name: 'netvsc' });
    this.happens({ type: 'owner-registered', owner: 1, name: 'kmalloc-512' });
  }

  passTime(ns: number): void {
    this.#time += ns;
  }

  /** Whether the reducer takes the event; then it is the next of the history. */
  happens(body: EventBody): boolean {
    const fact = { seq: this.events.length, time: nanoseconds(this.#time), request: this.#request };
    const event = { ...fact, ...body } as PoolEvent;
    try {
      this.#columns.fold(batchOf([event]));
    } catch (error) {
      if (error instanceof InvariantError) return false;
      throw error;
    }
    this.events.push(event);
    return true;
  }

  #mustHappen(body: EventBody): void {
    if (!this.happens(body)) throw new Error(`${body.type} was refused where it must be possible`);
  }

  /** An event that is a request of its own. */
  #isAsked(body: EventBody): boolean {
    this.#request++;
    if (this.happens(body)) return true;
    this.#request--;
    return false;
  }

  claim(at: Pfn, pages: number): void {
    this.happens({ type: 'pages-claimed', pfn: at, pages, migratetype: 'Unmovable' });
  }

  /** What can be returned of `pages` pages from the next on that can be. */
  giveBack(at: Pfn, pages: number): void {
    const isIdle = (page: Pfn) => {
      const inUse = ['shared', 'unknown', 'allocated'] as const;
      return this.#view.is('claimed', page) && !inUse.some((fact) => this.#view.is(fact, page));
    };
    const start = this.#next(at, isIdle);
    let end: number = start;
    while (end < start + pages && end < this.#view.geometry.spanPages && isIdle(pfn(end))) end++;
    this.happens({ type: 'pages-returned', pfn: start, pages: end - start });
  }

  /** The next granules that can be converted, up to so many pages, which no gap divides. */
  convertRun({ at, pages }: Proposal, direction: Direction): void {
    const granules = Math.ceil(pages / this.#view.platform.granulePages);
    const run = this.#convertibleRun(at, granules, direction);
    this.convert(run.pfn, run.pages, direction);
  }

  restore(at: Pfn): void {
    const { pagesPerBlock } = this.#view.geometry;
    const isSplit = (page: Pfn) =>
      page % pagesPerBlock === 0 &&
      this.#view.wasSplit(blockIndex(page / pagesPerBlock)) &&
      this.#view.firstWhereNot('shared', false, page, pagesPerBlock) === -1 &&
      this.#view.firstWhereNot('unknown', false, page, pagesPerBlock) === -1;
    this.happens({ type: 'large-page-restored', pfn: this.#next(at, isSplit) });
  }

  convert(at: Pfn, pages: number, direction: Direction): void {
    this.#splitFor(at, pages, direction);
    const type = direction === 'decrypt' ? 'pages-decrypted' : 'pages-encrypted';
    this.happens({ type, pfn: at, pages });
  }

  failConversion({ choice, at, pages }: Proposal): void {
    const direction = choice % 2 === 0 ? 'decrypt' : 'encrypt';
    const granules = Math.ceil(pages / this.#view.platform.granulePages);
    const run = this.#convertibleRun(at, granules, direction);
    this.#splitFor(run.pfn, run.pages, direction);
    const failed = { type: 'conversion-failed', ...run, direction } as const;
    this.happens(choice % 3 === 0 ? { ...failed, converted: true } : failed);
  }

  /** A call on a vmalloc address over up to two runs, the first of them page by page where it can be. */
  convertArea({ choice, at }: Proposal, direction: Direction, fails = false): void {
    const type = direction === 'decrypt' ? 'vm-area-decrypted' : 'vm-area-encrypted';
    const outcome = fails ? ({ type: 'conversion-failed', direction } as const) : ({ type } as const);
    let offset = 0;
    let from: number = at;
    for (const granules of [1 + (choice % 6), 1 + (choice % 2)]) {
      const run = this.#convertibleRun(from, granules, direction);
      if (run.pages === 0) return;
      for (let page: number = run.pfn; page < run.pfn + run.pages; page++) {
        this.#splitFor(pfn(page), 1, direction);
      }
      if (!this.happens({ ...outcome, ...run, offset })) return;
      offset += run.pages;
      from = run.pfn + run.pages;
    }
  }

  /** The first convertible granules from `from` on, as many as follow each other up to `granules`. */
  #convertibleRun(from: number, granules: number, direction: Direction): Extent {
    const { geometry, platform } = this.#view;
    const size = platform.granulePages;
    let start = Math.ceil(from / size) * size;
    while (start < geometry.spanPages && !this.#isConvertible(start, direction)) start += size;
    let end = start;
    while (end < start + granules * size && this.#isConvertible(end, direction)) end += size;
    return { pfn: pfn(start), pages: end - start };
  }

  /** Whether a granule can be converted, as far as the states of its pages say. */
  #isConvertible(start: number, direction: Direction): boolean {
    const { granulePages } = this.#view.platform;
    if (start + granulePages > this.#view.geometry.spanPages) return false;
    for (let page = start; page < start + granulePages; page++) {
      const at = pfn(page);
      const isExposed = this.#view.is('shared', at) || this.#view.is('unknown', at);
      const isFree = this.#view.is('claimed', at) && !this.#view.is('allocated', at);
      if (!isFree || isExposed !== (direction === 'encrypt') || this.#view.is('leaked', at)) return false;
    }
    return true;
  }

  levelAt(at: Pfn): MappingLevel {
    return this.#view.levelAt(at);
  }

  isUnchanged(at: Pfn): boolean {
    const isShared = this.#direction === 'decrypt';
    return !this.#view.is('unknown', at) && this.#view.is('shared', at) === isShared;
  }

  split(base: Pfn, level: 2 | 3): void {
    this.#mustHappen({ type: 'large-page-split', pfn: base, level });
  }

  entryPagesAt(at: Pfn): number {
    return this.#view.entryPagesAt(at);
  }

  splitEntry(base: Pfn, pages: number): void {
    const level = this.#view.levelAt(base);
    if (level === 3 || pages === this.#view.geometry.pagesPerBlock) this.split(base, level as 2 | 3);
    else this.#mustHappen({ type: 'contiguous-split', pfn: base, level: level as 1 | 2 });
  }

  #splitFor(at: Pfn, pages: number, direction: Direction): void {
    const { geometry, platform } = this.#view;
    this.#direction = direction;
    if (platform.directMap === 'split') splitForChange(geometry, this, at, pages);
    if (platform.directMap === 'contiguous') splitAtBoundaries(geometry, this, at, pages);
  }

  splitContiguous(at: Pfn): void {
    const level = this.#view.levelAt(at);
    if (level !== 1 && level !== 2) return;
    this.happens({ type: 'contiguous-split', pfn: pfn(at - (at % this.entryPagesAt(at))), level });
  }

  leak(at: Pfn): void {
    const unknown = this.#next(
      at,
      (page) => this.#view.is('unknown', page) && !this.#view.is('leaked', page),
    );
    this.happens({ type: 'pages-leaked', pfn: unknown, pages: 1, owner: 0 });
  }

  /** Up to eight pages, one by one; some are mapped in an area, and some requests are undone. */
  vmalloc({ choice, at, pages }: Proposal): void {
    const allocation = this.#nextAllocation();
    const asked = { type: 'allocation-requested', allocation, api: 'vmalloc', pages, bytes: pages } as const;
    this.#request++;
    this.#mustHappen({ ...asked, owner: 0, ...(choice % 5 === 0 ? { node: choice % 3 } : {}) });
    let served = 0;
    let from: number = at;
    while (served < Math.min(pages, 8)) {
      const page = this.#next(from, (candidate) => this.#isUsable(candidate));
      if (!this.happens({ type: 'pages-allocated', allocation, pfn: page, pages: 1 })) break;
      served++;
      from = page + 1;
    }
    if (served > 0 && choice % 4 !== 0) {
      this.#live.push(allocation);
      if (choice % 2 === 0) this.#mustHappen({ type: 'vm-area-mapped', allocation, pages: served });
      return;
    }
    this.#freePages(allocation);
    this.#mustHappen({ type: 'allocation-failed', allocation, pages, reason: 'out-of-memory' });
    this.#mustHappen({ type: 'request-skipped', allocation, what: choice % 3 === 0 ? 'map-user' : 'free' });
    this.#mustHappen({ type: 'background-failed', chunk: allocation, pages: 8, migratetype: 'Movable' });
  }

  /** An object of a slab that has room, or else of a new one. */
  kmalloc({ choice, at }: Proposal): void {
    const allocation = this.#nextAllocation();
    const unitBytes = 512;
    const bytes = unitBytes * (1 + (choice % 3));
    const asked = {
      type: 'allocation-requested',
      allocation,
      api: 'kmalloc',
      pages: 1,
      bytes: bytes - 8,
    } as const;
    const gfp = ['GFP_ATOMIC', 'GFP_KERNEL|__GFP_ACCOUNT', 'GFP_NOWAIT|__GFP_DMA32'][choice % 3];
    this.#request++;
    this.#mustHappen({ ...asked, owner: 0, gfp, ...(choice % 2 === 0 ? { align: 64 } : {}) });
    for (let slab = this.#view.counter('slabs'); slab > 0; slab--) {
      if (this.#tookUnits(allocation, slab, bytes)) return;
    }
    const page = this.#next(at, (candidate) => this.#isUsable(candidate));
    if (this.happens({ type: 'pages-allocated', allocation, pfn: page, pages: 1 })) {
      this.#mustHappen({ type: 'slab-created', allocation, pfn: page, pages: 1, unitBytes, cache: 1 });
      if (choice % 5 !== 0 && this.#tookUnits(allocation, this.#view.counter('slabs'), bytes)) return;
    }
    this.#mustHappen({ type: 'allocation-failed', allocation, pages: 1, reason: 'would-sleep' });
  }

  #tookUnits(allocation: AllocationId, slab: number, bytes: number): boolean {
    const units = this.#view.slab(slab)?.units ?? 0;
    for (let unit = 0; unit < units; unit++) {
      if (this.happens({ type: 'object-allocated', allocation, slab, unit, bytes })) {
        this.#live.push(allocation);
        return true;
      }
    }
    return false;
  }

  bootSlab(at: Pfn): void {
    const start = this.#next(at, (page) => this.#isUsable(page));
    const allocation = allocationId(0);
    this.happens({ type: 'slab-created', allocation, pfn: start, pages: 1, unitBytes: 512, cache: 1 });
  }

  free(choice: number): void {
    const index = choice % Math.max(1, this.#live.length);
    const allocation = this.#live[index];
    if (allocation === undefined) return;
    const { isMapped, extents, object } = this.#view.allocation(allocation);
    const request = { type: 'free-requested', allocation } as const;
    if (!this.#isAsked(choice % 3 === 0 ? { ...request, gfp: 'GFP_ATOMIC' } : request)) return;
    this.#live.splice(index, 1);
    if (isMapped) {
      const pages = extents.reduce((sum, extent) => sum + extent.pages, 0);
      this.#mustHappen({ type: 'vm-area-unmapped', allocation, pages });
    }
    if (object !== undefined) {
      this.#mustHappen({ type: 'object-freed', allocation });
      if (!this.happens({ type: 'slab-destroyed', allocation, slab: object.slab })) return;
    }
    this.#freePages(allocation);
  }

  #freePages(allocation: AllocationId): void {
    for (const extent of this.#view.allocation(allocation).extents) {
      this.#mustHappen({ type: 'pages-freed', allocation, ...extent });
    }
  }

  mapUser(choice: number): void {
    const allocation = this.#live[choice % Math.max(1, this.#live.length)];
    if (allocation === undefined) return;
    const isMapped = this.#view.userMappings(allocation) > 0;
    this.#isAsked({ type: isMapped && choice % 4 !== 0 ? 'user-unmapped' : 'user-mapped', allocation });
  }

  /** Others take a chunk, or give one back that they took. */
  background({ choice, at }: Proposal): void {
    const held = this.#background.at(-1);
    if (held !== undefined && choice % 2 === 0) {
      if (this.happens({ type: 'background-freed', ...held })) this.#background.pop();
      return;
    }
    const isFree = (page: Pfn) =>
      !this.#view.is('claimed', page) &&
      !this.#background.some((chunk) => chunk.pfn <= page && page < chunk.pfn + chunk.pages);
    const chunk = { pfn: this.#next(at, isFree), pages: 1 };
    if (this.happens({ type: 'page-table-allocated', ...chunk })) {
      this.happens({ type: 'page-table-freed', ...chunk });
      this.happens({ type: 'pages-reclaimed', ...chunk });
    }
    if (this.happens({ type: 'background-allocated', ...chunk, migratetype: 'Movable' })) {
      this.#background.push(chunk);
    }
  }

  #nextAllocation(): AllocationId {
    return allocationId(this.#view.counter('lastAllocation') + 1);
  }

  #isUsable(page: Pfn): boolean {
    const isShared = this.#view.is('shared', page) || !this.#view.platform.confidential;
    return isShared && this.#view.is('claimed', page) && !this.#view.is('allocated', page);
  }

  /** The first page from `from` on that could be encrypted, at the beginning of its granule; else `from`. */
  nextExposed(from: Pfn): Pfn {
    const { granulePages } = this.#view.platform;
    const at = this.#next(from, (page) => this.#isConvertible(page - (page % granulePages), 'encrypt'));
    return pfn(at - (at % granulePages));
  }

  /** The first page from `from` on, and then from the start, that is wanted; else `from`. */
  #next(from: number, isWanted: (page: Pfn) => boolean): Pfn {
    const { spanPages } = this.#view.geometry;
    for (let page = 0; page < spanPages; page++) {
      const at = pfn((from + page) % spanPages);
      if (isWanted(at)) return at;
    }
    return pfn(from % spanPages);
  }
}
