/** Two runs of the same comparison, an older one and the one now, and how each figure changed. */
import { isDeepStrictEqual } from 'node:util';
import { InputError } from '@decpool/model';
import { shortPolicyName } from '@decpool/pool/policy-names';
import { changePercent, type Spread } from '../compare/spread.ts';
import type { Metric } from '../metrics/metric.ts';
import { listed, present } from '../text/listed.ts';
import type { PolicyResults, Results, Setting } from './results.ts';
import { type Change, changeOf } from './rows.ts';

/** The change of one metric of one policy. */
export interface Delta extends Change {
  readonly policy: string;
  readonly metric: Metric;
  readonly before: Spread;
  readonly now: Spread;
  /** Change in percent of the older value; undefined if that was 0 and the newer one is not. */
  readonly percent: number | undefined;
}

/** What changed between two comparisons of the same input. */
export interface Against {
  /** Differences other than the code: workload, memory, platform, settings or seeds. */
  readonly differences: readonly string[];
  /** In the order of the policies now, then of the metrics. */
  readonly deltas: readonly Delta[];
  readonly onlyNow: readonly string[];
  readonly onlyBefore: readonly string[];
}

/** Throws InputError if the runs have no policy in common. */
export function againstOf(now: Results, before: Results): Against {
  const both = now.policies.flatMap((policy) => {
    const old = before.policies.find((other) => isSame(other.policy, policy.policy));
    return old === undefined ? [] : [{ policy, old }];
  });
  if (both.length === 0) {
    throw new InputError(
      `input '${now.input.name}': the two runs have no policy in common: ${namesOf(now)} now, ${namesOf(before)} before`,
    );
  }
  const missing = (from: Results, other: Results) =>
    from.policies
      .map(({ policy }) => policy)
      .filter((name) => !other.policies.some(({ policy }) => isSame(policy, name)));
  return {
    differences: [
      ...(now.input.requestsHash === before.input.requestsHash ? [] : ['requests']),
      ...differencesOf(now, before),
    ],
    deltas: both.flatMap(({ policy, old }) => deltasOf(now.metrics, policy, old)),
    onlyNow: missing(now, before),
    onlyBefore: missing(before, now),
  };
}

/** An older run may name parts that are the default. */
const isSame = (a: string, b: string): boolean => shortPolicyName(a) === shortPolicyName(b);

const namesOf = ({ policies }: Results): string => policies.map(({ policy }) => policy).join(', ');

const deltasOf = (metrics: readonly Metric[], policy: PolicyResults, old: PolicyResults): Delta[] =>
  metrics.flatMap((metric) => {
    const [now, before] = [policy.metrics[metric.id], old.metrics[metric.id]];
    if (before === undefined || now === undefined) return [];
    const percent = changePercent(now.median, before.median);
    return [{ policy: policy.policy, metric, before, now, percent, ...changeOf(metric, now, before) }];
  });

/** What two runs must have in common, so that only the code differs. `of`: the value that is compared. */
const CONDITIONS: readonly (readonly [
  what: string,
  text: (setting: Setting) => string,
  of: (setting: Setting) => unknown,
])[] = [
  ['memory', ({ memory, memoryHash }) => `${memory} (${memoryHash.slice(0, 12)})`, (run) => run.memoryHash],
  ['platform', ({ platform }) => platform.name, ({ platform }) => platform],
  ['page source', ({ pageSource }) => pageSourceText(pageSource), ({ pageSource }) => pageSource],
  ['faults', ({ faults }) => faultsText(faults), ({ faults }) => faults],
  ['bounce buffers', (run) => (run.swiotlbDynamic ? 'grow' : 'fixed'), (run) => run.swiotlbDynamic],
  ['seeds', ({ seeds }) => seeds.join(', '), ({ seeds }) => seeds],
];

/** `Linux 7.x with per-CPU lists`. */
function pageSourceText(pageSource: Setting['pageSource']): string {
  if (pageSource === undefined) return 'default';
  const { kernel, perCpuLists, compaction, reclaim } = pageSource;
  const parts = present([
    perCpuLists === true && 'per-CPU lists',
    compaction === true && 'compaction',
    reclaim === true && 'reclaim',
  ]);
  return `Linux ${kernel}${parts.length === 0 ? '' : ` with ${listed(parts)}`}`;
}

/** As `--faults` takes them: `decrypt=0.1,encrypt=0`. */
export const faultsText = (faults: Setting['faults']): string =>
  faults === undefined
    ? 'none'
    : Object.entries(faults)
        .map(([name, value]) => `${name}=${value}`)
        .join(',');

export const differencesOf = (now: Setting, before: Setting): string[] =>
  CONDITIONS.filter(([, , of]) => !isDeepStrictEqual(of(now), of(before))).map(([what, text]) =>
    text(now) === text(before)
      ? `${what}: both are ${text(now)}, with other parameters`
      : `${what}: ${text(now)} now, ${text(before)} before`,
  );

/**
 * Figures that became worse by more than `mostPercent` (percentages: by more than so many points), if their ranges over the seeds
 * do not overlap. Any increase from 0 counts. Neutral metrics and metrics that tables show only on request are not judged.
 */
export const regressionsIn = ({ deltas }: Against, mostPercent: number): Delta[] =>
  deltas.filter(
    (delta) =>
      delta.metric.shown === undefined &&
      delta.isBetter === false &&
      delta.isNoise !== true &&
      isBeyond(delta, mostPercent),
  );

const isBeyond = ({ metric, now, before, percent }: Delta, most: number): boolean =>
  metric.unit === 'percent'
    ? Math.abs(now.median - before.median) > most
    : percent === undefined || Math.abs(percent) > most;
