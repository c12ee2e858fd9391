import { InputError } from '@decpool/model';

const NS_PER_SECOND = 1e9;
/** A day: longer than any workload. */
const MAX_SECONDS = 86_400;

/** The one parameter of a supply, in ns. Throws InputError if it is invalid. */
export function secondsParameter(
  supply: string,
  parameters: readonly (number | string)[],
  usual: number,
): number {
  const [seconds = usual] = parameters.map(Number);
  const isPlain = parameters.every((given) => /^\d+(\.\d+)?$/.test(String(given)));
  const ns = Math.round(seconds * NS_PER_SECOND);
  if (parameters.length > 1 || !isPlain || ns < 1 || seconds > MAX_SECONDS) {
    throw new InputError(
      `supply '${supply}:${parameters.join(':')}': expected ${supply}:SECONDS, up to ${MAX_SECONDS}, as in ${supply}:${usual}`,
    );
  }
  return ns;
}

/** As in a supply's name: `0.5`. */
export const secondsOf = (ns: number): string => String(ns / NS_PER_SECOND);
