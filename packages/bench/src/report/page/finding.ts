/**
 * What a comparison says, in a sentence or a few: how the policy that is ranked first does against the baseline, what it costs
 * more of, and what keeps one from saying so.
 */
import type { Spread } from '../../compare/spread.ts';
import type { Metric } from '../../metrics/metric.ts';
import { isWithinNoise } from '../noise.ts';
import type { PolicyResults, Results } from '../results.ts';
import { formatValue } from '../units.ts';

/** Text, and names of policies in it. */
export type Phrase = readonly (string | { readonly policy: string })[];

export interface Finding {
  /** The sentence. */
  readonly lead: Phrase;
  /** What else one has to know to read it right; a sentence each. */
  readonly also: readonly Phrase[];
}

const name = (policy: string) => ({ policy });

export function findingOf(results: Results): Finding {
  const { platform, policies, ranking } = results;
  const [baseline, ...others] = policies;
  if (!platform.confidential) {
    return {
      lead: ['Outside a confidential VM nothing is shared, so that nothing is split and nothing told apart.'],
      also: refusals(results),
    };
  }
  if (others.length === 0) {
    return {
      lead: ['Only ', name(baseline.policy), ' was run: there is nothing to compare it with.'],
      also: refusals(results),
    };
  }
  const best = ranking.ranked.at(0);
  if (best === undefined) {
    return {
      lead: ['Every policy refused requests: their figures are of different work, and none is ranked.'],
      also: refusals(results),
    };
  }
  if (ranking.ranked.length === 1 && ranking.refused.length === 0) {
    return {
      lead: [
        `All ${policies.length} policies have the same ${labels(results)}: the ranking tells none from another.`,
      ],
      also: [],
    };
  }
  const first = policies.find(({ policy }) => policy === best.policies[0]) ?? baseline;
  if (best.policies.includes(baseline.policy)) {
    return {
      lead: [
        'The baseline ',
        name(baseline.policy),
        ` is ranked first, ${WHY_FIRST}: no other policy is better in ${labels(results)} together.`,
      ],
      also: [
        ...ties(
          results,
          best.policies.filter((policy) => policy !== baseline.policy),
          baseline.policy,
        ),
        ...refusals(results),
      ],
    };
  }
  return {
    lead: isRefused(results, baseline.policy) ? without(results, first) : against(results, first, baseline),
    also: [
      ...noise(results, first, baseline),
      ...ties(results, best.policies.slice(1), first.policy),
      ...equals(results),
      ...refusals(results),
    ],
  };
}

const objectivesOf = ({ ranking, metrics }: Results): Metric[] =>
  ranking.objectives.flatMap((id) => metrics.filter((metric) => metric.id === id));

const labels = (results: Results): string =>
  listed(objectivesOf(results).map(({ id, label }) => NOUNS[id] ?? label));

export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;

const NOUNS: Readonly<Record<string, string>> = {
  'splits-2m': '2M splits',
  'mixed-peak': 'mixed 2M ranges',
  'shared-idle-byte-seconds': 'shared-idle memory over time',
  'host-calls': 'host calls',
};

/** One of each. */
const ONE: Readonly<Record<string, string>> = {
  'splits-2m': '2M split',
  'mixed-peak': 'mixed 2M range',
  'host-calls': 'host call',
};

/** What the ranking goes by. */
const WHY_FIRST = 'on the Pareto front, with the best mean place';

const isRefused = ({ ranking }: Results, policy: string) => ranking.refused.includes(policy);

/** `splits no 2M mapping where linux-6.12 splits 44, and makes 44 host calls where it makes 6,699; it leaves ...` */
function against(results: Results, first: PolicyResults, baseline: PolicyResults): Phrase {
  const compared = objectivesOf(results).map((metric) => {
    const now = first.metrics[metric.id].median;
    const before = baseline.metrics[metric.id].median;
    return { metric, now, before };
  });
  const better = compared.filter(({ now, before }) => now < before);
  const worse = compared.filter(({ now, before }) => now > before);
  const same = compared.filter(({ now, before }) => now === before);
  const parts = [
    better.length > 0 ? `has ${listed(better.map(changeText))}` : '',
    worse.length > 0
      ? `${better.length > 0 ? 'at the price of' : 'costs more:'} ${listed(worse.map(changeText))}`
      : '',
    same.length > 0 ? `the same ${listed(same.map(({ metric }) => NOUNS[metric.id] ?? metric.label))}` : '',
  ].filter((part) => part !== '');
  return [
    'Against ',
    name(baseline.policy),
    ', ',
    name(first.policy),
    `, which is ranked first (${WHY_FIRST}), ${parts.join(', ')}.`,
  ];
}

