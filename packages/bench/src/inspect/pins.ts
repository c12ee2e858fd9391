/** What has pinned a range of pages, from when to when. */
import { type EventBatch, type Owners, TYPE } from '@decpool/model';
import { overlap } from './holdings.ts';

/** An allocation's pages, an object or a slab in the range. */
export interface Pin {
  readonly kind: 'pages' | 'object' | 'slab';
  /** Of a slab, the allocation that it was made for; 0 at boot. */
  readonly allocation: number;
  /** Of a slab, the name of its cache. */
  readonly owner: string;
  /** Pages in the range; of an object those of its slab. */
  readonly pages: number;
  readonly fromEvent: number;
  readonly fromNs: number;
  /** Missing while it lasts. */
  readonly untilEvent?: number;
  readonly untilNs?: number;
}

export interface OwnerPins {
  readonly owner: string;
  readonly pins: number;
  /** Of these, those that last. */
  readonly lasting: number;
  /** Longest time that one lasted, of those that ended. */
  readonly longestNs: number;
}

/** Pins that ended, of which this many are kept. */
export const MOST_ENDED = 20;

type OwnerSums = { -readonly [Key in keyof OwnerPins]: OwnerPins[Key] };

interface Slab {
  readonly pin: Pin;
  readonly objects: Map<number, Pin>;
}

/** Memory is bounded: pins that last are at most as many as fit in, of those that ended the last are kept, and sums of all. */
export class Pins {
  readonly #from: number;
  readonly #to: number;
  readonly #owners: Owners;
  /** By allocation; one may have several extents in the range. */
  readonly #pages = new Map<number, { readonly pfn: number; readonly pin: Pin }[]>();
  /** By number. */
  readonly #slabs = new Map<number, Slab>();
  /** Slab of each object in the range, by allocation. */
  readonly #slabOf = new Map<number, number>();
  #slabsCreated = 0;
  #ended: Pin[] = [];
  #endedCount = 0;
  readonly #sums = new Map<string, OwnerSums>();

  /** Of pages [from, to). `owners` sees each row before. */
  constructor(from: number, to: number, owners: Owners) {
    this.#from = from;
    this.#to = to;
    this.#owners = owners;
  }

  observe(batch: EventBatch, row: number): void {
    switch (batch.typeAt(row)) {
      case TYPE.pagesAllocated:
        this.#allocated(batch, row);
        break;
      case TYPE.pagesFreed:
        this.#freed(batch, row);
        break;
      case TYPE.slabCreated:
        this.#slabCreated(batch, row);
        break;
      case TYPE.slabDestroyed:
        this.#slabDestroyed(batch, row);
        break;
      case TYPE.objectAllocated:
        this.#objectAllocated(batch, row);
        break;
      case TYPE.objectFreed:
        this.#objectFreed(batch, row);
        break;
    }
  }

  /** Forgets what has ended: from here on something new is told. */
  forgetEnded(): void {
    this.#ended = [];
    this.#endedCount = 0;
    this.#sums.clear();
    for (const pin of this.lasting()) this.#sumsOf(pin.owner).pins++;
  }

  /** How many have ended, of which `ended()` has the last. */
  get endedCount(): number {
    return this.#endedCount;
  }

  ended(): Pin[] {
    return this.#ended.slice(-MOST_ENDED);
  }

  /** Those that last, by when they began. */
  lasting(): Pin[] {
    const pages = [...this.#pages.values()].flatMap((extents) => extents.map(({ pin }) => pin));
    const slabs = [...this.#slabs.values()].flatMap(({ pin, objects }) => [pin, ...objects.values()]);
    return [...pages, ...slabs].sort((a, b) => a.fromEvent - b.fromEvent);
  }

  /** Those with the most first. */
  byOwner(): OwnerPins[] {
    const lasting = new Map<string, number>();
    for (const { owner } of this.lasting()) lasting.set(owner, (lasting.get(owner) ?? 0) + 1);
    const sums = [...this.#sums.values()].map((owner) => ({
      ...owner,
      lasting: lasting.get(owner.owner) ?? 0,
    }));
    return sums.sort((a, b) => b.pins - a.pins || (a.owner < b.owner ? -1 : 1));
  }

