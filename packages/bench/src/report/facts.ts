/** What was run and what a reader must know of it, in words: the head and the notes of every report. */
import { PLAIN_PAGE_SOURCE, type Platform, type Request } from '@decpool/model';
import { bootPoolBytes, shortPolicyName } from '@decpool/pool';
import type { ComparedPolicy, Comparison } from '../compare/compare.ts';
import { fewOf } from '../text/listed.ts';
import { sanityLines } from '../traces/sanity.ts';
import { boundsText } from './bounds-text.ts';
import { hasColumns } from './has-columns.ts';
import { formatValue } from './units.ts';

/** What was run, as label and value. */
export function describe(comparison: Comparison): [string, string][] {
  const { input, geometry, policies } = comparison;
  const { description, requests, peakLivePages: pages } = input.workload;
  const count = (...kinds: readonly Request['kind'][]) =>
    requests.filter(({ kind }) => kinds.includes(kind)).length;
  const others = [
    [count('map-user', 'unmap-user'), 'of user mappings'],
    [count('background-allocate', 'background-free'), 'of others, in the background'],
  ] as const;
  return [
    ['input', `${input.name}: ${description}`],
    [
      'requests',
      [
        `${counted(count('allocate'), 'allocation')}, ${counted(count('free'), 'free')}`,
        ...others.flatMap(([number, what]) =>
          number === 0 ? [] : [`${formatValue(number, 'count')} ${what}`],
        ),
        `peak live ${formatValue(pages, 'pages')} pages (${formatValue(pages * 2 ** geometry.pageShift, 'bytes')})`,
      ].join(', '),
    ],
    ...(input.sanity === undefined ? [] : sanityLines(input.sanity)).map((line): [string, string] => [
      'trace',
      line,
    ]),
    ['memory', input.memory.name],
    ['platform', platformText(input.platform)],
    ...bounceText(input).map((text): [string, string] => ['bounce', text]),
    ...settingsOf(input).map((text): [string, string] => ['setting', text]),
    ['seeds', `${input.seeds.join(', ')}: ${seedsText(input.seeds.length)}`],
    ['baseline', policies[0].policy],
    ...boundsText(comparison),
  ];
}

