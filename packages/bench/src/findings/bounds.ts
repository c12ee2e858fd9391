import { MAX_ITEMS, offlineBound } from '../bounds/offline.ts';
import { RequestColumns } from '../compare/request-columns.ts';
import type { MetricId } from '../metrics/metric.ts';
import type { SweepInput, SweepPlan } from '../sweep/plan.ts';
import type { SweepResults, SweepRow } from '../sweep/results.ts';

export type InputBounds = ReturnType<typeof boundsOfInput>;

/** The bounds of each input: what no policy can be below, and the best of a packing and of every policy that serves it. */
export function boundsOfInputs(plan: SweepPlan, results: SweepResults): InputBounds[] {
  const inputs = new Set(plan.scenarios.map(({ input }) => input));
  return [...inputs].map((input) => boundsOfInput(input, plan, results));
}

function boundsOfInput(input: SweepInput, plan: SweepPlan, results: SweepResults) {
  const { name, lowerBounds } = input.facts;
  const scenario = plan.scenarios.find((known) => known.input === input);
  const columns = new RequestColumns(input.requests);
  const offline = scenario && offlineBound(columns.slice(0, columns.length), scenario.platform, MAX_ITEMS);
  const packed = offline?.kind === 'packing' ? offline : undefined;
  const bound = (lower: number, ratio: MetricId, packedTo: number | undefined) => {
    const packing = packedTo === undefined ? [] : [{ upper: packedTo, from: 'an offline packing' }];
    const candidates = [...packing, ...boundsByRuns(results, name, ratio, lower)];
    const [best] = candidates.toSorted((a, b) => a.upper - b.upper);
    const { upper, from } = best ?? { upper: Number.POSITIVE_INFINITY, from: 'nothing' };
    /** `from`: the policy that comes to the upper bound, or an offline packing. */
    return { lower, upper, from };
  };
  return {
    input: name,
    blocksPeak: bound(lowerBounds.blocksPeak, 'blocks-peak-ratio', packed?.blocksPeak),
    blockSeconds: bound(
      lowerBounds.blockSeconds,
      'block-seconds-ratio',
      packed && Number(packed.blockNs) / 1e9,
    ),
    /** Most pages at one time once small objects are in slabs: no packing of pages is below it. */
    pagesPeak: packed?.pagesPeak,
  };
}

/** What each policy came to that refused nothing in a scenario of the input; its ratio is to the lower bound. */
function boundsByRuns({ rows }: SweepResults, input: string, ratio: MetricId, lower: number) {
  const scenarioOf = ({ memory, platform, policy }: SweepRow) => `${memory} ${platform} ${policy}`;
  const own = rows.filter((row) => row.input === input);
  const refused = new Set(own.filter((row) => row.metric === 'failures' && row.max > 0).map(scenarioOf));
  return own
    .filter((row) => row.metric === ratio && !refused.has(scenarioOf(row)))
    .map((row) => ({ upper: Math.round(row.min * lower * 1e9) / 1e9, from: row.policy }));
}