  #inRange(batch: EventBatch, row: number): number {
    return overlap(batch.pfnAt(row), batch.pagesAt(row), this.#from, this.#to);
  }

  #pin(batch: EventBatch, row: number, kind: Pin['kind'], owner: string, pages: number): Pin {
    this.#sumsOf(owner).pins++;
    const [fromEvent, fromNs] = [batch.firstSeq + row, batch.timeAt(row)];
    return { kind, allocation: batch.allocationAt(row), owner, pages, fromEvent, fromNs };
  }

  #sumsOf(owner: string): OwnerSums {
    const sums = this.#sums.get(owner) ?? { owner, pins: 0, lasting: 0, longestNs: 0 };
    this.#sums.set(owner, sums);
    return sums;
  }

  #end(pin: Pin, batch: EventBatch, row: number): void {
    const untilNs = batch.timeAt(row);
    this.#ended.push({ ...pin, untilEvent: batch.firstSeq + row, untilNs });
    this.#endedCount++;
    if (this.#ended.length > 2 * MOST_ENDED) this.#ended = this.ended();
    const sums = this.#sumsOf(pin.owner);
    sums.longestNs = Math.max(sums.longestNs, untilNs - pin.fromNs);
  }

  #allocated(batch: EventBatch, row: number): void {
    const pages = this.#inRange(batch, row);
    if (pages === 0) return;
    const allocation = batch.allocationAt(row);
    const extents = this.#pages.get(allocation) ?? [];
    const pin = this.#pin(batch, row, 'pages', this.#owners.nameOf(allocation), pages);
    extents.push({ pfn: batch.pfnAt(row), pin });
    this.#pages.set(allocation, extents);
  }

  #freed(batch: EventBatch, row: number): void {
    const pin = this.#take(batch, row);
    if (pin !== undefined) this.#end(pin, batch, row);
  }

  /** The pin of the row's allocation that begins at the row's page; not there any more afterwards. */
  #take(batch: EventBatch, row: number): Pin | undefined {
    const allocation = batch.allocationAt(row);
    const extents = this.#pages.get(allocation) ?? [];
    const index = extents.findIndex(({ pfn }) => pfn === batch.pfnAt(row));
    if (index === -1) return undefined;
    const [taken] = extents.splice(index, 1);
    if (extents.length === 0) this.#pages.delete(allocation);
    return taken.pin;
  }

  /** The pages that an allocation has just got become a slab's: it never was the allocation that pinned them. */
  #slabCreated(batch: EventBatch, row: number): void {
    this.#slabsCreated++;
    const pages = this.#inRange(batch, row);
    if (pages === 0) return;
    const passed = this.#take(batch, row);
    if (passed !== undefined) this.#sumsOf(passed.owner).pins--;
    const pin = this.#pin(batch, row, 'slab', this.#owners.names[batch.ownerAt(row)], pages);
    this.#slabs.set(this.#slabsCreated, { pin, objects: new Map() });
  }

  #slabDestroyed(batch: EventBatch, row: number): void {
    const slab = this.#slabs.get(batch.pfnAt(row));
    if (slab === undefined) return;
    this.#slabs.delete(batch.pfnAt(row));
    this.#end(slab.pin, batch, row);
  }

  #objectAllocated(batch: EventBatch, row: number): void {
    const number = batch.pfnAt(row);
    const slab = this.#slabs.get(number);
    if (slab === undefined) return;
    const allocation = batch.allocationAt(row);
    const pin = this.#pin(batch, row, 'object', this.#owners.nameOf(allocation), slab.pin.pages);
    slab.objects.set(allocation, pin);
    this.#slabOf.set(allocation, number);
  }

  #objectFreed(batch: EventBatch, row: number): void {
    const allocation = batch.allocationAt(row);
    const objects = this.#slabs.get(this.#slabOf.get(allocation) ?? 0)?.objects;
    const pin = objects?.get(allocation);
    if (objects === undefined || pin === undefined) return;
    objects.delete(allocation);
    this.#slabOf.delete(allocation);
    this.#end(pin, batch, row);
  }
}
