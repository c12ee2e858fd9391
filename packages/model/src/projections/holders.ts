/** Who holds each page: the owner of the allocation or the cache of the slab that it is in, and since when. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import { forEachBlock } from '../geometry.ts';
import type { Owners } from './owners.ts';

/** What one owner holds of a block. */
export interface BlockHolder {
  readonly owner: number;
  pages: number;
  /** Simulated ns since which its oldest allocation, or slab, is in the block. */
  since: number;
}

export class Holders {
  readonly #pagesPerBlock: number;
  readonly #owners: Owners;
  /** By block: the number of the extent or slab that each page is in; 0: none. */
  readonly #blocks: (Uint32Array | undefined)[] = [];
  /** By number: owner, and since when. */
  #owner = new Uint16Array(1024);
  #since = new Float64Array(1024);
  /** Numbers that are free again, and the first that was never used. */
  readonly #unused: number[] = [];
  #next = 1;

  /** `owners` sees each row before. */
  constructor(pagesPerBlock: number, owners: Owners) {
    this.#pagesPerBlock = pagesPerBlock;
    this.#owners = owners;
  }

  observe(batch: EventBatch, row: number): void {
    const [pfn, pages, time] = [batch.pfnAt(row), batch.pagesAt(row), batch.timeAt(row)];
    switch (batch.typeAt(row)) {
      case TYPE.pagesAllocated:
        this.#hold(pfn, pages, this.#add(this.#owners.of(batch.allocationAt(row)), time));
        break;
      case TYPE.pagesFreed:
        this.#unused.push(this.#at(pfn));
        this.#hold(pfn, pages, 0);
        break;
      case TYPE.slabCreated:
        // The pages of an allocation become the slab's; those of the bounce buffers were nobody's.
        if (batch.allocationAt(row) !== 0) this.#set(this.#at(pfn), batch.ownerAt(row), time);
        else this.#hold(pfn, pages, this.#add(batch.ownerAt(row), time));
        break;
    }
  }

  /** Who holds pages of a block, those with the most pages first. */
  of(block: number): BlockHolder[] {
    const numbers = this.#blocks[block];
    if (numbers === undefined) return [];
    // A block has few holders: looking through them all is faster than a map.
    const holders: BlockHolder[] = [];
    for (let page = 0; page < numbers.length; ) {
      const number = numbers[page];
      const from = page;
      while (page < numbers.length && numbers[page] === number) page++;
      if (number === 0) continue;
      const owner = this.#owner[number];
      const since = this.#since[number];
      const holder = holders.find((one) => one.owner === owner);
      if (holder === undefined) holders.push({ owner, pages: page - from, since });
      else {
        holder.pages += page - from;
        holder.since = Math.min(holder.since, since);
      }
    }
    return holders.sort((a, b) => b.pages - a.pages || a.owner - b.owner);
  }

  #add(owner: number, since: number): number {
    const number = this.#unused.pop() ?? this.#next++;
    if (number >= this.#owner.length) {
      const [owners, times] = [new Uint16Array(2 * number), new Float64Array(2 * number)];
      owners.set(this.#owner);
      times.set(this.#since);
      this.#owner = owners;
      this.#since = times;
    }
    this.#set(number, owner, since);
    return number;
  }

  #set(number: number, owner: number, since: number): void {
    this.#owner[number] = owner;
    this.#since[number] = since;
  }

  #at(pfn: number): number {
    const block = Math.floor(pfn / this.#pagesPerBlock);
    return this.#blocks[block]?.[pfn - block * this.#pagesPerBlock] ?? 0;
  }

  #hold(start: number, pages: number, number: number): void {
    forEachBlock(start, pages, this.#pagesPerBlock, (block, inside, first) => {
      this.#blocks[block] ??= new Uint32Array(this.#pagesPerBlock);
      this.#blocks[block].fill(number, first, first + inside);
    });
  }
}
