import { InvalidArgumentError } from 'commander';

/** Parses an option's value: a whole number within bounds. */
export const wholeNumber = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
  }
  return value;
};

/** A number of events, or the position of one. */
export const eventNumber = wholeNumber(0, Number.MAX_SAFE_INTEGER);

/** Parses `5%` or `0.5`: percent. */
export function percentage(text: string): number {
  if (!/^\d+(\.\d+)?\s*%?$/.test(text)) throw new InvalidArgumentError('expected a percentage such as 5%.');
  return Number.parseFloat(text);
}
