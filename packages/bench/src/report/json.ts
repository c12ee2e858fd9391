import type { Comparison } from '../compare/compare.ts';
import { rank } from '../compare/ranking.ts';
import { notesOf } from './rows.ts';

/** Version of the results' shape. */
const RESULTS_VERSION = 2;

/** The comparison for machines: everything the table shows, unrounded, with every seed's value. */
export function comparisonJson(comparison: Comparison, command: string): string {
  const { input } = comparison;
  const [baseline] = comparison.policies;
  const results = {
    decpool: 'comparison',
    version: RESULTS_VERSION,
    command,
    input: {
      name: input.name,
      description: input.workload.description,
      requests: input.workload.requests.length,
      requestsHash: comparison.requests,
      peakLivePages: input.workload.peakLivePages,
    },
    ...(input.sanity === undefined ? {} : { trace: input.sanity }),
    memory: input.memory.name,
    platform: input.platform,
    ...(input.pageSource === undefined ? {} : { pageSource: input.pageSource }),
    ...(input.faults === undefined ? {} : { faults: input.faults }),
    seeds: input.seeds,
    notes: notesOf(comparison),
    ...(comparison.bounds === undefined ? {} : { bounds: comparison.bounds }),
    metrics: baseline.metrics.map(({ metric }) => metric),
    ranking: rankingJson(comparison),
    policies: comparison.policies.map(({ policy, runs, metrics, byOwner, timeline, worstCase }) => ({
      policy,
      isBaseline: policy === baseline.policy,
      runs,
      metrics: Object.fromEntries(metrics.map(({ metric, spread }) => [metric.id, spread])),
      // Of the first seed.
      byOwner,
      timeline,
      worstCase,
    })),
  };
  return `${JSON.stringify(results, null, 2)}\n`;
}

function rankingJson(comparison: Comparison) {
  const { objectives, ranked, refused } = rank(comparison);
  return { objectives: objectives.map(({ id }) => id), ranked, refused };
}
