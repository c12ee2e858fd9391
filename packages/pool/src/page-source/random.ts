import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seeded randomness: the same seed gives the same numbers on every machine. */
export interface Random {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
}

export function randomFrom(seed: number): Random {
  const generator = xoroshiro128plus(seed | 0);
  return { below: (limit) => uniformInt(generator, 0, limit - 1) };
}

/** Shuffles in place (Fisher-Yates) and returns the same array. */
export function shuffle<Item>(items: Item[], random: Random): Item[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [items[last], items[other]] = [items[other], items[last]];
  }
  return items;
}
