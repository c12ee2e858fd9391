import type { AllocateRequest, FreeRequest, Pfn } from '@decpool/model';
import type { BlockRange } from '../policy.ts';
import type { FreeMap } from './free-map.ts';

/** Chooses where in the pool a request goes, among claimed and unused pages. It never claims or converts memory. */
export interface Placement {
  /** As on a command line, with parameters: `llfree:8`. */
  readonly name: string;
  /**
   * First page, a multiple of `align`, of a free run of `pages` pages in one block of `range`, or -1. `pages` is at most a
   * block, `align` a power of two. `asker` is the request; undefined for the pool's reserve.
   */
  place(pages: number, align: number, range: BlockRange, asker?: AllocateRequest): Pfn | -1;
  /**
   * Free pages that place() would give to this request. Only for a placement that leaves some unused: the pool then grows although
   * it has free pages, and uses the lowest that fit if there is no more memory.
   */
  usablePages?(range: BlockRange, asker: AllocateRequest): number;
  /** A chunk came into the pool, after the free map has changed. */
  claimed?(start: Pfn, pages: number): void;
  /** An extent was given to a request, after the free map has changed. */
  given?(start: Pfn, pages: number, asker: AllocateRequest): void;
  /** A request's allocation is about to be freed, all of its extents. */
  freeing?(request: FreeRequest): void;
}

/** Makes a placement that keeps its own index of the free runs of `map`. */
export type PlacementFactory = (map: FreeMap) => Placement;
