/** What a comparison says, in one or two sentences: which policy is best, what it gains against the baseline, at what price. */

import { shortPolicyName } from '@decpool/pool/policy-names';
import { changePercent } from '../compare/spread.ts';
import type { Metric, MetricId } from '../metrics/metric.ts';
import { compactUnit, compactValue } from '../text/compact.ts';
import { countText } from '../text/counts.ts';
import { listed } from '../text/listed.ts';
import { formatChange, formatValue, SMALL_CHANGE } from '../text/units.ts';
import { namedMetrics } from './named-metrics.ts';
import { isWithinNoise } from './noise.ts';
import type { PolicyResults, Results } from './results.ts';

/** Text, and names of policies in it. */
export type Phrase = readonly (string | { readonly policy: string })[];

export interface Difference {
  readonly metric: Metric;
  readonly now: number;
  readonly before: number;
}

/** What a comparison says in two sentences, with the figures behind them. */
export interface Verdict {
  /**
   * `best`: a policy is ranked before the baseline. `baseline`: the baseline is ranked first. `same`: the ranking tells no policy
   * from another. `refused`: none is ranked, as in results of an older decpool if every policy refused requests. `alone`: one policy
   * was run. `nothing shared`: no confidential VM.
   */
  readonly outcome: 'best' | 'baseline' | 'same' | 'refused' | 'alone' | 'nothing shared';
  /** The policy that is ranked first; missing if none is ranked, or all alike. */
  readonly best?: string;
  /** Beyond the spread over the seeds, one of a kind. Empty if the baseline refused requests. */
  readonly gains: readonly Difference[];
  readonly prices: readonly Difference[];
  readonly lead: readonly Phrase[];
  /** What one has to know to read it right; a sentence each. */
  readonly also: readonly Phrase[];
}

/** Figures of one kind, the most telling first: a sentence names one of each. The kinds are those that policies are ranked by. */
const KINDS: readonly (readonly MetricId[])[] = [
  ['splits-2m', 'mixed-peak'],
  ['host-calls', 'full-flushes', 'pages-converted'],
  ['shared-idle-mean', 'shared-idle-peak', 'kept-unused'],
];

const name = (policy: string) => ({ policy });

/** Which policy is best, what it gains over the baseline, and what it costs. */
export function verdictOf(results: Results): Verdict {
  const { platform, policies, ranking } = results;
  const [baseline, ...others] = policies;
  const plain = (outcome: Verdict['outcome'], ...lead: Phrase): Verdict => ({
    outcome,
    gains: [],
    prices: [],
    lead: [lead],
    also: [],
  });
  if (!platform.confidential) {
    return plain('nothing shared', 'Outside a confidential VM nothing is shared, and nothing is split.');
  }
  if (others.length === 0) {
    return plain('alone', 'Only ', name(baseline.policy), ' was run: there is nothing to compare it with.');
  }
  const first = ranking.ranked.at(0);
  if (first === undefined) {
    return plain('refused', 'Every policy refused requests. Their figures are of different work.');
  }
  if (ranking.ranked.length === 1 && ranking.refused.length === 0) {
    const all = policies.length === 2 ? 'Both' : `All ${policies.length}`;
    return plain('same', `${all} policies have the same ${objectiveNames(results)}.`);
  }
  if (first.policies.includes(baseline.policy)) {
    const ties = first.policies.filter((policy) => policy !== baseline.policy);
    const best = name(baseline.policy);
    const lead: Phrase =
      ranking.refused.length > 0
        ? [`Best of the policies that ${fewestText(results)}: the baseline `, best, '.']
        : ['The baseline ', best, ` is ranked first, by ${objectiveNames(results)}.`];
    const also = tied(results, ties, baseline.policy);
    return { ...plain('baseline', ...lead), best: baseline.policy, also };
  }
  const best = policies.find(({ policy }) => policy === first.policies[0]) ?? baseline;
  const ties = first.policies.slice(1);
  const isComparable = !ranking.refused.includes(baseline.policy);
  const gains = isComparable ? differences(results, best, 'better') : [];
  const prices = isComparable ? differences(results, best, 'worse') : [];
  return {
    outcome: 'best',
    best: best.policy,
    gains,
    prices,
    lead: isComparable
      ? [against([best.policy, ...ties], baseline, gains), priceOf(prices)]
      : [withoutBaseline(results, best, baseline)],
    // Against a baseline, the lead names the ties.
    also: isComparable ? withinSpread(results, best, baseline) : tied(results, ties, best.policy),
  };
}

export const objectivesOf = ({ ranking, metrics }: Results): Metric[] =>
  namedMetrics(metrics, ranking.objectives);

/** What policies are ranked by: `2M splits, shared-idle memory and host calls`. */
export const objectiveNames = (results: Results): string =>
  listed(objectivesOf(results).map(({ id, label }) => OBJECTIVES[id] ?? label));

const OBJECTIVES: { readonly [Id in MetricId]?: string } = {
  'mixed-peak': 'mixed 2M ranges',
  'shared-idle-byte-seconds': 'shared-idle memory',
};

/** How many requests the ranked policies refuse: those that refuse more are not ranked. */
function fewestText({ policies, ranking }: Results): string {
  const ranked = policies.find(({ policy }) => !ranking.refused.includes(policy));
  const failures = ranked?.metrics['failures']?.max ?? 0;
  return failures === 0 ? 'serve every request' : `refuse the fewest requests (${failures})`;
}

/** `fewest failures, then 2M splits, then mean rank of shared-idle memory and host calls`: the rule, in one line of a table. */
export function rankingRule(results: Results): string {
  const [first, ...rest] = objectivesOf(results).map(({ id, label }) => OBJECTIVES[id] ?? label);
  return `fewest failures, then ${first}, then mean rank of ${listed(rest)}`;
}

