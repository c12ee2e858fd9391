import { HYSTERESIS_SECONDS } from './hysteresis-seconds.ts';
import { secondsOf, secondsParameter } from './seconds.ts';
import type { SupplyFactory } from './supply.ts';

/**
 * A block goes back once it has been empty for some time: demand that comes and goes within it is converted once, and a block that
 * is no longer needed is not exposed for ever. `parameters` are the seconds, as in
 * `hysteresis(2)`. Throws InputError for invalid ones.
 */
export function hysteresis(...parameters: readonly (number | string)[]): SupplyFactory {
  const ns = secondsParameter('hysteresis', parameters, HYSTERESIS_SECONDS);
  return () => ({
    name: `hysteresis:${secondsOf(ns)}`,
    returnsAt: ({ since }) => since + ns,
  });
}
