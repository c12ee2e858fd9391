import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { policyNamed } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import type { MetricId } from '../metrics/metric.ts';
import type { SweepResults } from '../sweep/results.ts';
import { ABLATIONS, ablationText } from './ablation.ts';
import { madeResults } from './testing.ts';

const path = (name: string) => fileURLToPath(new URL(`../../../../${name}`, import.meta.url));

const POLICIES = ['decpool', ...ABLATIONS.map(({ policy }) => policy)];

const POOL = { 'host-calls': 100, 'shared-idle-mean': 50, 'blocks-peak': 10 };

/** Results of one scenario: all policies come to the figures of the pool, but for those given. */
const results = (others: Readonly<Record<string, Readonly<Partial<Record<MetricId, number>>>>>) =>
  madeResults(1, [
    {
      policies: Object.fromEntries(
        POLICIES.map((policy) => [
          policy,
          Object.fromEntries(
            Object.entries({ ...POOL, ...others[policy] }).map(([metric, value]) => [metric, [value]]),
          ),
        ]),
      ),
    },
  ]);

const lineOf = (text: string, instead: string) =>
  (text.split('\n').find((line) => line.includes(instead)) ?? '')
    .split('│')
    .map((cell) => cell.trim())
    .filter((cell) => cell !== '');

describe('an ablation', () => {
  it('names pools that there are, each once', () => {
    for (const policy of POLICIES) expect(() => policyNamed(policy)).not.toThrow();
    expect(new Set(POLICIES).size).toBe(POLICIES.length);
  });

  it('compares decpool with itself and with the pools without a rule', () => {
    const [first, , , , , , , , , , , , last] = ABLATIONS;
    expect(last).toBeUndefined();
    const text = ablationText(
      results({
        [ABLATIONS[3].policy]: { 'splits-2m': 7, 'host-calls': 300 },
        [first.policy]: { failures: 4 },
        [ABLATIONS[9].policy]: { 'host-calls': 10, 'shared-idle-mean': 100, 'shared-idle-byte-seconds': 9 },
        [ABLATIONS[5].policy]: { 'shared-idle-mean': 25 },
      }),
    );
    expect(lineOf(text, 'decpool ')).toEqual(['decpool', '1', '0', '0', 'x1.00', 'x1.00', 'x1.00', '0', '0']);
    expect(lineOf(text, 'converts pages')).toEqual([
      'converts pages, not blocks',
      '1',
      '7',
      '0',
      'x1.00',
      'x3.00',
      'x1.00',
      '0',
      '1',
    ]);
    expect(lineOf(text, 'no slots of').slice(1, 2)).toEqual(['0']);
    expect(lineOf(text, 'never returns').slice(4)).toEqual(['x1.00', 'x0.100', 'x2.00', '0', '0']);
  });

  it('needs all of them', () => {
    const { policies, ...others } = results({});
    const some = { ...others, policies: policies.slice(0, -1) };
    expect(() => ablationText(some as SweepResults)).toThrow(
      "lacks 'longest-free-range+block+hysteresis:1+swiotlb'",
    );
  });

  it('has an example', () => {
    const definition = JSON.parse(readFileSync(path('examples/sweeps/ablation.json'), 'utf8'));
    expect(definition.policies).toEqual(POLICIES);
  });
});
