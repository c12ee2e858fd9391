/**
 * The results of a sweep by scenario: what policies are compared in, and what each came to. A scenario is an input on a
 * platform from a memory state.
 */
import type { Metric } from '../metrics/metric.ts';
import type { SweepResults, SweepRow } from '../sweep/results.ts';

export interface PolicyFigures {
  readonly policy: string;
  readonly rows: ReadonlyMap<string, SweepRow>;
}

export interface ScenarioFigures {
  readonly input: string;
  readonly memory: string;
  readonly platform: string;
  /** Policies that refused no more requests than the one that refused fewest. */
  readonly serving: readonly PolicyFigures[];
  /** The others, with the most requests that they refused under a seed; undefined where the run itself was refused. */
  readonly refusing: readonly { readonly policy: string; readonly refused: number | undefined }[];
}

/** Median of a metric; 0 where the run has no such metric. */
export const medianOf = ({ rows }: PolicyFigures, metric: string): number => rows.get(metric)?.median ?? 0;

export function scenariosOf(results: SweepResults): ScenarioFigures[] {
  const scenarios = new Map<string, { which: Which; policies: Map<string, Map<string, SweepRow>> }>();
  for (const { input, memory, platform } of results.runs) {
    const key = JSON.stringify([input, memory, platform]);
    if (!scenarios.has(key)) scenarios.set(key, { which: { input, memory, platform }, policies: new Map() });
  }
  for (const row of results.rows) {
    const scenario = scenarios.get(JSON.stringify([row.input, row.memory, row.platform]));
    const rows = scenario?.policies.get(row.policy) ?? new Map<string, SweepRow>();
    rows.set(row.metric, row);
    scenario?.policies.set(row.policy, rows);
  }
  return [...scenarios.values()].map(({ which, policies }) => scenarioOf(which, policies, results.policies));
}

type Which = Pick<ScenarioFigures, 'input' | 'memory' | 'platform'>;

function scenarioOf(
  which: Which,
  rowsOf: ReadonlyMap<string, ReadonlyMap<string, SweepRow>>,
  names: readonly string[],
): ScenarioFigures {
  const all = names.flatMap((policy) => {
    const rows = rowsOf.get(policy);
    return rows === undefined ? [] : [{ policy, rows }];
  });
  const least = Math.min(...all.map((policy) => policy.rows.get('failures')?.max ?? 0));
  const isServing = ({ rows }: PolicyFigures) => (rows.get('failures')?.max ?? 0) <= least;
  return {
    ...which,
    serving: all.filter(isServing),
    refusing: names.flatMap((policy): ScenarioFigures['refusing'] => {
      const figures = all.find((known) => known.policy === policy);
      if (figures === undefined) return [{ policy, refused: undefined }];
      return isServing(figures) ? [] : [{ policy, refused: figures.rows.get('failures')?.max ?? 0 }];
    }),
  };
}

/** Of these, the policies with the smallest median, and that row. */
export function bestOf(
  policies: readonly PolicyFigures[],
  metric: string,
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

/** Throws TypeError for an id that the results do not have. */
export function metricOf({ metrics }: SweepResults, id: string): Metric {
  const found = metrics.find((metric) => metric.id === id);
  if (found === undefined) throw new TypeError(`no metric ${id}`);
  return found;
}
