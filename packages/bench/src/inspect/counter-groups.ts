/** The counters of a state as people look for them. */
import type { CounterName, Counters } from '@decpool/model';
import { formatValue } from '../text/units.ts';

type CounterUnit = 'count' | 'pages' | 'bytes';
interface Shown {
  readonly label: string;
  readonly unit: CounterUnit;
}

const count = (label: string): Shown => ({ label, unit: 'count' });
const pages = (label: string): Shown => ({ label, unit: 'pages' });

/** All of them but `events` and `time`, which are the position. */
const COUNTER_GROUPS = {
  memory: {
    claimedPages: pages('claimed'),
    sharedPages: pages('shared'),
    livePages: pages('in live allocations'),
    slabPages: pages('in slabs'),
    liveBytes: { label: 'asked for, live', unit: 'bytes' },
    unknownPages: pages('in an unknown state'),
    leakedPages: pages('leaked'),
    vmAreaPages: pages('mapped in vmalloc areas'),
    backgroundPages: pages('held by others'),
    movedPages: pages('moved by compaction'),
    compactions: count('pageblocks compacted'),
  },
  blocks: {
    sharedBlocks: count('shared blocks'),
    touchedBlocks: count('blocks ever shared'),
    mixedBlocks: count('mixed blocks'),
    borders: count('borders'),
  },
  requests: {
    requests: count('requests'),
    failedRequests: count('failed'),
    liveAllocations: count('live allocations'),
    lastAllocation: count('allocations ever'),
    extents: count('extents ever'),
    liveObjects: count('live objects'),
    liveSlabs: count('slabs'),
    slabs: count('slabs ever'),
    userMappings: count('mappings into user space'),
    userMapRequests: count('requests to map or unmap'),
    owners: count('owners and caches'),
    refills: count('reserve refills'),
  },
  directMap: {
    mapped4KPages: pages('DirectMap4k'),
    mapped2MPages: pages('DirectMap2M'),
    mapped1GPages: pages('DirectMap1G'),
    splits2M: count('2M splits'),
    splits1G: count('1G splits'),
    restores2M: count('2M restores'),
    splits32M: count('32M splits'),
    splits64K: count('64K splits'),
    pageTablePages: pages('page tables of splits'),
  },
  conversions: {
    conversions: count('conversions'),
    convertedPages: pages('converted'),
    failedConversions: count('failed conversions'),
    hostCalls: count('host calls'),
    pageTablePasses: count('page-table passes'),
    mappingChanges: count('map entries changed'),
    fullFlushes: count('full TLB flushes'),
    rangedFlushes: count('ranged TLB flushes'),
    zeroedPages: pages('zeroed'),
  },
} as const satisfies Readonly<Record<string, Readonly<Partial<Record<CounterName, Shown>>>>>;

export type CounterGroup = keyof typeof COUNTER_GROUPS;
export const GROUP_TITLES: Readonly<Record<CounterGroup, string>> = {
  memory: 'memory',
  blocks: 'blocks',
  requests: 'requests',
  directMap: 'direct map',
  conversions: 'conversions',
};

const shownIn = (group: CounterGroup): [CounterName, Shown][] =>
  Object.entries(COUNTER_GROUPS[group]) as [CounterName, Shown][];

const SHOWN: ReadonlyMap<CounterName, Shown> = new Map(
  (Object.keys(COUNTER_GROUPS) as CounterGroup[]).flatMap(shownIn),
);

/** Values by group; the names say where they are pages or bytes. */
export function groupedCounters(counters: Counters): Record<CounterGroup, Record<string, number>> {
  const groups = (Object.keys(COUNTER_GROUPS) as CounterGroup[]).map((group) => [
    group,
    Object.fromEntries(shownIn(group).map(([name]) => [name, counters[name]])),
  ]);
  return Object.fromEntries(groups);
}

interface CounterLine {
  readonly label: string;
  readonly value: string;
}

/** A group's counters that are not 0, as text; of pages also how much that is. */
export function counterLines(group: CounterGroup, counters: Counters, pageBytes: number): CounterLine[] {
  return shownIn(group)
    .filter(([name]) => counters[name] !== 0)
    .map(([name, { label, unit }]) => ({ label, value: valueText(counters[name], unit, pageBytes) }));
}

/** What a counter was and is: `2M splits 0 -> 1`; undefined for the two that are the position. */
export function changeText(name: CounterName, before: number, after: number): string | undefined {
  const shown = SHOWN.get(name);
  if (shown === undefined) return undefined;
  const value = (of: number) => formatValue(of, shown.unit);
  const unit = shown.unit === 'pages' ? ' pages' : '';
  return `${shown.label} ${value(before)} -> ${value(after)}${unit}`;
}

function valueText(value: number, unit: CounterUnit, pageBytes: number): string {
  if (unit !== 'pages') return formatValue(value, unit);
  return `${formatValue(value, 'pages')} (${formatValue(value * pageBytes, 'bytes')})`;
}
