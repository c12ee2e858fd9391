/** What holds pages: extents of allocations, objects and slabs. Read from a state, or followed through events. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import { forEachBlock, overlapPages } from '../geometry.ts';
import type { StateView } from '../state/view.ts';
import { allocationId, type Pfn, pfn } from '../units.ts';
import { eventSet } from './event-sets.ts';
import type { Owners } from './owners.ts';
import type { Projection } from './projection.ts';

/** `slab`: the pages of a slab, whether there are objects in them or not. */
type HoldingKind = 'pages' | 'object' | 'slab';

/** Contiguous pages that an allocation, an object or a slab lies in. */
export interface Holding {
  readonly kind: HoldingKind;
  /** 0 of a slab. */
  readonly allocation: number;
  /** Of a slab, the name of its cache. */
  readonly owner: string;
  readonly pfn: Pfn;
  readonly pages: number;
  /** Of an object, those of its units; otherwise those of all pages. */
  readonly bytes: number;
  /** Number of the slab; 0 for pages. */
  readonly slab: number;
  /** Bytes that the allocation asked for; of its later extents 0. */
  readonly askedBytes: number;
}

/** Everything that is held in a state, by allocation and then by slab. */
export function* holdings(view: StateView): Generator<Holding> {
  const last = view.counter('lastAllocation');
  for (let id = 1; id <= last; id++) {
    const allocation = allocationId(id);
    if (view.extentCount(allocation) > 0 || view.slabOf(allocation) !== 0) yield* holdingsOf(view, id);
  }
  const slabs = view.counter('slabs');
  for (let slab = 1; slab <= slabs; slab++) {
    const found = view.slab(slab);
    if (found === undefined) continue;
    const { cache: owner, pages } = found;
    const bytes = pages * 2 ** view.geometry.pageShift;
    yield { kind: 'slab', allocation: 0, owner, pfn: found.pfn, pages, bytes, slab, askedBytes: 0 };
  }
}

/** What one allocation holds in a state. */
export function* holdingsOf(view: StateView, id: number): Generator<Holding> {
  const { owner, extents, object, bytes } = view.allocation(allocationId(id));
  const pageBytes = 2 ** view.geometry.pageShift;
  const common = { allocation: id, owner };
  for (const [index, extent] of extents.entries()) {
    const askedBytes = index === 0 ? bytes : 0;
    yield { kind: 'pages', ...common, ...extent, bytes: extent.pages * pageBytes, slab: 0, askedBytes };
  }
  const slab = object === undefined ? undefined : view.slab(object.slab);
  if (object === undefined || slab === undefined) return;
  const from = object.unit * slab.unitBytes;
  const unitBytes = object.units * slab.unitBytes;
  const first = Math.floor(from / pageBytes);
  const pages = Math.ceil((from + unitBytes) / pageBytes) - first;
  const place = { pfn: pfn(slab.pfn + first), pages, bytes: unitBytes, slab: object.slab };
  yield { kind: 'object', ...common, ...place, askedBytes: bytes };
}

/** A holding as its events tell it. */
export interface Pin {
  readonly kind: HoldingKind;
  /** Of a slab, the allocation that it was made for; 0 at boot. */
  readonly allocation: number;
  /** Number of the owner; of a slab, of its cache. */
  readonly owner: number;
  readonly pfn: number;
  /** Of an object, those of its slab. */
  readonly pages: number;
  /** The event that began it, and its simulated ns. */
  readonly fromEvent: number;
  readonly fromNs: number;
}

/** What one owner holds of a block. */
export interface BlockHolder {
  readonly owner: number;
  pages: number;
  /** Simulated ns since which its oldest allocation, or slab, is in the block. */
  since: number;
}

/** Called with the row that ended a pin. */
type OnEnd = (pin: Pin, batch: EventBatch, row: number) => void;

const KINDS: readonly HoldingKind[] = ['pages', 'object', 'slab'];
const [PAGES, OBJECT, SLAB] = [0, 1, 2];

/** Words of a pin: kind, allocation, owner, pfn, pages. */
const WORDS = 5;

/** Follows what holds pages. `owners` sees each row before. Pins are numbered from 1, and become objects only when they are read. */
export class Pins implements Projection {
  readonly sees = eventSet(
    'pages-allocated',
    'pages-freed',
    'slab-created',
    'slab-destroyed',
    'object-allocated',
    'object-freed',
  );
  readonly #pagesPerBlock: number;
  readonly #owners: Owners;
  readonly #onEnd: OnEnd | undefined;
  /** By block: the number of the extent or slab that each page is in; 0: none. */
  readonly #blocks: (Uint32Array | undefined)[] = [];
  /** By number of a slab less 1. */
  readonly #slabs: number[] = [];
  /** By allocation. */
  readonly #objects = new Map<number, number>();
  #words = new Uint32Array(WORDS * 1024);
  /** Event and simulated ns that began each pin. */
  #from = new Float64Array(2 * 1024);
  /** Numbers that are free again, and the first that was never used. */
  readonly #unused: number[] = [];
  #next = 1;