/** Whether tables print the change as `~0%`. */
export const hardlyDiffer = (now: number, before: number): boolean =>
  formatChange(changePercent(now, before)) === SMALL_CHANGE;

/** Of each kind, the first figure that is better, or worse, beyond the spread over the seeds. */
function differences(
  { metrics, policies: [baseline] }: Results,
  policy: PolicyResults,
  wanted: 'better' | 'worse',
): Difference[] {
  const isWanted = ({ metric: { id }, now, before }: Difference) =>
    !isWithinNoise(policy.metrics[id], baseline.metrics[id]) &&
    !hardlyDiffer(now, before) &&
    (wanted === 'better' ? now < before : now > before);
  return KINDS.flatMap((ids) =>
    namedMetrics(metrics, ids)
      .map((metric) => ({
        metric,
        now: policy.metrics[metric.id].median,
        before: baseline.metrics[metric.id].median,
      }))
      .filter(isWanted)
      .slice(0, 1),
  );
}

/** `Best: A, tied with C. Against B: no 2M splits instead of 44, 44 host calls instead of 6,699.` */
function against(
  [best, ...ties]: readonly string[],
  baseline: PolicyResults,
  gains: readonly Difference[],
): Phrase {
  const others = ties.length > 2 ? [`${ties.length} others`] : namesOf(ties);
  const gained =
    gains.length === 0
      ? ' it gains nothing beyond the spread over the seeds.'
      : `: ${gains.map(differenceText).join(', ')}.`;
  const tie = ties.length === 0 ? [] : [', tied with ', ...others];
  return ['Best: ', name(best), ...tie, '. Against ', name(baseline.policy), gained];
}

const priceOf = (prices: readonly Difference[]): Phrase => [
  prices.length === 0
    ? 'Price: none beyond the spread over the seeds.'
    : `Price: ${prices.map(differenceText).join(', ')}.`,
];

/** Two amounts of memory have one unit, that of the larger. */
export function differenceText({ metric, now, before }: Difference): string {
  if (metric.unit !== 'bytes') return `${amount(metric, now)} instead of ${formatValue(before, metric.unit)}`;
  const unit = compactUnit(metric.unit, [now, before]);
  const [text, was] = [now, before].map((value) => `${compactValue(value, unit)} ${unit.suffix}`);
  return `${text} ${BYTES[metric.id] ?? `of ${metric.label}`} instead of ${was}`;
}

/** One, several, of each that is counted. */
const NOUNS: { readonly [Id in MetricId]?: readonly [one: string, more: string] } = {
  'splits-2m': ['2M split', '2M splits'],
  'mixed-peak': ['mixed 2M range at peak', 'mixed 2M ranges at peak'],
  'host-calls': ['host call', 'host calls'],
  'full-flushes': ['full TLB flush', 'full TLB flushes'],
  'pages-converted': ['page converted', 'pages converted'],
};
/** What stands behind a number of bytes. */
const BYTES: { readonly [Id in MetricId]?: string } = {
  'shared-idle-mean': 'shared but idle on average',
  'shared-idle-peak': 'shared but idle at peak',
  'shared-idle-byte-seconds': 'shared but idle over time',
  'kept-unused': 'kept unused at the end',
};

/** `no 2M splits`, `1 host call`, `64 MiB shared but idle at peak`. */
function amount({ id, label, unit }: Metric, value: number): string {
  const [one, more] = NOUNS[id] ?? [label, label];
  if (unit !== 'count' && unit !== 'pages')
    return `${formatValue(value, unit)} ${BYTES[id] ?? `of ${label}`}`;
  return value === 0 ? `no ${more}` : `${formatValue(value, unit)} ${value === 1 ? one : more}`;
}

function withoutBaseline(results: Results, best: PolicyResults, baseline: PolicyResults): Phrase {
  const kinds = namedMetrics(
    results.metrics,
    KINDS.map(([id]) => id),
  );
  const figures = kinds.map((metric) => amount(metric, best.metrics[metric.id].median));
  return [
    `Best of the policies that ${fewestText(results)}: `,
    name(best.policy),
    `, with ${listed(figures)}. The baseline `,
    name(baseline.policy),
    ` refused ${countText(baseline.metrics['failures']?.max ?? 0, 'request')}.`,
  ];
}

function withinSpread(results: Results, best: PolicyResults, baseline: PolicyResults): Phrase[] {
  const within = objectivesOf(results).filter(({ id }) => {
    const [now, before] = [best.metrics[id], baseline.metrics[id]];
    return now.median !== before.median && isWithinNoise(now, before);
  });
  if (within.length === 0) return [];
  const names = listed(within.map(({ id, label }) => OBJECTIVES[id] ?? label));
  return [[`In ${names} the ranges of the two policies over the seeds overlap.`]];
}

function tied(results: Results, policies: readonly string[], first: string): Phrase[] {
  if (policies.length === 0) return [];
  const have = ` ${policies.length === 1 ? 'has' : 'have'} the same ${objectiveNames(results)} as `;
  return [[...namesOf(policies), have, name(first), '.']];
}

const NAMES_SHOWN = 4;

function namesOf(policies: readonly string[]): Phrase {
  const shown = policies.slice(0, NAMES_SHOWN).map(name);
  const more = policies.length - shown.length;
  const parts = more > 0 ? [...shown, `${more} more`] : shown;
  const gapBefore = (index: number) => (index === parts.length - 1 ? ' and ' : ', ');
  return parts.flatMap((part, index) => (index === 0 ? [part] : [gapBefore(index), part]));
}

export const phraseText = (phrase: Phrase): string =>
  phrase.map((part) => (typeof part === 'string' ? part : shortPolicyName(part.policy))).join('');