/** `0 2M splits instead of 44`, with a factor where there is one. */
function changeText({ metric, now, before }: { metric: Metric; now: number; before: number }): string {
  const factor = now === 0 || before === 0 ? '' : ` (${factorText(now / before)})`;
  return `${amount(metric, now)} instead of ${formatValue(before, metric.unit)}${factor}`;
}

/** `no 2M splits`, `1 host call`, `64 MiB.s of shared-idle memory over time`. */
function amount({ id, label, unit }: Metric, value: number): string {
  const noun = NOUNS[id] ?? label;
  if (unit !== 'count') return `${formatValue(value, unit)} of ${noun}`;
  return value === 0 ? `no ${noun}` : `${formatValue(value, unit)} ${value === 1 ? (ONE[id] ?? noun) : noun}`;
}

const factorText = (factor: number): string =>
  factor >= 1 ? `\u00d7${three(factor)}` : `\u00f7${three(1 / factor)}`;
const three = (value: number): string => formatValue(Number(value.toPrecision(value < 100 ? 2 : 3)), 'ratio');

function without(results: Results, first: PolicyResults): Phrase {
  const figures = objectivesOf(results).map((metric) => amount(metric, first.metrics[metric.id].median));
  return [
    'Of the policies that serve every request, ',
    name(first.policy),
    ` is ranked first (${WHY_FIRST}), with ${listed(figures)}; the baseline refused some.`,
  ];
}

function noise(results: Results, first: PolicyResults, baseline: PolicyResults): Phrase[] {
  if (isRefused(results, baseline.policy)) return [];
  const within = objectivesOf(results).filter(({ id }) => {
    const now: Spread = first.metrics[id];
    const before: Spread = baseline.metrics[id];
    return now.median !== before.median && isWithinNoise(now, before);
  });
  if (within.length === 0) return [];
  return [
    [
      `In ${listed(within.map(({ id, label }) => NOUNS[id] ?? label))} the ranges of the two policies over the seeds overlap.`,
    ],
  ];
}

/** Only what is ranked is known to be the same. */
const ties = (results: Results, policies: readonly string[], first: string): Phrase[] =>
  policies.length === 0
    ? []
    : [
        [
          ...names(policies),
          ` ${policies.length === 1 ? 'has' : 'have'} the same ${labels(results)} as `,
          name(first),
          '.',
        ],
      ];

/** Groups of other policies that the ranked figures do not tell apart. */
const equals = (results: Results): Phrase[] =>
  results.ranking.ranked
    .slice(1)
    .filter(({ policies }) => policies.length > 1)
    .slice(0, 3)
    .map(({ policies }) => [...names(policies), ` have the same ${labels(results)}.`]);

function refusals({ policies, ranking }: Results): Phrase[] {
  if (ranking.refused.length === 0) return [];
  const most = Math.max(...policies.map(({ metrics }) => metrics['failures']?.max ?? 0));
  return [
    [
      ...names(ranking.refused),
      ` refused requests, up to ${formatValue(most, 'count')} under a seed: the other figures of such a policy are of less work, and it is not ranked.`,
    ],
  ];
}

const MOST_NAMES = 4;

function names(policies: readonly string[]): Phrase {
  const shown = policies.slice(0, MOST_NAMES);
  const more = policies.length - shown.length;
  const last = shown.length - 1;
  return [
    ...shown.flatMap((policy, index) => [
      ...(index === 0 ? [] : [index === last && more === 0 ? ' and ' : ', ']),
      name(policy),
    ]),
    ...(more > 0 ? [` and ${more} more`] : []),
  ];
}

/** Without marks for names. */
export const phraseText = (phrase: Phrase): string =>
  phrase.map((part) => (typeof part === 'string' ? part : part.policy)).join('');
