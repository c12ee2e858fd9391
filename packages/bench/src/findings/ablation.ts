/** What each rule of decpool is worth: the same pool without it, over the scenarios of a sweep. */
import { InputError } from '@decpool/model';
import type { MetricId } from '../metrics/metric.ts';
import type { SweepResults } from '../sweep/results.ts';
import { numberColumn, tableOf, textColumn } from '../text/table.ts';
import { dominatorsOf, type Grid, gridOf, seedsOf, servedValueOf, serves } from './grid.ts';
import { medianOf } from './uncertainty.ts';

export const POOL = 'decpool';

/** Each rule, and the pool that differs from decpool in it alone; decpool.spec.ts proves that all else is the same. */
export const ABLATIONS: readonly { readonly instead: string; readonly policy: string }[] = [
  { instead: 'no slots of swiotlb', policy: 'longest-free-range+block+hysteresis:1+shrinker' },
  {
    instead: 'a reserve, no slots',
    policy: 'longest-free-range+block+reserve:64:512+hysteresis:1+shrinker',
  },
  {
    instead: 'slots and a reserve',
    policy: 'longest-free-range+block+reserve:64:512+hysteresis:1+shrinker+swiotlb',
  },
  {
    instead: 'converts pages, not blocks',
    policy: 'longest-free-range+page+hysteresis:1+shrinker+swiotlb',
  },
  {
    instead: 'claims 4 MiB at a time',
    policy: 'longest-free-range+block:4+hysteresis:1+shrinker+swiotlb',
  },
  { instead: 'place: first fit', policy: 'first-fit+block+hysteresis:1+shrinker+swiotlb' },
  { instead: 'place: best fit', policy: 'best-fit+block+hysteresis:1+shrinker+swiotlb' },
  { instead: 'returns at once', policy: 'longest-free-range+block+immediate+shrinker+swiotlb' },
  { instead: 'returns after 10 s', policy: 'longest-free-range+block+hysteresis:10+shrinker+swiotlb' },
  { instead: 'never returns', policy: 'longest-free-range+block+never-return+swiotlb' },
  {
    instead: 'returns if memory is short',
    policy: 'longest-free-range+block+never-return+shrinker+swiotlb',
  },
  { instead: 'no shrinker', policy: 'longest-free-range+block+hysteresis:1+swiotlb' },
];

/** A row of the table. */
interface Worth {
  readonly instead: string;
  /** Scenarios in which it refused no more requests than the policy that refused fewest. */
  readonly served: number;
  /** 2M splits and mixed ranges, sums of the medians over the scenarios served. */
  readonly splits: number;
  readonly mixed: number;
  /** Medians over the runs that both serve, of figures over those of decpool. */
  readonly blocks: number;
  readonly hostCalls: number;
  readonly idleMean: number;
  /** Scenarios in which it dominates decpool under every seed; and the reverse. */
  readonly better: number;
  readonly worse: number;
}

/** The table. Throws InputError if the sweep is not one of decpool and of these pools. */
export function ablationText(results: SweepResults): string {
  const known = [{ instead: POOL, policy: POOL }, ...ABLATIONS];
  const missing = known.filter(({ policy }) => !results.policies.includes(policy));
  if (missing.length > 0) {
    throw new InputError(
      `the sweep lacks ${missing.map(({ policy }) => `'${policy}'`).join(', ')}; an ablation needs decpool and the pools without one of its rules, as in examples/sweeps/ablation.json`,
    );
  }
  const grid = gridOf(results);
  const rows = known.map(({ instead, policy }) => worthOf(instead, policy, grid));
  const ratio = (value: number) => `x${value.toPrecision(3)}`;
  const table = tableOf<Worth>(
    [
      [textColumn('instead'), ({ instead }) => instead],
      [numberColumn('served'), ({ served }) => served],
      [numberColumn('2M splits'), ({ splits }) => splits],
      [numberColumn('mixed'), ({ mixed }) => mixed],
      [numberColumn('blocks'), ({ blocks }) => ratio(blocks)],
      [numberColumn('host calls'), ({ hostCalls }) => ratio(hostCalls)],
      [numberColumn('mean idle'), ({ idleMean }) => ratio(idleMean)],
      [numberColumn('better'), ({ better }) => better],
      [numberColumn('worse'), ({ worse }) => worse],
    ],
    rows,
  );
  return `${table}
decpool with one rule replaced, over ${grid.scenarios.length} scenarios. served: scenarios in which it refuses fewest requests.
2M splits, mixed 2M ranges at peak: sums. blocks at peak, host calls, mean idle memory: medians of the ratio to
decpool. better, worse: scenarios in which it dominates decpool in splits, mixed ranges, idle memory and host
calls, or decpool dominates it.
`;
}

function worthOf(instead: string, policy: string, { scenarios, runs }: Grid): Worth {
  const served = scenarios.filter((scenario) => seedsOf(scenario).every((run) => serves(run, policy)));
  const sum = (metric: MetricId) =>
    served
      .map((scenario) => medianOf(seedsOf(scenario).map((run) => servedValueOf(run, policy, metric))))
      .reduce((all, median) => all + median, 0);
  const ratio = (metric: MetricId) =>
    medianOf(
      runs
        .filter((run) => servedValueOf(run, POOL, metric) > 0)
        .map((run) => servedValueOf(run, policy, metric) / servedValueOf(run, POOL, metric)),
    );
  const dominated = (by: string, one: string) =>
    scenarios.filter((scenario) =>
      seedsOf(scenario).every((run) => serves(run, one) && dominatorsOf(run, one).includes(by)),
    ).length;
  return {
    instead,
    served: served.length,
    splits: sum('splits-2m'),
    mixed: sum('mixed-peak'),
    blocks: ratio('blocks-peak'),
    hostCalls: ratio('host-calls'),
    idleMean: ratio('shared-idle-mean'),
    better: dominated(policy, POOL),
    worse: dominated(POOL, policy),
  };
}
