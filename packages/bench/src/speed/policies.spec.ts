import { policyNamed } from '@decpool/pool';
import { BASELINES, CONVERSIONS, PLACEMENTS, RECOMMENDED, RETURNS } from '@decpool/pool/internal';
import { describe, expect, it } from 'vitest';
import { PLAIN_POLICY, speedPolicies } from './policies.ts';

describe('the policies that are timed', () => {
  it('are named once each, and the plain one is among them', () => {
    const policies = speedPolicies();
    expect(new Set(policies).size).toBe(policies.length);
    expect(policies).toContain(PLAIN_POLICY);
  });

  it('leave out no baseline and no strategy', () => {
    const parts = speedPolicies().map((policy) => policy.split('+'));
    const used = (place: number) =>
      new Set(parts.filter(({ length }) => length === 3).map((part) => part[place]));
    expect(parts.flatMap((part) => (part.length === 1 ? part : []))).toEqual(
      Object.keys({ ...BASELINES, ...RECOMMENDED }),
    );
    expect([...used(0)].sort()).toEqual(Object.keys(PLACEMENTS).sort());
    expect([...used(1)].sort()).toEqual(Object.keys(CONVERSIONS).sort());
    expect([...used(2)].sort()).toEqual(Object.keys(RETURNS).sort());
  });

  it.each(speedPolicies())('%s is one', (policy) => {
    expect(() => policyNamed(policy)).not.toThrow();
  });
});
