/** When memory comes from the page allocator without being asked for, and when it goes back. */
export interface Supply {
  /** As on a command line, with parameters: `watermark:64:256`. */
  readonly name: string;
  /** Shared, unused pages below which the deferred worker refills the reserve, and those it fills it up to; 0 for none. */
  readonly lowPages: number;
  readonly highPages: number;
  /** Told after each request how many pages are used, at a simulated time in ns. */
  used?(time: number, pages: number): void;
  /**
   * Asked when the last allocation of a block was freed, where free pages are shared or there is no reserve, and again at the
   * time that it said: when may the block go back? Simulated ns; KEEP for no more asking, any time up to now for at once. Never
   * a time before one that it said earlier.
   */
  returnsAt(block: EmptyBlock): number;
}

export interface EmptyBlock {
  /** Simulated ns: now, and when the block ran empty. */
  readonly now: number;
  readonly since: number;
  /** Pages that the pool holds unused, the block's among them. */
  readonly freePages: number;
  readonly blockPages: number;
}

export const KEEP = Number.POSITIVE_INFINITY;
export const AT_ONCE = 0;

/** A supply may remember what it was told, so each pool has one of its own. */
export type SupplyFactory = () => Supply;
