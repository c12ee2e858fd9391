import { InputError, orderFor } from '@decpool/model';
import { randomFrom } from '@decpool/pool';

/** The dice of a generator: the same seed throws the same numbers on every machine. */
export interface Dice {
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** Throws InputError unless the seed is a whole number of 32 bits: the generator takes no more. */
export function dice(seed: number): Dice {
  wholeNumber('seed', seed, 0, 0xffffffff);
  const random = randomFrom(seed);
  const between = (from: number, to: number) => from + random.below(to - from + 1);
  return { between, pick: (items) => items[between(0, items.length - 1)] };
}

/** Each item as often as its weight, to pick from. */
export const weighted = <Item>(
  weights: readonly (readonly [item: Item, weight: number])[],
): readonly Item[] => weights.flatMap(([item, weight]) => Array<Item>(weight).fill(item));

/** Throws InputError unless a generator's setting is a whole number in [min, max]. */
export function wholeNumber(setting: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InputError(`workload: ${setting} is ${value}; it must be a whole number from ${min} to ${max}`);
  }
}

/** Throws InputError unless a generator's setting is a power of two in [min, max]. */
export function powerOfTwo(setting: string, value: number, min: number, max: number): void {
  wholeNumber(setting, value, min, max);
  if ((value & (value - 1)) !== 0) {
    const above = 1 << orderFor(value);
    throw new InputError(
      `workload: ${setting} is ${value}; it must be a power of two, as ${above >> 1} or ${above} is`,
    );
  }
}
