import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { mersenne } from 'pure-rand/generator/mersenne';

/** Seeded randomness: the same seed gives the same numbers on every machine. */
export interface Random {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
}

/**
 * The Mersenne Twister spreads a seed over its whole state, so that seeds that are near each other, as those of a
 * comparison are, begin with numbers that have nothing in common. (xoroshiro128+ does not: its first draws for the seeds 1
 * to 1000 are all but equal.)
 */
export function randomFrom(seed: number): Random {
  const generator = mersenne(seed | 0);
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
