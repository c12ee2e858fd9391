/** The results of a sweep by scenario: an input on a platform from a memory state. */
import { BASELINES } from '@decpool/pool';
import type { MetricId } from '../metrics/metric.ts';
import type { SweepResults, SweepRow } from '../sweep/results.ts';
import { groupedBy } from '../text/groups.ts';

/** What a pool has to beat: two kernels and the prototype of 2024. */
export const COMPARED: readonly string[] = ['linux-6.12', 'linux-7.3', 'gfp-decrypted'];

export interface PolicyFigures {
  readonly policy: string;
  readonly rows: ReadonlyMap<MetricId, SweepRow>;
}

export interface ScenarioFigures {
  readonly input: string;
  readonly memory: string;
  readonly platform: string;
  /** Policies that refused no more requests than the one that refused fewest. */
  readonly serving: readonly PolicyFigures[];
  /** The others, with the most requests that they refused under a seed; undefined if the run itself was refused. */
  readonly refusing: readonly { readonly policy: string; readonly refused: number | undefined }[];
}

/** Whether a policy is a pool that gathers what is shared. The others are what kernels do, or could do without one. */
export const isPool = ({ policy }: Pick<PolicyFigures, 'policy'>): boolean =>
  !Object.hasOwn(BASELINES, policy);

export const poolsOf = ({ serving }: ScenarioFigures): PolicyFigures[] => serving.filter(isPool);

export const comparedOf = ({ serving }: ScenarioFigures): PolicyFigures[] =>
  serving.filter(({ policy }) => COMPARED.includes(policy));

/** Median of a metric; 0 if the run has no such metric. */
export const medianOf = ({ rows }: PolicyFigures, metric: MetricId): number => rows.get(metric)?.median ?? 0;

export function scenariosOf({ runs, rows, policies }: SweepResults): ScenarioFigures[] {
  const scenarioOf = ({ input, memory, platform }: Pick<SweepRow, 'input' | 'memory' | 'platform'>) =>
    `${input}|${memory}|${platform}`;
  const rowsOf = groupedBy(rows, scenarioOf);
  return [...groupedBy(runs, scenarioOf)].map(([key, [{ input, memory, platform }]]) => {
    const byPolicy = groupedBy(rowsOf.get(key) ?? [], ({ policy }) => policy);
    const all = policies.map((policy) => ({
      policy,
      rows: new Map((byPolicy.get(policy) ?? []).map((row) => [row.metric, row])),
    }));
    const refusals = (figures: PolicyFigures) => figures.rows.get('failures')?.max ?? 0;
    const ran = all.filter((figures) => figures.rows.size > 0);
    const least = Math.min(...ran.map(refusals));
    const serving = ran.filter((figures) => refusals(figures) <= least);
    const refusing = all
      .filter((figures) => !serving.includes(figures))
      .map((figures) => ({
        policy: figures.policy,
        refused: figures.rows.size > 0 ? refusals(figures) : undefined,
      }));
    return { input, memory, platform, serving, refusing };
  });
}

/** Of these, the policies with the smallest median, and that row. */
export function bestOf(
  policies: readonly PolicyFigures[],
  metric: MetricId,
): { readonly policies: readonly string[]; readonly row: SweepRow } | undefined {
  const known = policies.flatMap(({ policy, rows }) => {
    const row = rows.get(metric);
    return row === undefined ? [] : [{ policy, row }];
  });
  if (known.length === 0) return undefined;
  const least = Math.min(...known.map(({ row }) => row.median));
  const best = known.filter(({ row }) => row.median === least);
  return { policies: best.map(({ policy }) => policy), row: best[0].row };
}
