/** For specs: results with only what a page needs, made by hand. */

import { byMetric } from '../../metrics/metric.ts';
import type { Results } from '../results.ts';
import { madeOf } from '../testing-made.ts';

/** Text that would do harm in a page that does not escape it. */
export const HOSTILE = '</script><img src=x onerror=alert(1)>"\'{a}|{b|c}\u202e';

const METRICS = [
  'splits-2m',
  'shared-idle-byte-seconds',
  'host-calls',
  'full-flushes',
  'failures',
  'waited-share',
] as const;
const UNITS = { 'shared-idle-byte-seconds': 'byte-seconds' } as const;

export interface Made {
  /** By policy: 2M splits, shared-idle byte-seconds, host calls, and optionally refused requests. */
  readonly policies: Readonly<Record<string, readonly number[]>>;
  /** Best first. */
  readonly ranked: readonly (readonly string[])[];
  readonly name?: string;
  /** The range of each value over the seeds. */
  readonly spread?: number;
}

export function madeResults({ policies, ranked, name = 'made', spread = 0 }: Made): Results {
  const spreadOf = (median: number) => ({
    values: [median - spread / 2, median, median + spread / 2],
    median,
    min: median - spread / 2,
    max: median + spread / 2,
  });
  return {
    ...madeOf(name),
    platform: { name: 'snp', confidential: true },
    notes: [name],
    metrics: METRICS.map((id) => ({
      id,
      label: id,
      unit: id in UNITS ? ('byte-seconds' as const) : ('count' as const),
      better: 'lower' as const,
      formula: name,
    })),
    ranking: {
      isParetoWanted: false,
      objectives: ['splits-2m', 'shared-idle-byte-seconds', 'host-calls'],
      ranked: ranked.map((group, index) => ({
        policies: [...group],
        values: [...(policies[group[0]] ?? [])].slice(0, 3),
        front: index === 0 ? 1 : 2,
      })),
      refused: Object.keys(policies).filter((policy) => ranked.every((group) => !group.includes(policy))),
    },
    policies: Object.entries(policies).map(([policy, [splits, idle, calls, failures = 0]], index) => ({
      policy,
      isBaseline: index === 0,
      runs: [{ seed: 1, events: 9, stateHash: 'ab' }],
      metrics: byMetric([
        ['splits-2m', spreadOf(splits)],
        ['shared-idle-byte-seconds', spreadOf(idle)],
        ['host-calls', spreadOf(calls)],
        ['full-flushes', spreadOf(0)],
        ['waited-share', spreadOf(0)],
        [
          'failures',
          { values: [failures, failures, failures], median: failures, min: failures, max: failures },
        ],
      ]),
      byOwner: [],
      timeline: [],
      worstCase: { blocksPeak: { formula: 'none known' }, blockSeconds: { formula: 'none known' } },
    })),
  };
}
