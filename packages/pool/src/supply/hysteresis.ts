import { HYSTERESIS_SECONDS } from './hysteresis-seconds.ts';
import { secondsOf, secondsParameter } from './seconds.ts';
import type { SupplyFactory } from './supply.ts';

/**
 * A block goes back once it has been empty for some time: what comes and goes within that time is converted once, and what is
 * gone for good is not exposed for ever. `parameters` are the seconds. Throws InputError for what they cannot be.
 */
export function hysteresis(parameters: readonly string[]): SupplyFactory {
  const ns = secondsParameter('hysteresis', parameters, HYSTERESIS_SECONDS);
  return () => ({
    name: `hysteresis:${secondsOf(ns)}`,
    returnsAt: ({ since }) => since + ns,
  });
}
