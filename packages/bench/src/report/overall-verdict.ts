/** One verdict over several inputs: the policy with the best mean rank, and what it gains and costs over all of them. */
import type { MetricId } from '../metrics/metric.ts';
import type { Results } from './results.ts';
import { type Difference, differenceText, hardlyDiffer, type Phrase } from './verdict.ts';

export interface OverallVerdict {
  /** The policy with the best mean place; missing if no policy serves every request of every input. */
  readonly best?: string;
  /** Inputs in which it is ranked first. */
  readonly firstIn: number;
  readonly gains: readonly Difference[];
  readonly prices: readonly Difference[];
  readonly lead: readonly Phrase[];
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
    .filter(({ places }) => places.every((place) => place !== undefined));
  const isServed = candidates.some(({ policy }) => policy === baseline);
  if (candidates.length === 0) {
    return {
      firstIn: 0,
      gains: [],
      prices: [],
      lead: [[`Over all ${inputs.length} inputs: every policy refused a request of some input.`]],
    };
  }
  const sum = (places: readonly (number | undefined)[]) =>
    places.reduce<number>((total, place) => total + (place ?? 0), 0);
  const best = candidates.reduce((a, b) => (sum(b.places) < sum(a.places) ? b : a));
  const places = inputs.map(({ ranking }) => ranking.ranked.at(0)?.policies ?? []);
  const firstIn = places.filter((first) => first.includes(best.policy)).length;
  const tiedIn = places.filter((first) => first.includes(best.policy) && first.length > 1).length;
  const head: Phrase = [
    `Best over all ${inputs.length} inputs: `,
    { policy: best.policy },
    ` (first in ${firstIn} of ${inputs.length}${tiedIn === 0 ? '' : `, ${tiedIn} of them a tie`}).`,
  ];
  if (best.policy === baseline) {
    return { best: baseline, firstIn, gains: [], prices: [], lead: [[...head, ' It is the baseline.']] };
  }
  const compared = (ids: readonly MetricId[], of: (values: readonly number[]) => number) =>
    isServed ? ids.flatMap((id) => differenceIn(inputs, id, best.policy, baseline, of)) : [];
  const figures = [...compared(SUMMED, total), ...compared(LARGEST, (values) => Math.max(...values))];
  const telling = figures.filter(({ now, before }) => !hardlyDiffer(now, before));
  const gains = telling.filter(({ now, before }) => now < before);
  const prices = telling.filter(({ now, before }) => now > before);
  return {
    best: best.policy,
    firstIn,
    gains,
    prices,
    lead: [
      [...head, ...against(baseline, isServed, gains)],
      ...(prices.length === 0 ? [] : [[`Price: ${prices.map(overallText).join(', ')}.`]]),
    ],
  };
}

function against(baseline: string, isServed: boolean, gains: readonly Difference[]): Phrase {
  if (!isServed) return [' The baseline ', { policy: baseline }, ' refused requests.'];
  if (gains.length === 0) return [];
  return [' Against ', { policy: baseline }, `: ${gains.map(overallText).join(', ')}.`];
}

/** Counts are sums over the inputs, memory is that of the worst input. */
const overallText = (difference: Difference): string =>
  difference.metric.unit === 'bytes'
    ? `at most ${differenceText(difference)}`
    : `${differenceText(difference)} in sum`;

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** 0 for the policies ranked first; undefined for a policy that refused requests, or was not run. */
function placeOf({ ranking }: Results, policy: string): number | undefined {
  const place = ranking.ranked.findIndex(({ policies }) => policies.includes(policy));
  return place === -1 ? undefined : place;
}

function differenceIn(
  inputs: readonly Results[],
  id: MetricId,
  policy: string,
  baseline: string,
  of: (values: readonly number[]) => number,
): Difference[] {
  const metric = inputs[0].metrics.find((each) => each.id === id);
  if (metric === undefined) return [];
  const figureOf = (name: string) =>
    of(inputs.map((input) => input.policies.find((each) => each.policy === name)?.metrics[id]?.median ?? 0));
  return [{ metric, now: figureOf(policy), before: figureOf(baseline) }];
}
