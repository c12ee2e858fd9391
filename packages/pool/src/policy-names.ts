/** The short form of a pool's name: without the parts that are the default. It knows no strategy, so that a page can have it alone. */
import { HYSTERESIS_SECONDS } from './supply/hysteresis-seconds.ts';

/** The parts of a pool's name that need not be written: `first-fit` is `first-fit+block+hysteresis:2`. */
export const USUAL = { conversion: 'block', supply: 'hysteresis' } as const;

const USUAL_PARTS: ReadonlySet<string> = new Set([
  USUAL.conversion,
  USUAL.supply,
  `${USUAL.supply}:${HYSTERESIS_SECONDS}`,
]);

/** What tables and sentences call a policy. The name that is left still names the same pool. */
export function shortPolicyName(name: string): string {
  const [first, ...others] = name.split('+');
  return [first, ...others.filter((part) => !USUAL_PARTS.has(part))].join('+');
}
