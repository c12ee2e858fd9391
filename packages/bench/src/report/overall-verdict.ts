/** One verdict over several inputs: the policy with the best mean rank, and what it gains and costs over all of them. */
import type { MetricId } from '../metrics/metric.ts';
import { namedMetrics } from './named-metrics.ts';
import type { Results } from './results.ts';
import { type Difference, differenceText, hardlyDiffer, type Phrase, type Verdict } from './verdict.ts';

/** `best` has the best mean place; missing if no policy serves every request of every input. */
export interface OverallVerdict extends Pick<Verdict, 'best' | 'gains' | 'prices' | 'lead'> {
  readonly firstIn: number;
}

/** Summed up over the inputs. */
const SUMMED: readonly MetricId[] = ['splits-2m', 'host-calls'];
/** The largest of the inputs. */
const LARGEST: readonly MetricId[] = ['shared-idle-peak'];

/** Undefined for fewer than two inputs, or inputs that have not the same baseline and another policy in common. */
export function overallVerdict(all: readonly Results[]): OverallVerdict | undefined {
  const inputs = all.filter(({ platform, policies }) => platform.confidential && policies.length > 1);
  const [first] = inputs;
  if (inputs.length < 2) return undefined;
  const baseline = first.policies[0].policy;
  if (inputs.some(({ policies }) => policies[0].policy !== baseline)) return undefined;
  const common = first.policies.filter(({ policy }) =>
    inputs.every(({ policies }) => policies.some((other) => other.policy === policy)),
  );
  if (common.length < 2) return undefined;
  const candidates = common
    .map(({ policy }) => ({ policy, places: inputs.map((input) => placeOf(input, policy)) }))
    .filter(({ places }) => !places.includes(-1));
  const none = { gains: [], prices: [] };
  if (candidates.length === 0) {
    const lead = `Over all ${inputs.length} inputs: every policy refused a request of some input.`;
    return { ...none, firstIn: 0, lead: [[lead]] };
  }
  const best = candidates.reduce((a, b) => (total(b.places) < total(a.places) ? b : a)).policy;
  const wins = inputs
    .map(({ ranking }) => ranking.ranked[0].policies)
    .filter((first) => first.includes(best));
  const firstIn = wins.length;
  const tiedIn = wins.filter((first) => first.length > 1).length;
  const head: Phrase = [
    `Best over all ${inputs.length} inputs: `,
    { policy: best },
    ` (first in ${firstIn} of ${inputs.length}${tiedIn === 0 ? '' : `, ${tiedIn} of them a tie`}).`,
  ];
  if (best === baseline) return { ...none, best, firstIn, lead: [[...head, ' It is the baseline.']] };
  if (candidates.every(({ policy }) => policy !== baseline)) {
    const refused = [' The baseline ', { policy: baseline }, ' refused requests.'];
    return { ...none, best, firstIn, lead: [[...head, ...refused]] };
  }
  const figures = [
    ...differencesOf(inputs, SUMMED, best, baseline, total),
    ...differencesOf(inputs, LARGEST, best, baseline, (values) => Math.max(...values)),
  ];
  const telling = figures.filter(({ now, before }) => !hardlyDiffer(now, before));
  const gains = telling.filter(({ now, before }) => now < before);
  const prices = telling.filter(({ now, before }) => now > before);
  const against =
    gains.length === 0 ? [] : [' Against ', { policy: baseline }, `: ${gains.map(overallText).join(', ')}.`];
  const price = prices.length === 0 ? [] : [[`Price: ${prices.map(overallText).join(', ')}.`]];
  return { best, firstIn, gains, prices, lead: [[...head, ...against], ...price] };
}

/** Counts are sums over the inputs, memory is that of the worst input. */
const overallText = (difference: Difference): string =>
  difference.metric.unit === 'bytes'
    ? `at most ${differenceText(difference)}`
    : `${differenceText(difference)} in sum`;

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** 0 for the policies ranked first; -1 for a policy that refused requests, or was not run. */
const placeOf = ({ ranking }: Results, policy: string): number =>
  ranking.ranked.findIndex(({ policies }) => policies.includes(policy));

function differencesOf(
  inputs: readonly Results[],
  ids: readonly MetricId[],
  policy: string,
  baseline: string,
  of: (values: readonly number[]) => number,
): Difference[] {
  const figureOf = (name: string, id: MetricId) =>
    of(inputs.map((input) => input.policies.find((each) => each.policy === name)?.metrics[id]?.median ?? 0));
  return namedMetrics(inputs[0].metrics, ids).map((metric) => ({
    metric,
    now: figureOf(policy, metric.id),
    before: figureOf(baseline, metric.id),
  }));
}
