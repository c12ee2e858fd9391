/** What the specs of this folder share. */
import {
  type MemoryState,
  type Migratetype,
  type PageSourceSettings,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import { MIGRATETYPES, type ZoneState } from '@decpool/model/internal';
import { PageSource } from './page-source.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

export const sourceOf = (memory: MemoryState, seed = 1, options?: PageSourceSettings): PageSource =>
  new PageSource(memory, x86Geometry(spanOf(memory)), seed, options);

/** Free pages that the counts of a memory state add up to. */
export const freePagesOf = (memory: MemoryState): number =>
  memory.zones
    .flatMap((zone) =>
      MIGRATETYPES.flatMap((type) => zone.free[type].map((count, order) => count * 2 ** order)),
    )
    .reduce((sum, pages) => sum + pages, 0);

export type Counts = Record<string, Record<string, readonly number[]>>;

/** Free chunks by zone (and node, where that is not 0), migratetype and order. */
export const countsOf = (source: PageSource, memory: MemoryState): Counts =>
  Object.fromEntries(
    memory.zones.map((zone) => [
      zoneName(zone),
      Object.fromEntries(MIGRATETYPES.map((type) => [type, source.freeChunks(zone.name, type, zone.node)])),
    ]),
  );
export const givenCounts = (memory: MemoryState): Counts =>
  Object.fromEntries(memory.zones.map((zone) => [zoneName(zone), zone.free]));

const zoneName = ({ name, node }: ZoneState) => (node === undefined ? name : `${name} of node ${node}`);

export const perType = <Value>(value: (type: Migratetype) => Value): Record<Migratetype, Value> =>
  Object.fromEntries(MIGRATETYPES.map((type) => [type, value(type)])) as Record<Migratetype, Value>;

/** 16 MiB in zone Normal with these free chunks, by migratetype and order; the rest of its pageblocks in use. */
export function oneZone(free: Partial<Record<Migratetype, Record<number, number>>>): MemoryState {
  const types = Object.keys(free) as Migratetype[];
  const zone: ZoneState = {
    name: 'Normal',
    ram: [[2 ** 20, 4096]],
    free: perType((type) => Array.from({ length: 11 }, (_, order) => free[type]?.[order] ?? 0)),
    lowWatermark: 0,
    pageblocks: perType((type) =>
      type === types[0] ? 8 - 3 * (types.length - 1) : types.includes(type) ? 3 : 0,
    ),
  };
  return { name: 'one zone', zones: [zone], directMap: [] };
}
