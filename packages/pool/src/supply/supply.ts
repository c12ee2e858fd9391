/** When memory comes from the page allocator before a request needs it, and when it goes back. */
export interface Supply {
  /** As on a command line, with parameters: `reserve:64:512+hysteresis:2`. */
  readonly name: string;
  /** Below `low` shared, unused pages the deferred worker refills them up to `high`, and `high` are kept. Default: no reserve. */
  readonly reservePages?: { readonly low: number; readonly high: number };
  /** Whether empty blocks go back at once if the page allocator is short of memory. Default: no. */
  readonly shrinks?: boolean;
  /** Whether requests of at most 256 KiB try the boot pool of swiotlb before the pool. Default: no. */
  readonly triesSwiotlbFirst?: boolean;
  /** Called when the number of used pages changes, at a simulated time in ns. */
  used?(time: number, pages: number): void;
  /**
   * When an empty block that no reserve needs may go back: simulated ns, AT_ONCE, or KEEP for never. Asked when the last
   * allocation of a block was freed, and when the deferred worker runs, which it does at the first such time.
   */
  returnsAt(block: EmptyBlock): number;
}

/** A claimed block without allocations, about which a supply is asked. */
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
