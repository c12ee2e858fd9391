import { MOST_ITEMS, offlineBound } from '../bounds/offline.ts';
import type { SweepInput, SweepPlan } from '../sweep/plan.ts';
import { RequestColumns } from '../sweep/request-columns.ts';
import type { SweepResults } from '../sweep/results.ts';
import type { InputBounds } from './text.ts';

/** The bounds of each input: what no policy can be below, and the best of a packing and of every policy that serves it. */
export function boundsOfInputs(plan: SweepPlan, results: SweepResults): InputBounds[] {
  const inputs = new Set(plan.scenarios.map(({ input }) => input));
  return [...inputs].map((input) => boundsOfInput(input, plan, results));
}

function boundsOfInput(input: SweepInput, plan: SweepPlan, results: SweepResults): InputBounds {
  const { name, lowerBounds } = input.facts;
  const scenario = plan.scenarios.find((known) => known.input === input);
  const columns = new RequestColumns(input.requests);
  const offline =
    scenario === undefined
      ? undefined
      : offlineBound(columns.slice(0, columns.length), scenario.platform, MOST_ITEMS);
  const packed = offline?.kind === 'packing' ? offline : undefined;
  const best = (metric: string, lower: number) => bestRun(results, name, metric, lower);
  return {
    input: name,
    blocksPeak: upperOf(
      lowerBounds.blocksPeak,
      packed?.blocksPeak,
      best('blocks-peak-ratio', lowerBounds.blocksPeak),
    ),
    blockSeconds: upperOf(
      lowerBounds.blockSeconds,
      packed === undefined ? undefined : Number(packed.blockNs) / 1e9,
      best('block-seconds-ratio', lowerBounds.blockSeconds),
    ),
    pagesPeak: packed?.pagesPeak,
  };
}

interface Candidate {
  readonly value: number;
  readonly from: string;
}

function upperOf(lower: number, packed: number | undefined, run: Candidate | undefined) {
  const candidates = [
    ...(packed === undefined ? [] : [{ value: packed, from: 'an offline packing' }]),
    ...(run === undefined ? [] : [run]),
  ];
  const best = candidates.toSorted((a, b) => a.value - b.value).at(0);
  return { lower, upper: best?.value ?? Number.POSITIVE_INFINITY, from: best?.from ?? 'nothing' };
}

/** The best that any run came to that refused nothing; its ratio is to the lower bound. */
function bestRun(
  { rows }: SweepResults,
  input: string,
  metric: string,
  lower: number,
): Candidate | undefined {
  const own = rows.filter((row) => row.input === input);
  const refused = new Set(
    own
      .filter((row) => row.metric === 'failures' && row.max > 0)
      .map(({ memory, platform, policy }) => `${memory} ${platform} ${policy}`),
  );
  return own
    .filter((row) => row.metric === metric && !refused.has(`${row.memory} ${row.platform} ${row.policy}`))
    .map((row) => ({ value: Math.round(row.min * lower * 1e9) / 1e9, from: row.policy }))
    .toSorted((a, b) => a.value - b.value)
    .at(0);
}
