/** When memory comes from the page allocator before a request needs it, and when it goes back. */
export interface Supply {
  /** As on a command line, with parameters: `watermark:64:256`. */
  readonly name: string;
  /** Below `low` shared, unused pages the deferred worker refills them up to `high`. Default: no reserve. */
  readonly reservePages?: { readonly low: number; readonly high: number };
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

/** A supply may remember what happened, so each pool has its own. */
export type SupplyFactory = () => Supply;
