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

/** Of the pins that ended, only so many and the sums are kept: memory is bounded. */
export const ENDED_KEPT = 20;

type OwnerSums = { -readonly [Key in keyof OwnerPins]: OwnerPins[Key] };

export class Pins {
  readonly #from: number;
  readonly #to: number;
  readonly #owners: Owners;
  /** Pins that last, in the order in which they began: `pages` by first page, `slab` by number, `object` by allocation. */
  readonly #lasting = new Map<string, Pin>();
  #slabsCreated = 0;
  #ended: Pin[] = [];
  /** How many have ended, of which `ended()` has the last. */
  endedCount = 0;
  readonly #sums = new Map<string, OwnerSums>();

  /** Of pages [from, to). `owners` sees each row before. */
  constructor(from: number, to: number, owners: Owners) {
    this.#from = from;
    this.#to = to;
    this.#owners = owners;
  }

  observe(batch: EventBatch, row: number): void {
    // The first page, or the number of a slab.
    const place = batch.pfnAt(row);
    const allocation = batch.allocationAt(row);
    const inRange = () => overlap(place, batch.pagesAt(row), this.#from, this.#to);
    switch (batch.typeAt(row)) {
      case TYPE.pagesAllocated:
        this.#begin(`pages ${place}`, 'pages', this.#owners.nameOf(allocation), inRange(), batch, row);
        break;
      case TYPE.pagesFreed:
        this.#end(`pages ${place}`, batch, row);
        break;
      case TYPE.slabCreated: {
        this.#slabsCreated++;
        // The pages that an allocation has just got become the slab's: the allocation never pinned them.
        const pages = this.#take(`pages ${place}`);
        if (pages !== undefined) this.#sumsOf(pages.owner).pins--;
        const cache = this.#owners.names[batch.ownerAt(row)];
        this.#begin(`slab ${this.#slabsCreated}`, 'slab', cache, inRange(), batch, row);
        break;
      }
      case TYPE.slabDestroyed:
        this.#end(`slab ${place}`, batch, row);
        break;
      case TYPE.objectAllocated: {
        const pages = this.#lasting.get(`slab ${place}`)?.pages ?? 0;
        this.#begin(`object ${allocation}`, 'object', this.#owners.nameOf(allocation), pages, batch, row);
        break;
      }
      case TYPE.objectFreed:
        this.#end(`object ${allocation}`, batch, row);
        break;
    }
  }

  /** Forgets the pins that have ended, also in the sums. */
  forgetEnded(): void {
    this.#ended = [];
    this.endedCount = 0;
    this.#sums.clear();
    for (const { owner } of this.#lasting.values()) this.#count(owner);
  }

  ended(): Pin[] {
    return this.#ended.slice(-ENDED_KEPT);
  }

  /** Slabs that were made at boot and last. */
  bootSlabs(): number {
    return [...this.#lasting.values()].filter(({ kind, allocation }) => kind === 'slab' && allocation === 0)
      .length;
  }

  /** Those with the most first. */
  byOwner(): OwnerPins[] {
    return [...this.#sums.values()].sort((a, b) => b.pins - a.pins || (a.owner < b.owner ? -1 : 1));
  }

  #begin(key: string, kind: Pin['kind'], owner: string, pages: number, batch: EventBatch, row: number): void {
    if (pages === 0) return;
    this.#count(owner);
    const [fromEvent, fromNs] = [batch.firstSeq + row, batch.timeAt(row)];
    this.#lasting.set(key, { kind, allocation: batch.allocationAt(row), owner, pages, fromEvent, fromNs });
  }

  #end(key: string, batch: EventBatch, row: number): void {
    const pin = this.#take(key);
    if (pin === undefined) return;
    const untilNs = batch.timeAt(row);
    this.#ended.push({ ...pin, untilEvent: batch.firstSeq + row, untilNs });
    this.endedCount++;
    if (this.#ended.length > 2 * ENDED_KEPT) this.#ended = this.ended();
    const sums = this.#sumsOf(pin.owner);
    sums.longestNs = Math.max(sums.longestNs, untilNs - pin.fromNs);
  }

  #take(key: string): Pin | undefined {
    const pin = this.#lasting.get(key);
    if (pin !== undefined) this.#sumsOf(pin.owner).lasting--;
    this.#lasting.delete(key);
    return pin;
  }

  #count(owner: string): void {
    const sums = this.#sumsOf(owner);
    sums.pins++;
    sums.lasting++;
  }

  #sumsOf(owner: string): OwnerSums {
    const sums = this.#sums.get(owner) ?? { owner, pins: 0, lasting: 0, longestNs: 0 };
    this.#sums.set(owner, sums);
    return sums;
  }
}