  constructor(pagesPerBlock: number, owners: Owners, onEnd?: OnEnd) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#owners = owners;
    this.#onEnd = onEnd;
  }

  observe(batch: EventBatch, row: number): void {
    // The first page, or the number of a slab.
    const place = batch.pfnAt(row);
    const pages = batch.pagesAt(row);
    const allocation = batch.allocationAt(row);
    switch (batch.typeAt(row)) {
      case TYPE.pagesAllocated: {
        const owner = this.#owners.of(allocation);
        this.#hold(place, pages, this.#add(PAGES, owner, place, pages, batch, row));
        break;
      }
      case TYPE.pagesFreed:
        this.#release(this.#at(place), batch, row);
        break;
      case TYPE.slabCreated: {
        // The pages that an allocation has just got become the slab's: the allocation never pinned them.
        const pin = this.#at(place);
        if (pin !== 0) this.#unused.push(pin);
        const slab = this.#add(SLAB, batch.ownerAt(row), place, pages, batch, row);
        this.#slabs.push(slab);
        this.#hold(place, pages, slab);
        break;
      }
      case TYPE.slabDestroyed:
        this.#release(this.#slabs[place - 1], batch, row);
        break;
      case TYPE.objectAllocated: {
        const at = WORDS * this.#slabs[place - 1];
        const [pfn, ofSlab] = [this.#words[at + 3], this.#words[at + 4]];
        const object = this.#add(OBJECT, this.#owners.of(allocation), pfn, ofSlab, batch, row);
        this.#objects.set(allocation, object);
        break;
      }
      case TYPE.objectFreed:
        this.#end(this.#objects.get(allocation) ?? 0, batch, row);
        this.#objects.delete(allocation);
        break;
    }
  }

  /** What holds pages in [from, to) now. */
  in(from: number, to: number): Pin[] {
    const found = new Set(this.#objects.values());
    forEachBlock(from, to - from, this.#pagesPerBlock, (block) => {
      for (const pin of this.#blocks[block] ?? []) found.add(pin);
    });
    return [...found]
      .map((pin) => this.#pin(pin))
      .filter((pin) => overlapPages(pin.pfn, pin.pages, from, to) > 0);
  }

  /** The owners that hold pages of a block, and the caches of slabs in it; those with the most pages first. */
  of(block: number): BlockHolder[] {
    const pins = this.#blocks[block];
    if (pins === undefined) return [];
    // A block has few holders: looking through them all is faster than a map.
    const holders: BlockHolder[] = [];
    for (let page = 0; page < pins.length; ) {
      const pin = pins[page];
      const from = page;
      while (page < pins.length && pins[page] === pin) page++;
      if (pin === 0) continue;
      const owner = this.#words[WORDS * pin + 2];
      const since = this.#from[2 * pin + 1];
      const holder = holders.find((one) => one.owner === owner);
      if (holder === undefined) holders.push({ owner, pages: page - from, since });
      else {
        holder.pages += page - from;
        holder.since = Math.min(holder.since, since);
      }
    }
    return holders.sort((a, b) => b.pages - a.pages || a.owner - b.owner);
  }

  #add(kind: number, owner: number, pfn: number, pages: number, batch: EventBatch, row: number): number {
    const pin = this.#unused.pop() ?? this.#next++;
    if (WORDS * pin >= this.#words.length) this.#grow();
    const at = WORDS * pin;
    this.#words[at] = kind;
    this.#words[at + 1] = batch.allocationAt(row);
    this.#words[at + 2] = owner;
    this.#words[at + 3] = pfn;
    this.#words[at + 4] = pages;
    this.#from[2 * pin] = batch.firstSeq + row;
    this.#from[2 * pin + 1] = batch.timeAt(row);
    return pin;
  }

  #grow(): void {
    const [words, from] = [new Uint32Array(2 * this.#words.length), new Float64Array(2 * this.#from.length)];
    words.set(this.#words);
    from.set(this.#from);
    this.#words = words;
    this.#from = from;
  }

  #pin(pin: number): Pin {
    const [kind, allocation, owner, pfn, pages] = this.#words.subarray(WORDS * pin, WORDS * (pin + 1));
    const [fromEvent, fromNs] = this.#from.subarray(2 * pin, 2 * pin + 2);
    return { kind: KINDS[kind], allocation, owner, pfn, pages, fromEvent, fromNs };
  }

  #at(page: number): number {
    const block = Math.floor(page / this.#pagesPerBlock);
    return this.#blocks[block]?.[page - block * this.#pagesPerBlock] ?? 0;
  }

  #hold(start: number, pages: number, pin: number): void {
    forEachBlock(start, pages, this.#pagesPerBlock, (block, inside, first) => {
      this.#blocks[block] ??= new Uint32Array(this.#pagesPerBlock);
      this.#blocks[block].fill(pin, first, first + inside);
    });
  }

  #release(pin: number, batch: EventBatch, row: number): void {
    // The pages of a slab that is gone are freed once more, by the allocation that they passed to.
    if (pin === 0) return;
    this.#hold(this.#words[WORDS * pin + 3], this.#words[WORDS * pin + 4], 0);
    this.#end(pin, batch, row);
  }

  #end(pin: number, batch: EventBatch, row: number): void {
    this.#onEnd?.(this.#pin(pin), batch, row);
    this.#unused.push(pin);
  }
}
