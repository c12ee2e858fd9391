/** What is known of the best there is, in the words of a report's head: label and text. */
import type { Bound } from '../bounds/bounds.ts';
import type { KnownRatio } from '../bounds/worst-case.ts';
import type { Comparison } from '../compare/compare.ts';
import { formatValue } from './units.ts';

export function boundsText({ bounds, geometry, policies }: Comparison): [string, string][] {
  if (bounds === undefined) return [['bounds', 'none: outside a confidential VM nothing is shared']];
  const { blocksPeak, blockSeconds, packing } = bounds;
  const perBlock = geometry.pagesPerBlock;
  return [
    [
      'bounds',
      `${interval(blocksPeak, 'count')} blocks shared at peak for any policy that serves all requests; lower: max over time of ceil(live pages / ${perBlock}), for blocks ever shared too`,
    ],
    [
      'bounds',
      `${interval(blockSeconds, 'block-seconds')} shared; lower: integral of ceil(live pages / ${perBlock}) dt`,
    ],
    ...('missing' in packing
      ? [['bounds', `no offline packing: ${packing.missing}`] satisfies [string, string]]
      : []),
    ['lifetimes', lifetimesText(bounds.lifetimes)],
    ...worstCases(policies).map((text): [string, string] => ['worst case', text]),
  ];
}

/** `[44, 46 by an offline packing]` */
const interval = ({ lower, upper, upperFrom }: Bound, unit: 'count' | 'block-seconds'): string =>
  upper === undefined
    ? `at least ${formatValue(lower, unit)}`
    : `[${formatValue(lower, unit)}, ${formatValue(upper, unit)} by ${upperFrom}]`;

function lifetimesText(lifetimes: NonNullable<Comparison['bounds']>['lifetimes']): string {
  const { mu, longestNs, shortestNs, neverFreed, zero } = lifetimes;
  if (mu === undefined) return 'nothing lives for any time';
  return [
    `mu = longest / shortest = ${duration(longestNs)} / ${duration(shortestNs)} = ${plain(mu)}`,
    ...(neverFreed === 0
      ? []
      : [`${formatValue(neverFreed, 'count')} never freed, counted up to the end of the trace`]),
    ...(zero === 0 ? [] : [`${formatValue(zero, 'count')} freed at the time they came, left out`]),
  ].join('; ');
}

const duration = (ns: number): string =>
  ns < 1e3
    ? `${ns} ns`
    : ns < 1e6
      ? `${three(ns / 1e3)} us`
      : ns < 1e9
        ? `${three(ns / 1e6)} ms`
        : `${three(ns / 1e9)} s`;

/** Three digits, or all of the whole part. */
const three = (value: number): string =>
  formatValue(Number(value.toPrecision(value < 100 ? 3 : 12)), 'ratio');

const PACKED = {
  volumes: 'volumes, which need not be contiguous or aligned',
  'aligned pages': 'aligned pages',
} as const;

/** One line for the policies of which theory knows something; others have none. */
function worstCases(policies: Comparison['policies']): string[] {
  const known = new Map<string, string[]>();
  const unknown: string[] = [];
  for (const { policy, worstCase } of policies) {
    const { blocksPeak, blockSeconds } = worstCase;
    if (worstCase.of === undefined) {
      unknown.push(policy);
      continue;
    }
    const text = `blocks at peak ${ratioText(blocksPeak)}, block-s ${ratioText(blockSeconds)}, times the best for ${PACKED[worstCase.of]}`;
    known.set(text, [...(known.get(text) ?? []), policy]);
  }
  return [
    ...[...known].map(([text, names]) => `${fewOf(names)}: ${text}`),
    ...(unknown.length === 0 ? [] : [`${fewOf(unknown)}: none known`]),
  ];
}

const MOST_NAMES = 3;

/** `a, b, c and 4 more`: of hundreds of policies a list says nothing. */
function fewOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const ratioText = ({ formula, value }: KnownRatio): string => {
  if (value === undefined) return formula;
  return formula === String(value) ? formula : `${plain(value)} (${formula})`;
};

/** Without decimals that say nothing. */
const plain = (value: number): string =>
  value < 100 ? String(Number(value.toPrecision(5))) : formatValue(Math.round(value), 'count');
