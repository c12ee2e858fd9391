/** The short form of a pool's name: without the default parts. Imports no strategy, so that the page's script can use it. */
import { HYSTERESIS_SECONDS } from './supply/hysteresis-seconds.ts';

/** The parts of a pool's name that need not be written: `first-fit` is `first-fit+block+hysteresis:2`. */
export const USUAL = { conversion: 'block', return: 'hysteresis' } as const;

const USUAL_PARTS: ReadonlySet<string> = new Set([
  USUAL.conversion,
  USUAL.return,
  `${USUAL.return}:${HYSTERESIS_SECONDS}`,
]);

/** The name of a policy in tables and sentences; it still names the same pool. */
export function shortPolicyName(name: string): string {
  const [first, ...others] = name.split('+');
  return [first, ...others.filter((part) => !USUAL_PARTS.has(part))].join('+');
}