/** `1 free`, `2,000 frees`. */
const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${formatValue(count, 'count')} ${count === 1 ? noun : plural}`;

/** Streaming maps have a pool of their own, whatever the policy: its cost is in every column and tells none from another. */
function bounceText({ workload, memory, platform }: Comparison['input']): string[] {
  const isMapping = workload.requests.some(
    (request) => request.kind === 'allocate' && request.api === 'dma_map',
  );
  if (!isMapping || !platform.confidential) return [];
  return [
    `a boot pool of ${formatValue(bootPoolBytes(memory), 'bytes')} for streaming maps, shared at boot under every policy and so in every column; the bounds and the ratios to them leave it out, but where a policy serves other requests from it`,
  ];
}

function platformText({ name, confidential, restore, granulePages, strayRead }: Platform): string {
  if (!confidential) return name;
  return [
    name,
    ...(restore ? ['2M mappings re-formed'] : []),
    ...(granulePages > 1 ? [`granules of ${granulePages * 4} KiB`] : []),
    STRAY_READ[strayRead],
  ].join('; ');
}

/** What becomes of a read that strays from a private page into one that is not. */
const STRAY_READ: Readonly<Record<Platform['strayRead'], string>> = {
  'fixed up': 'a stray load_unaligned_zeropad() at a border is fixed up',
  fatal:
    'a stray load_unaligned_zeropad() at a border would be fatal; the kernel orders its changes so that there is none',
  impossible: 'a stray load_unaligned_zeropad() at a border is impossible',
};

/** What was switched on beside the usual. */
function settingsOf({ pageSource, faults, isSwiotlbDynamic }: Comparison['input']): string[] {
  const { kernel, perCpuLists, compaction } = pageSource ?? PLAIN_PAGE_SOURCE;
  return [
    ...(kernel === '6.x' ? [] : [`page allocator of Linux ${kernel}`]),
    ...(perCpuLists ? ['per-CPU page lists'] : []),
    ...(compaction ? ['compaction'] : []),
    ...(isSwiotlbDynamic === true ? ['bounce buffers grow'] : []),
    ...(faults === undefined
      ? []
      : [
          `calls fail by chance, whatever their size: of set_memory_decrypted() ${formatValue(100 * faults.decrypt, 'percent')}, of set_memory_encrypted() ${formatValue(100 * faults.encrypt, 'percent')}; ${formatValue(100 * faults.converted, 'percent')} of these though the host did them; ${counted(faults.retries, 'retry', 'retries')}`,
        ]),
  ];
}

const seedsText = (seeds: number): string =>
  seeds === 1
    ? 'a guess at where the free chunks lie'
    : 'each a guess at where the free chunks lie; cells: median, and smallest..largest where they differ';

/** What changes how the figures must be read: which policies had less to do, memory lost, what is wrong with the input. */
export function cautionsOf({ input, policies }: Comparison): string[] {
  return [
    ...refusals(policies),
    ...outOfMemory(input, policies),
    ...leaksOf(policies),
    ...unparsed(input.sanity),
  ];
}

/** Policies that a caution names. */
const MOST_NAMES = 4;

function refusals(policies: readonly ComparedPolicy[]): string[] {
  const refused = policies.filter((policy) => mostOf(policy, 'failures') > 0);
  if (refused.length === 0) return [];
  const names = fewOf(
    refused.map(({ policy }) => shortPolicyName(policy)),
    MOST_NAMES,
  );
  return [
    `${names} refused requests: not ranked, because ${refused.length === 1 ? 'its' : 'their'} other figures are of less work.`,
  ];
}

function unparsed(sanity: Comparison['input']['sanity']): string[] {
  const [first] = sanity?.unparsed.first ?? [];
  if (sanity === undefined || first === undefined) return [];
  return [
    `${formatValue(sanity.unparsed.count, 'count')} of ${formatValue(sanity.linesRead, 'count')} lines of the trace were not understood; the first is line ${first.line}: ${first.reason}`,
  ];
}

/** What else a reader may want to know. */
export const notesOf = (comparison: Comparison): string[] => [
  ...(hasColumns(comparison) ? twinsOf(comparison.policies) : []),
  ...comparison.input.notes,
  ...comparison.input.workload.notes,
];

/** A metric's largest value over the seeds; 0 where there is no such metric. */
const mostOf = ({ metrics }: ComparedPolicy, id: string): number =>
  metrics.find(({ metric }) => metric.id === id)?.spread.max ?? 0;

/** A kernel short of memory would not give up where the page source does. */
function outOfMemory(
  { pageSource = PLAIN_PAGE_SOURCE }: Comparison['input'],
  policies: readonly ComparedPolicy[],
): string[] {
  if (policies.every((policy) => mostOf(policy, 'failures-out-of-memory') === 0)) return [];
  const more = pageSource.compaction ? '' : '. --compaction lets it move pages';
  return [
    `Out of memory comes early: the page source does not reclaim, and a kernel would before it refuses a request that may sleep${more}.`,
  ];
}

/** Whose conversions lost memory, in the first seed's run. */
function leaksOf(policies: readonly ComparedPolicy[]): string[] {
  return policies.flatMap(({ policy, byOwner }) => {
    const leaks = byOwner.filter(({ leakedPages }) => leakedPages > 0);
    if (leaks.length === 0) return [];
    const most = leaks.sort((a, b) => b.leakedPages - a.leakedPages).slice(0, OWNERS_SHOWN);
    const rest = leaks.length - most.length;
    const list = most.map(({ owner, leakedPages }) => `${owner} ${formatValue(leakedPages, 'pages')}`);
    return [
      `${shortPolicyName(policy)} leaked pages (first seed) for: ${[...list, ...(rest > 0 ? [`${rest} others`] : [])].join(', ')}`,
    ];
  });
}

const OWNERS_SHOWN = 3;

/** Policies that did the same throughout: the input cannot tell them apart, and two columns must not look like two findings. */
function twinsOf(policies: readonly ComparedPolicy[]): string[] {
  const byFigures = new Map<string, string[]>();
  for (const { policy, metrics } of policies) {
    const figures = JSON.stringify(
      metrics.map(({ metric, spread }) =>
        [spread.median, spread.min, spread.max].map((value) => formatValue(value, metric.unit)),
      ),
    );
    byFigures.set(figures, [...(byFigures.get(figures) ?? []), shortPolicyName(policy)]);
  }
  return [...byFigures.values()]
    .filter((twins) => twins.length > 1)
    .map(
      (twins) =>
        `${twins.join(' and ')} have the same figures in every row: this input does not tell them apart.`,
    );
}
