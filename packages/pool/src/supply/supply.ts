/** When memory goes back to the page allocator. */
export interface Supply {
  readonly name: string;
  /** Asked when the last allocation of a block was freed: give the block back now? */
  returnsEmptyBlock(): boolean;
}
