import { PLACEMENTS } from '@decpool/pool/internal';
import { beforeAll, describe, expect, it } from 'vitest';
import { worstCaseOf } from '../bounds/worst-case.ts';
import type { Comparison } from '../compare/compare.ts';
import { boundsText } from './bounds-text.ts';
import { tinyComparison } from './testing.ts';

let comparison: Comparison;
beforeAll(async () => {
  comparison = await tinyComparison();
});

const textsOf = (label: string, parts: Partial<Comparison> = {}): string[] =>
  boundsText({ ...comparison, ...parts }).flatMap(([name, text]) => (name === label ? [text] : []));

const worstCasesOf = (policies: readonly string[], mu: number | undefined): string[] =>
  textsOf('worst case', {
    policies: policies.map((policy) => ({
      ...comparison.policies[0],
      policy,
      worstCase: worstCaseOf(policy, mu),
    })),
  });

it('outside a confidential VM there are no bounds', () => {
  expect(boundsText({ ...comparison, bounds: undefined })).toEqual([
    ['bounds', expect.stringMatching(/^None: /)],
  ]);
});

it('has the lower bounds, and what was reached by whom', () => {
  const bounds = {
    ...comparison.bounds!,
    blocksPeak: { lower: 44, upper: 46, upperFrom: 'first-fit' },
    blockSeconds: { lower: 1306 },
    packing: { missing: 'too many' },
  };
  expect(textsOf('bounds', { bounds })).toEqual([
    expect.stringMatching(/peak: at least 44 .*; 46 reached by first-fit\. .*ceil\(live pages \/ 512\)/),
    expect.stringMatching(/seconds shared: at least 1,306 block\.s for a policy [^;]*\. /),
    'No offline packing: too many.',
  ]);
});

it('has the longest and the shortest lifetime, and what does not count', () => {
  const lifetimesOf = (parts: Partial<NonNullable<Comparison['bounds']>['lifetimes']>) => {
    const known = comparison.bounds!;
    return textsOf('lifetimes', { bounds: { ...known, lifetimes: { ...known.lifetimes, ...parts } } });
  };
  const lifetimes = { mu: 401, longestNs: 51.8e9, shortestNs: 129.2e6, neverFreed: 41, zero: 3 };
  expect(lifetimesOf(lifetimes)).toEqual([
    expect.stringMatching(
      /^Longest 51\.8 s, shortest 129\.2 ms; .* = 401\. Never freed: 41; .* at once: 3; /,
    ),
  ]);
  expect(lifetimesOf({ ...lifetimes, neverFreed: 0, zero: 0 })).toEqual([expect.stringMatching(/= 401\.$/)]);
  expect(lifetimesOf({ mu: undefined })).toEqual([expect.stringMatching(/^No allocation /)]);
});

describe('a worst case', () => {
  it('has the limits that theory knows, with their conditions', () => {
    expect(worstCasesOf(['first-fit+block+immediate', 'linux-7.3'], 401)).toEqual([
      expect.stringMatching(/^first-fit.*: At most 2\.4942 times .*2\.45.* At most 404 times /),
      expect.stringMatching(/^linux-7\.3: No known limit/),
    ]);
    expect(worstCasesOf(['best-fit+block+immediate'], 401)).toEqual([
      expect.stringMatching(/At most 3 times .* peak\. No limit for block-seconds\./),
    ]);
    expect(worstCasesOf(['buddy+block+immediate'], 401)).toEqual([
      expect.stringMatching(/At most 5\.5 times .*r = 9.* No known limit for block-seconds\. .* aligned/),
    ]);
  });

  it('does not use the letters of the theory for lifetimes', () => {
    const policies = Object.keys(PLACEMENTS).map((placement) => `${placement}+block+immediate`);
    for (const mu of [7, undefined]) expect(worstCasesOf(policies, mu).join()).not.toMatch(/\bmu\b/);
  });

  it('names few of many policies', () => {
    const many = ['a', 'b', 'c', 'd', 'e'];
    expect(worstCasesOf(many, 7)).toEqual([expect.stringMatching(/^a, b, c and 2 more: /)]);
  });
});
