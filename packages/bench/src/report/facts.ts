/** What was run, and the cautions and notes about it, as text: the head and the notes of every report. */

import type { Platform, Request } from '@decpool/model';
import { endsIfHostRefuses, hasRestrictedPool, PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { bootPoolBytes, shortPolicyName } from '@decpool/pool/internal';
import type { ComparedPolicy, Comparison } from '../compare/compare.ts';
import { atBootText } from '../metrics/at-boot-text.ts';
import type { MetricId } from '../metrics/metric.ts';
import { countText } from '../text/counts.ts';
import { groupedBy } from '../text/groups.ts';
import { fewOf, listed, present } from '../text/listed.ts';
import { formatValue } from '../text/units.ts';
import { sanityLines } from '../traces/sanity.ts';
import { boundsText } from './bounds-text.ts';
import { hasColumns } from './has-columns.ts';

/** Label and text. */
export function describe(comparison: Comparison): [string, string][] {
  const { input, geometry, policies } = comparison;
  const { description, requests, peakLivePages: pages } = input.workload;
  const byKind = new Map<Request['kind'], number>();
  for (const { kind } of requests) byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
  const count = (...kinds: readonly Request['kind'][]) =>
    kinds.reduce((sum, kind) => sum + (byKind.get(kind) ?? 0), 0);
  const [mappings, background] = [
    count('map-user', 'unmap-user'),
    count('background-allocate', 'background-free'),
  ];
  const requestsText = present([
    countText(count('allocate'), 'allocation'),
    countText(count('free'), 'free'),
    mappings > 0 && `${formatValue(mappings, 'count')} user mappings and unmappings`,
    background > 0 && `${formatValue(background, 'count')} background allocations and frees`,
    `${formatValue(pages, 'pages')} live pages at peak (${formatValue(pages * 2 ** geometry.pageShift, 'bytes')})`,
  ]).join(', ');
  const labelled = (label: string, texts: readonly string[]) =>
    texts.map((text): [string, string] => [label, text]);
  return [
    ['input', `${input.name}: ${description}`],
    ['requests', requestsText],
    ...labelled('trace', input.sanity === undefined ? [] : sanityLines(input.sanity)),
    ['memory', input.memory.name],
    ['platform', platformText(input.platform)],
    ...labelled('bounce', input.platform.confidential ? [bounceText(input)] : []),
    ...labelled('setting', settingsOf(input)),
    ['seeds', `${input.seeds.join(', ')}: ${seedsText(input)}`],
    ['baseline', policies[0].policy],
    ...boundsText(comparison),
  ];
}

const bounceBytes = ({ memory, platform }: Comparison['input']): string =>
  formatValue(bootPoolBytes(memory, platform), 'bytes');

/** There is a boot pool of bounce buffers under every policy. Its cost is the same, and in no column. */
const bounceText = (input: Comparison['input']): string =>
  `Streaming maps ${hasRestrictedPool(input.platform) ? 'and the coherent memory of linux-6.12 and linux-7.3 ' : ''}use a boot pool of ${bounceBytes(input)}, which is shared under every policy and counts in no column. Ratios to the bounds count its blocks only where other requests lie.`;

function platformText({ name, confidential, restore, granulePages, strayRead }: Platform): string {
  if (!confidential) return name;
  const granules = granulePages > 1 && `granules of ${granulePages * 4} KiB`;
  return `${present([name, restore && '2M mappings re-formed', granules]).join(', ')}. ${STRAY_READ[strayRead]}`;
}

/** The effect of a read that strays from a private page into a page that is shared or being converted. */
const STRAY_READ: Readonly<Record<Platform['strayRead'], string>> = {
  'fixed up':
    'A load_unaligned_zeropad() that strays into a shared page causes a fault, which the kernel fixes up.',
  fatal:
    'A load_unaligned_zeropad() that strays into a shared page would be fatal. The kernel orders its changes so that none does.',
  impossible: 'No load_unaligned_zeropad() can fault at the border of a shared page.',
};

/** Settings that are not the default, as fragments: a line of the terminal joins them. */
function settingsOf({ pageSource, faults, isSwiotlbDynamic }: Comparison['input']): string[] {
  const { kernel, perCpuLists, compaction, reclaim } = pageSource ?? PLAIN_PAGE_SOURCE;
  const percent = (share: number) => formatValue(100 * share, 'percent');
  return present([
    kernel !== '7.x' && `page allocator of Linux ${kernel}`,
    !perCpuLists && 'no per-CPU page lists',
    !compaction && 'no compaction',
    reclaim !== true && 'no reclaim of page cache',
    isSwiotlbDynamic === true && 'bounce buffers grow',
    faults &&
      `calls of any size fail at random: set_memory_decrypted() ${percent(faults.decrypt)}, set_memory_encrypted() ${percent(faults.encrypt)}, ${percent(faults.converted)} of the failures converted by the host, ${countText(faults.retries, 'retry', 'retries')} of set_memory_encrypted()`,
  ]);
}

const seedsText = ({ seeds, memory }: Comparison['input']): string => {
  if (seeds.length === 1) {
    return memory.exact === undefined
      ? 'one possible placement of the free chunks.'
      : 'every free list is as it was recorded.';
  }
  const what = memory.exact === undefined ? 'places the free chunks' : 'reclaims page cache';
  return `each seed ${what} differently. Figures are medians over the seeds.`;
};

/** Sentences that change how to read the figures: refused requests, lost memory, errors in the input. */
export function cautionsOf({ input, policies, atBoot }: Comparison): string[] {
  const boot = atBootText(atBoot.map(({ metric, spread }) => [metric.id, spread.median]));
  return [
    ...present([
      refusalText(policies),
      outOfMemoryText(input, policies),
      refusingHostText(input),
      ...policies.map(leaksText),
      unparsedText(input.sanity),
      boot !== undefined && `${boot} In no column.${replacedText(policies)}`,
    ]),
    ...(input.cautions ?? []),
  ];
}

/** If some of the policies have no atomic DMA pools. */
function replacedText(policies: readonly ComparedPolicy[]): string {
  const sizes = policies.map((policy) => mostOf(policy, 'atomic-pool-bytes'));
  const isReplaced = sizes.includes(0) && sizes.some((bytes) => bytes > 0);
  return isReplaced ? ' A policy that replaces the atomic DMA pools has none of them.' : '';
}

/** Policies that a caution names. */
const NAMES_SHOWN = 4;

function refusalText(policies: readonly ComparedPolicy[]): string | undefined {
  const failures = policies.map((policy) => mostOf(policy, 'failures'));
  const fewest = Math.min(...failures);
  const refused = policies.filter((_, index) => failures[index] > fewest);
  const names = refused.map(({ policy }) => shortPolicyName(policy));
  const isOne = refused.length === 1;
  return (
    present([
      fewest > 0 && `Every policy refused requests, ${formatValue(fewest, 'count')} at least.`,
      refused.length > 0 &&
        `${fewOf(names, NAMES_SHOWN)} refused ${fewest > 0 ? 'more' : 'requests'}: not ranked, because ${isOne ? 'its' : 'their'} other figures are of less work.`,
    ]).join(' ') || undefined
  );
}

function unparsedText(sanity: Comparison['input']['sanity']): string | undefined {
  const [first] = sanity?.unparsed.first ?? [];
  if (sanity === undefined || first === undefined) return undefined;
  return `${formatValue(sanity.unparsed.count, 'count')} of ${formatValue(sanity.linesRead, 'count')} lines of the trace were not understood. The first is line ${first.line}: ${first.reason}.`;
}

/** Other sentences about the comparison: how to read it, and how the input differs from a real machine. */
export const notesOf = (comparison: Comparison): string[] => [
  ...(hasColumns(comparison) ? twinsOf(comparison.policies) : []),
  ...comparison.input.notes,
  ...comparison.input.workload.notes,
];

const mostOf = ({ metrics }: ComparedPolicy, id: MetricId): number =>
  metrics.find(({ metric }) => metric.id === id)?.spread.max ?? 0;

/** A kernel that is short of memory reclaims; the page source may not. */
function outOfMemoryText(
  { pageSource = PLAIN_PAGE_SOURCE }: Comparison['input'],
  policies: readonly ComparedPolicy[],
): string | undefined {
  if (policies.every((policy) => mostOf(policy, 'failures-out-of-memory') === 0)) return undefined;
  if (pageSource.reclaim === true) return undefined;
  const more = pageSource.compaction ? '' : ' With --no-compaction it moves no pages, either.';
  return `Out of memory comes earlier than on a real machine. A kernel reclaims before it refuses a request that may sleep; the page source does not with --no-reclaim.${more}`;
}

/** On such a platform no caller sees an error of the host. */
const refusingHostText = ({ platform, faults }: Comparison['input']): string | undefined =>
  faults !== undefined && endsIfHostRefuses(platform)
    ? `A conversion that the host refuses ends a guest on ${platform.name}. The failures here stand for errors of the guest: -ENOMEM and -EBUSY. Use another platform for a hostile host.`
    : undefined;

/** The owners whose failed conversions leaked pages, in the run of the first seed. */
function leaksText({ policy, byOwner }: ComparedPolicy): string | undefined {
  const leaks = byOwner
    .filter(({ leakedPages }) => leakedPages > 0)
    .map(({ owner, leakedPages: pages }) => ({ text: `${owner} ${formatValue(pages, 'pages')}`, pages }))
    .sort((a, b) => b.pages - a.pages);
  if (leaks.length === 0) return undefined;
  const rest = leaks.length - OWNERS_SHOWN;
  const list = present([
    ...leaks.slice(0, OWNERS_SHOWN).map(({ text }) => text),
    rest > 0 && `${rest} other owners`,
  ]);
  return `${shortPolicyName(policy)} leaked pages of these owners (first seed): ${list.join(', ')}.`;
}

const OWNERS_SHOWN = 3;

/** Policies with the same figures in every row. Readers must not take their columns for separate findings. */
function twinsOf(policies: readonly ComparedPolicy[]): string[] {
  const figuresOf = ({ metrics }: ComparedPolicy) =>
    JSON.stringify(
      metrics.map(({ metric, spread }) =>
        [spread.median, spread.min, spread.max].map((value) => formatValue(value, metric.unit)),
      ),
    );
  return [...groupedBy(policies, figuresOf).values()]
    .filter((twins) => twins.length > 1)
    .map(
      (twins) =>
        `${listed(twins.map(({ policy }) => shortPolicyName(policy)))} have the same figures in every row: this input does not tell them apart.`,
    );
}
