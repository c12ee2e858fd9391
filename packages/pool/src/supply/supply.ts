/** When memory comes from the page allocator without being asked for, and when it goes back. */
export interface Supply {
  /** As on a command line, with parameters: `watermark:64:256`. */
  readonly name: string;
  /**
   * Asked when the last allocation of a block was freed, where free pages are shared or there is no reserve: give the block
   * back now? `freePages` are those that the pool holds unused, the block's among them.
   */
  returnsEmptyBlock(freePages: number, blockPages: number): boolean;
  /** Shared, unused pages below which the deferred worker refills the reserve, and those it fills it up to; 0 for none. */
  readonly lowPages: number;
  readonly highPages: number;
}
