/** What has pinned a range of pages, from when to when, and for which owners. */
import type { EventBatch } from '@decpool/model';
import { type Holding, type Owners, overlapPages, type Pin, Pins } from '@decpool/model/internal';

/** A pin that is over. */
export interface EndedPin {
  readonly kind: Holding['kind'];
  /** Of a slab, the allocation that it was made for; 0 at boot. */
  readonly allocation: number;
  /** Of a slab, the name of its cache. */
  readonly owner: string;
  /** Pages in the range; of an object those of its slab. */
  readonly pages: number;
  readonly fromEvent: number;
  readonly fromNs: number;
  readonly untilEvent: number;
  readonly untilNs: number;
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

type Sums = Map<string, { -readonly [Key in keyof OwnerPins]: OwnerPins[Key] }>;

export class RangePins {
  /** To be shown each row. */
  readonly pins: Pins;
  readonly #from: number;
  readonly #to: number;
  readonly #owners: Owners;
  #ended: EndedPin[] = [];
  /** How many have ended, of which `ended()` has the last. */
  endedCount = 0;
  /** Of those that ended. */
  readonly #sums: Sums = new Map();

  /** Of pages [from, to). `owners` sees each row before. */
  constructor(from: number, to: number, pagesPerBlock: number, owners: Owners) {
    this.#from = from;
    this.#to = to;
    this.#owners = owners;
    this.pins = new Pins(pagesPerBlock, owners, (pin, batch, row) => this.#end(pin, batch, row));
  }

  /** Forgets the pins that have ended. */
  forgetEnded(): void {
    this.#ended = [];
    this.endedCount = 0;
    this.#sums.clear();
  }

  ended(): EndedPin[] {
    return this.#ended.slice(-ENDED_KEPT);
  }

  /** Slabs that were made at boot and last. */
  bootSlabs(): number {
    return this.#lasting().filter(({ kind, allocation }) => kind === 'slab' && allocation === 0).length;
  }

  /** Those with the most first. */
  byOwner(): OwnerPins[] {
    const sums: Sums = new Map([...this.#sums].map(([owner, ended]) => [owner, { ...ended }]));
    for (const pin of this.#lasting()) {
      const owner = sumsOf(sums, this.#nameOf(pin));
      owner.pins++;
      owner.lasting++;
    }
    return [...sums.values()].sort((a, b) => b.pins - a.pins || (a.owner < b.owner ? -1 : 1));
  }

  #lasting(): Pin[] {
    return this.pins.in(this.#from, this.#to);
  }

  #end(pin: Pin, batch: EventBatch, row: number): void {
    const pages = overlapPages(pin.pfn, pin.pages, this.#from, this.#to);
    if (pages === 0) return;
    const { kind, allocation, fromEvent, fromNs } = pin;
    const [owner, untilEvent, untilNs] = [this.#nameOf(pin), batch.firstSeq + row, batch.timeAt(row)];
    this.#ended.push({ kind, allocation, owner, pages, fromEvent, fromNs, untilEvent, untilNs });
    this.endedCount++;
    if (this.#ended.length > 2 * ENDED_KEPT) this.#ended = this.ended();
    const sums = sumsOf(this.#sums, owner);
    sums.pins++;
    sums.longestNs = Math.max(sums.longestNs, untilNs - fromNs);
  }

  #nameOf({ owner }: Pin): string {
    return this.#owners.names[owner] ?? '';
  }
}

function sumsOf(all: Sums, owner: string) {
  const sums = all.get(owner) ?? { owner, pins: 0, lasting: 0, longestNs: 0 };
  all.set(owner, sums);
  return sums;
}
