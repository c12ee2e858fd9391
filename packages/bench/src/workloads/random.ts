import { randomFrom } from '@decpool/pool';

/** The random numbers of a generator: the same seed gives the same numbers on every machine. */
export interface Dice {
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** `seed`: a whole number of 32 bits. */
export function dice(seed: number): Dice {
  const random = randomFrom(seed);
  const between = (from: number, to: number) => from + random.below(to - from + 1);
  return { between, pick: (items) => items[between(0, items.length - 1)] };
}

/** Each item as often as its weight, to pick from. */
export const weighted = <Item>(
  weights: readonly (readonly [item: Item, weight: number])[],
): readonly Item[] => weights.flatMap(([item, weight]) => Array<Item>(weight).fill(item));
