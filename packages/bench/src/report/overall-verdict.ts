/** One verdict over several inputs: the policy that the rule of the ranking names, over all of them, and what it gains and costs over all of them. */
import type { MetricId } from '../metrics/metric.ts';
import { namedMetrics } from './named-metrics.ts';
import type { Results } from './results.ts';
import { type Difference, differenceText, hardlyDiffer, type Phrase, type Verdict } from './verdict.ts';

/** `best`: fewest failed requests in sum, then fewest 2M splits in sum, then the best mean place in the rankings. */
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
  const candidates = common.map(({ policy }) => ({
    policy,
    order: [
      total(figuresOf(inputs, policy, 'failures')),
      total(figuresOf(inputs, policy, 'splits-2m')),
      total(inputs.map((input) => placeOf(input, policy))),
    ],
  }));
  const none = { gains: [], prices: [] };
  const {
    policy: best,
    order: [failures],
  } = candidates.reduce((a, b) => (isBefore(b.order, a.order) ? b : a));
  const wins = inputs
    .map(({ ranking }) => ranking.ranked.at(0)?.policies ?? [])
    .filter((first) => first.includes(best));
  const firstIn = wins.length;
  const tiedIn = wins.filter((first) => first.length > 1).length;
  const head: Phrase = [
    `Best over all ${inputs.length} inputs: `,
    { policy: best },
    ` (first in ${firstIn} of ${inputs.length}${tiedIn === 0 ? '' : `, ${tiedIn} of them a tie`}).`,
    ...(failures === 0 ? [] : [` Every policy refused requests; it refused the fewest, ${failures}.`]),
  ];
  if (best === baseline) return { ...none, best, firstIn, lead: [[...head, ' It is the baseline.']] };
  const ofBaseline = total(figuresOf(inputs, baseline, 'failures'));
  if (ofBaseline > failures) {
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

/** 0 for the policies ranked first; a policy that is not ranked stands behind all that are. */
const placeOf = ({ ranking: { ranked } }: Results, policy: string): number => {
  const place = ranked.findIndex(({ policies }) => policies.includes(policy));
  return place === -1 ? ranked.length : place;
};

const isBefore = (a: readonly number[], b: readonly number[]): boolean => {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at >= 0 && a[at] < b[at];
};

/** Of each input. */
const figuresOf = (inputs: readonly Results[], name: string, id: MetricId): number[] =>
  inputs.map(({ policies }) => policies.find(({ policy }) => policy === name)?.metrics[id]?.median ?? 0);

function differencesOf(
  inputs: readonly Results[],
  ids: readonly MetricId[],
  policy: string,
  baseline: string,
  of: (values: readonly number[]) => number,
): Difference[] {
  const figureOf = (name: string, id: MetricId) => of(figuresOf(inputs, name, id));
  return namedMetrics(inputs[0].metrics, ids).map((metric) => ({
    metric,
    now: figureOf(policy, metric.id),
    before: figureOf(baseline, metric.id),
  }));
}
