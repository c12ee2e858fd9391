import { allocationId, nanoseconds, platformNamed, type Request } from '@decpool/model';
import { fragmented, freshBoot } from '@decpool/pool';
import { type Comparison, compare } from '../compare/compare.ts';
import { rank } from '../compare/ranking.ts';
import { spreadOf } from '../compare/spread.ts';
import { byMetric, METRICS, type MetricId } from '../metrics/metric.ts';
import { RequestList } from '../workloads/request-list.ts';
import { workload } from '../workloads/workload.ts';
import type { Results } from './results.ts';
import { madeOf } from './testing-made.ts';

/** For specs: what a report is made of, small enough to be read whole. */
export function tinyComparison(): Promise<Comparison> {
  const owner = 'nic0';
  const api = 'alloc_pages_exact';
  const requests: Request[] = [3, 600, 2000].map((pages, index) => ({
    kind: 'allocate',
    time: nanoseconds(index * 1e9),
    allocation: allocationId(index + 1),
    api,
    pages,
    bytes: pages * 4096,
    owner,
  }));
  requests.push({ kind: 'free', time: nanoseconds(3e9), allocation: allocationId(1) });
  return compare({
    name: 'tiny',
    workload: workload({
      name: 'tiny',
      description: 'Three buffers of a NIC.',
      requests,
      notes: ['made up'],
    }),
    memory: freshBoot(64 * 2 ** 20),
    platform: platformNamed('snp'),
    policies: ['gfp-decrypted', 'first-fit+block+immediate'],
    seeds: [1, 2, 3],
    hasBootPools: false,
    notes: ['one of the buffers is more than the page allocator has in one piece'],
  });
}

/** For specs: the five policies that are compared by default, where it matters to them where free chunks lie. */
export function fiveComparison(): Promise<Comparison> {
  const list = new RequestList();
  const ring = (time: number, owner: string, pages: number) =>
    list.allocate(nanoseconds(time * 1e9), { api: 'alloc_pages', pages, bytes: pages * 4096, owner });
  for (let nic = 0; nic < 3; nic++) {
    const time = 10 * nic;
    const channels = [0, 1, 2, 3].map((channel) => ring(time + channel, `nic${nic} ring`, 256));
    const pages = 1000;
    const wanted = { api: 'vmalloc', pages, bytes: pages * 4096, owner: `nic${nic} receive buffer` } as const;
    const buffer = list.allocate(nanoseconds((time + 4) * 1e9), wanted);
    ring(time + 5, 'hv_utils heartbeat', 8);
    for (const channel of channels.slice(nic)) list.free(nanoseconds((time + 8) * 1e9), channel);
    if (nic === 1) list.free(nanoseconds((time + 9) * 1e9), buffer);
  }
  return compare({
    name: 'five',
    workload: workload({
      name: 'five',
      description: 'Three NICs that are set up one after the other.',
      requests: list.requests,
      notes: ['made up for a spec'],
    }),
    memory: fragmented(256 * 2 ** 20, 0.5, 1),
    platform: platformNamed('snp'),
    policies: ['linux-7.3', 'decpool', 'first-fit+never-return', 'gfp-decrypted', 'linux-6.12'],
    seeds: [1, 2, 3, 4, 5],
    hasBootPools: false,
    notes: [],
  });
}

/** Medians by metric id, of each policy; the first is the baseline. */
export type Figures = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * Results with these figures alone, ranked by their objectives as a comparison would be: a policy that has `failures` refused requests.
 * `spread`: what the seeds differ by, in each value but 0.
 */
export function resultsWith(figures: Figures, { spread = 0, name = 'made' } = {}): Results {
  const ids = [...new Set(Object.values(figures).flatMap((metrics) => Object.keys(metrics)))];
  const metrics = [...new Set(['failures', ...OBJECTIVES, ...ids])].map((id) => {
    const metric = METRICS.find((each) => each.id === id);
    if (metric === undefined) throw new Error(`no metric '${id}'`);
    return metric;
  });
  const policies = Object.entries(figures).map(([policy, values]) => ({
    policy,
    metrics: metrics.map((metric) => {
      const median = values[metric.id] ?? 0;
      const off = median === 0 ? 0 : spread / 2;
      return { metric, spread: spreadOf([median - off, median, median + off]) };
    }),
  }));
  const platform = platformNamed('snp');
  const { objectives, ranked, refused } = rank({ input: { platform }, policies } as unknown as Comparison);
  return {
    ...madeOf(name),
    platform: { ...platform },
    notes: [],
    metrics,
    ranking: {
      isParetoWanted: false,
      objectives: objectives.map(({ id }) => id),
      ranked,
      refused,
    },
    policies: policies.map(({ policy, metrics: compared }, index) => ({
      policy,
      isBaseline: index === 0,
      runs: [1, 2, 3].map((seed) => ({ seed, events: 1, stateHash: 'cd' })),
      metrics: byMetric(compared.map(({ metric, spread }) => [metric.id, spread])),
      byOwner: [],
      timeline: [],
      worstCase: { blocksPeak: { formula: '' }, blockSeconds: { formula: '' } },
    })),
  };
}

const OBJECTIVES = ['splits-2m', 'shared-idle-byte-seconds', 'host-calls'];

/** The results with other values of one metric, for each policy. */
export const withValues = (
  results: Results,
  id: MetricId,
  values: readonly (readonly number[])[],
): Results => ({
  ...results,
  policies: results.policies.map((policy, index) => ({
    ...policy,
    metrics: { ...policy.metrics, [id]: spreadOf(values[index]) },
  })),
});
