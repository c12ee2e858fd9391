import { BASELINES, CONVERSIONS, PLACEMENTS, RECOMMENDED, RETURNS } from '@decpool/pool/internal';

/** What every other policy's speed is a ratio to. */
export const PLAIN_POLICY = 'first-fit+block+never-return';

/** The policies that are timed: every baseline, and every strategy beside plain ones. All combinations would be hundreds. */
export function speedPolicies(): readonly string[] {
  return [
    ...new Set([
      ...Object.keys({ ...BASELINES, ...RECOMMENDED }),
      PLAIN_POLICY,
      ...Object.keys(PLACEMENTS).map((placement) => `${placement}+block+never-return`),
      ...Object.keys(CONVERSIONS).flatMap((conversion) => [
        `first-fit+${conversion}+never-return`,
        `first-fit+${conversion}+immediate`,
      ]),
      ...Object.keys(RETURNS).map((returned) => `first-fit+block+${returned}`),
      'first-fit+block+reserve+hysteresis+shrinker',
    ]),
  ];
}
