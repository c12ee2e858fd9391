/** Results of sweeps that are made up, for specs. */
import type { MetricId } from '../metrics/metric.ts';
import { metricOf } from '../metrics/metric.ts';
import type { SweepResults, SweepRow } from '../sweep/results.ts';

/** Values by seed. */
type Values = Readonly<Partial<Record<MetricId, readonly number[]>>>;

interface MadeScenario {
  readonly input?: string;
  readonly memory?: string;
  readonly platform?: string;
  readonly policies: Readonly<Record<string, Values>>;
}

/** What is not given is 0 for every seed; the lower bound is 10 blocks. */
const ZERO: readonly MetricId[] = [
  'failures',
  'splits-2m',
  'mixed-peak',
  'blocks-peak',
  'host-calls',
  'shared-idle-mean',
  'shared-idle-byte-seconds',
  'full-flushes',
  'bounce-pool-idle-mean',
  'atomic-pool-idle-mean',
];

export function madeResults(seeds: number, scenarios: readonly MadeScenario[]): SweepResults {
  const places = scenarios.map(({ input = 'netvsc', memory = 'fresh', platform = 'snp', policies }) => ({
    place: { input, memory, platform },
    policies,
  }));
  const names = <Name>(all: readonly Name[]) => [...new Set(all)];
  const policies = names(places.flatMap((one) => Object.keys(one.policies)));
  const rows = places.flatMap(({ place, policies }) =>
    Object.entries(policies).flatMap(([policy, values]) =>
      names([...ZERO, ...(Object.keys(values) as MetricId[])]).map(
        (metric) =>
          ({
            ...place,
            policy,
            metric,
            unit: metricOf(metric).unit,
            values: values[metric] ?? Array(seeds).fill(0),
          }) as unknown as SweepRow,
      ),
    ),
  );
  return {
    policies,
    rows,
    runs: [],
    inputs: names(places.map(({ place }) => place.input)).map((name) => ({
      name,
      lowerBounds: {
        blocksPeak: 10,
        blockSeconds: 0,
        beyondSlots: { blocksPeak: 10, leastIdle: [8, 6, 4, 3] },
      },
    })),
    memory: names(places.map(({ place }) => place.memory)).map((name) => ({ name })),
    definition: { seeds: Array.from({ length: seeds }, (_, seed) => seed + 1) },
  } as unknown as SweepResults;
}
