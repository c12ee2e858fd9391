/** Fixed parts of a grid, for schedulers that start the same command many times. */
/** `3/16`: the third of 16 parts. */
export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** Undefined for another text than `3/16`. */
export function parseShard(text: string): Shard | undefined {
  const [, index, count] = /^([1-9]\d{0,6})\/([1-9]\d{0,6})$/.exec(text)?.map(Number) ?? [];
  return index === undefined || index > count ? undefined : { index, count };
}

/** Every count-th item: neighbours take about as long as each other, and so do the parts. */
export const shardOf = <Item>(items: readonly Item[], { index, count }: Shard): Item[] =>
  items.filter((_, at) => at % count === index - 1);
