/** How good any policy can be on this input, for the head of a report: label and text. */
import type { Bound } from '../bounds/bounds.ts';
import type { KnownRatio } from '../bounds/worst-case.ts';
import type { Comparison } from '../compare/compare.ts';
import { groupedBy } from '../text/groups.ts';
import { fewOf, present } from '../text/listed.ts';
import { timeText } from '../text/time.ts';
import { formatValue } from '../text/units.ts';

export function boundsText({ bounds, geometry, policies }: Comparison): [string, string][] {
  if (bounds === undefined) return [['bounds', 'None: outside a confidential VM no memory is shared.']];
  const { blocksPeak, blockSeconds, packing } = bounds;
  const perBlock = geometry.pagesPerBlock;
  return [
    [
      'bounds',
      `Blocks shared at peak: ${interval(blocksPeak, 'count')} The lower bound is the maximum over time of ceil(live pages / ${perBlock}). It also holds for blocks ever shared.`,
    ],
    [
      'bounds',
      `Block-seconds shared: ${interval(blockSeconds, 'block-seconds')} The lower bound is the integral of ceil(live pages / ${perBlock}) over time.`,
    ],
    ...('missing' in packing
      ? [['bounds', `No offline packing: ${packing.missing}.`] satisfies [string, string]]
      : []),
    ['lifetimes', lifetimesText(bounds.lifetimes)],
    ...worstCases(policies).map((text): [string, string] => ['worst case', text]),
  ];
}

/** `at least 44 for a policy that serves all requests; 46 reached by an offline packing.` */
function interval({ lower, upper, upperFrom }: Bound, unit: 'count' | 'block-seconds'): string {
  const least = `at least ${formatValue(lower, unit)} for a policy that serves all requests`;
  return upper === undefined ? `${least}.` : `${least}; ${formatValue(upper, unit)} reached by ${upperFrom}.`;
}

function lifetimesText(lifetimes: NonNullable<Comparison['bounds']>['lifetimes']): string {
  const { mu, longestNs, shortestNs, neverFreed, zero } = lifetimes;
  if (mu === undefined) return 'No allocation lives longer than 0 ns.';
  return present([
    `Longest ${timeText(longestNs)}, shortest ${timeText(shortestNs)}; longest / shortest = ${plain(mu)}.`,
    neverFreed > 0 && `Never freed: ${formatValue(neverFreed, 'count')}; these end with the trace.`,
    zero > 0 && `Freed at once: ${formatValue(zero, 'count')}; these do not count.`,
  ]).join(' ');
}

const PACKED = {
  volumes: 'This holds for pages that need not be contiguous or aligned.',
  'aligned pages': 'This holds for aligned pages.',
} as const;

/** A text for policies with the same known worst case; that for all policies without comes last. */
function worstCases(policies: Comparison['policies']): string[] {
  const byText = groupedBy(policies, ({ worstCase: { of, blocksPeak, blockSeconds } }) =>
    of === undefined
      ? NO_LIMIT
      : `${limitText(blocksPeak, 'blocks at peak')} ${limitText(blockSeconds, 'block-seconds')} ${PACKED[of]}`,
  );
  const namesOf = (group: Comparison['policies']) => group.map(({ policy }) => policy);
  return [...byText]
    .sort(([a], [b]) => Number(a === NO_LIMIT) - Number(b === NO_LIMIT))
    .map(([text, group]) => `${fewOf(namesOf(group), NAMES_SHOWN)}: ${text}`);
}

const NO_LIMIT = 'No known limit.';
const NAMES_SHOWN = 3;

/** `At most 3 times the best possible blocks at peak.` */
function limitText({ formula, value }: KnownRatio, what: string): string {
  if (formula === 'none known') return `No known limit for ${what}.`;
  if (formula === 'unbounded') return `No limit for ${what}.`;
  const isConstant = value === undefined || formula === String(value);
  const number = value === undefined ? inWords(formula) : plain(value);
  return `At most ${number} times the best possible ${what}${isConstant ? '' : ` (${inWords(formula)})`}.`;
}

/** A formula of worstCaseOf() for readers who do not know the theory. */
const inWords = (formula: string): string =>
  formula
    .replace(/^mu \+ (\d+)$/, 'longest / shortest lifetime + $1')
    .replace(/^at least (.*)$/, 'some traces need $1')
    .replace(/, r = (\d+)$/, ' with r = $1, the order of a block');

/** Without meaningless decimals. */
const plain = (value: number): string =>
  value < 100 ? String(Number(value.toPrecision(5))) : formatValue(Math.round(value), 'count');
