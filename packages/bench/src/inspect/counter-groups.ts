/** The counters of a state in groups, with their labels. */
import type { CounterName, Counters } from '@decpool/model';
import { formatValue } from '../text/units.ts';

/** The labels of all counters but `events` and `time`, which are the position. */
const COUNTER_GROUPS = {
  memory: {
    claimedPages: 'claimed',
    sharedPages: 'shared',
    livePages: 'in live allocations',
    slabPages: 'in slabs',
    liveBytes: 'asked for, live',
    unknownPages: 'in an unknown state',
    leakedPages: 'leaked',
    vmAreaPages: 'mapped in vmalloc areas',
    backgroundPages: 'held by others',
    movedPages: 'moved by compaction',
    compactions: 'pageblocks compacted',
  },
  blocks: {
    sharedBlocks: 'shared blocks',
    touchedBlocks: 'blocks ever shared',
    mixedBlocks: 'mixed blocks',
    borders: 'borders',
  },
  requests: {
    requests: 'requests',
    failedRequests: 'failed',
    liveAllocations: 'live allocations',
    lastAllocation: 'allocations ever',
    extents: 'extents ever',
    liveObjects: 'live objects',
    liveSlabs: 'slabs',
    slabs: 'slabs ever',
    userMappings: 'mappings into user space',
    userMapRequests: 'requests to map or unmap',
    owners: 'owners and caches',
    refills: 'reserve refills',
  },
  directMap: {
    mapped4KPages: 'DirectMap4k',
    mapped2MPages: 'DirectMap2M',
    mapped1GPages: 'DirectMap1G',
    splits2M: '2M splits',
    splits1G: '1G splits',
    restores2M: '2M restores',
    splits32M: '32M splits',
    splits64K: '64K splits',
    pageTablePages: 'page tables of splits',
  },
  conversions: {
    conversions: 'conversions',
    convertedPages: 'converted',
    failedConversions: 'failed conversions',
    hostCalls: 'host calls',
    pageTablePasses: 'page-table passes',
    mappingChanges: 'map entries changed',
    fullFlushes: 'full TLB flushes',
    rangedFlushes: 'ranged TLB flushes',
    zeroedPages: 'became shared',
  },
} as const satisfies Readonly<Record<string, Readonly<Partial<Record<CounterName, string>>>>>;

export type CounterGroup = keyof typeof COUNTER_GROUPS;

export const groupTitle = (group: CounterGroup): string => (group === 'directMap' ? 'direct map' : group);

const labelsIn = (group: CounterGroup): [CounterName, string][] =>
  Object.entries(COUNTER_GROUPS[group]) as [CounterName, string][];

const LABELS: ReadonlyMap<CounterName, string> = new Map(
  (Object.keys(COUNTER_GROUPS) as CounterGroup[]).flatMap(labelsIn),
);

/** Values by group; the names say which are pages or bytes. */
export function groupedCounters(counters: Counters): Record<CounterGroup, Record<string, number>> {
  const groups = (Object.keys(COUNTER_GROUPS) as CounterGroup[]).map((group) => [
    group,
    Object.fromEntries(labelsIn(group).map(([name]) => [name, counters[name]])),
  ]);
  return Object.fromEntries(groups);
}

const unitOf = (name: CounterName) =>
  name.endsWith('Pages') ? 'pages' : name.endsWith('Bytes') ? 'bytes' : 'count';

/** Label and value of each counter of a group that is not 0; pages also in bytes. */
export function counterLines(
  group: CounterGroup,
  counters: Counters,
  pageBytes: number,
): (readonly [label: string, value: string])[] {
  return labelsIn(group)
    .filter(([name]) => counters[name] !== 0)
    .map(([name, label]) => {
      const unit = unitOf(name);
      const value = formatValue(counters[name], unit);
      const bytes = unit === 'pages' ? ` (${formatValue(counters[name] * pageBytes, 'bytes')})` : '';
      return [label, value + bytes];
    });
}

/** How a counter changed: `2M splits 0 -> 1`; undefined for the two that are the position. */
export function changeText(name: CounterName, before: number, after: number): string | undefined {
  const label = LABELS.get(name);
  if (label === undefined) return undefined;
  const unit = unitOf(name);
  const change = `${formatValue(before, unit)} -> ${formatValue(after, unit)}`;
  return `${label} ${change}${unit === 'pages' ? ' pages' : ''}`;
}
