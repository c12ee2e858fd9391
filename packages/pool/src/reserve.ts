/**
 * Shared pages put aside for callers that may not sleep, in a pool whose other free pages are private. Freed pages fill it up at
 * once, and the deferred worker does if that is not enough. It is small: first fit, whatever the pool's placement.
 */
import type { BlockIndex, Geometry, Pfn } from '@decpool/model';
import { firstFit } from './placement/first-fit.ts';
import { FreeMap } from './placement/free-map.ts';
import type { Placement } from './placement/placement.ts';
import type { BlockRange } from './policy.ts';

export class Reserve {
  readonly #map: FreeMap;
  readonly #placement: Placement;
  readonly #unitPages: number;
  /** Its pages in each unit that is converted together. */
  readonly #inUnit: Uint16Array;

  constructor(geometry: Geometry, unitPages: number) {
    this.#map = new FreeMap(geometry);
    this.#placement = firstFit(this.#map);
    this.#unitPages = unitPages;
    this.#inUnit = new Uint16Array(geometry.spanPages / unitPages);
  }

  get freePages(): number {
    return this.#map.freePages;
  }

  /** Free pages in blocks [firstBlock, endBlock). */
  freePagesIn(firstBlock: number, endBlock: number): number {
    return this.#map.freePagesIn(firstBlock, endBlock);
  }

  /** Whether it has a page in the block. */
  holds(block: BlockIndex): boolean {
    return this.#map.largest[block] > 0;
  }

  /** Whether it has a page in the unit that begins at this one. */
  holdsIn(unit: Pfn): boolean {
    return this.#inUnit[unit / this.#unitPages] > 0;
  }

  /** Pages of one block; they must be shared and free. */
  put(start: Pfn, pages: number): void {
    this.#map.put(start, pages);
    this.#count(start, pages, 1);
  }

  /** Takes a run of pages out, at a multiple of `align`, in the first of the zones that has one; -1 when there is none. */
  take(pages: number, align: number, zones: readonly BlockRange[]): Pfn | -1 {
    for (const zone of zones) {
      const start = this.#placement.place(pages, align, zone);
      if (start === -1) continue;
      this.#map.take(start, pages);
      this.#count(start, pages, -1);
      return start;
    }
    return -1;
  }

  #count(start: Pfn, pages: number, each: 1 | -1): void {
    for (let page: number = start; page < start + pages; page++) {
      this.#inUnit[Math.floor(page / this.#unitPages)] += each;
    }
  }
}
