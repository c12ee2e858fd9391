/** What the specs of this folder share. */
import {
  type Geometry,
  type MemoryState,
  type Migratetype,
  type PageSourceSettings,
  spanOf,
  x86Geometry,
} from '@decpool/model';
import {
  checkGeometry,
  type ExactCpu,
  type ExactZone,
  MIGRATETYPES,
  type PageRun,
  packChunks,
  unpackChunks,
  type ZoneState,
} from '@decpool/model/internal';
import fc from 'fast-check';
import { PageSource } from './page-source.ts';
import { randomFrom } from './random.ts';

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

/** The first `blocks` pageblocks of memory as exactly known: free are these chunks, in buddy lists and in the lists of two CPUs. */
export function exactly(
  blocks: number,
  lists: ExactZone['lists'],
  cpuLists: readonly ExactCpu['lists'][] = [[], []],
  more: Partial<ExactZone> = {},
): MemoryState {
  const [zone] = oneZone({}).zones;
  const pages = blocks * 512;
  const exact: ExactZone = {
    start: 0,
    end: pages,
    managed: pages,
    freeCounter: lists.reduce(
      (sum, [order, , packed]) => sum + unpackChunks(packed, pages).length * 2 ** order,
      0,
    ),
    min: 0,
    low: 0,
    high: 0,
    boost: 0,
    lowmemReserve: [0, 0, 0, 0, 0],
    reservedHighatomic: 0,
    flags: 0,
    pageblocks: [[0, blocks, 'Movable']],
    movable: [],
    lists,
    cpus: cpuLists.map((ofCpu) => ({ batch: 4, high: 16, freeDiff: 0, lists: ofCpu })),
    ...more,
  };
  return {
    name: 'exact',
    zones: [{ ...zone, ram: [[0, pages]] }],
    exact: { kernel: '6.1.0', zones: [exact] },
    directMap: [],
  };
}

/** Pages of a pageblock of a small guest. */
export const SMALL_BLOCK = 64;
const SMALL_SPAN = 8 * SMALL_BLOCK;

/** Eight pageblocks of 64 pages in two zones; the first one lies around the second, and may begin and end inside a pageblock. */
export interface SmallGuest {
  readonly memory: MemoryState;
  readonly geometry: Geometry;
  /** RAM of zone 0 and of zone 1. */
  readonly zonePages: readonly (readonly number[])[];
  /** Pages in use that cannot move, nor be reclaimed: a request has claimed them. */
  readonly claimed: ReadonlySet<number>;
}

export const smallGuests = (watermarks: NonNullable<ZoneState['watermarks']>): fc.Arbitrary<SmallGuest> =>
  fc
    .record({
      start: fc.constantFrom(0, 16),
      end: fc.constantFrom(SMALL_SPAN, SMALL_SPAN - 16),
      seed: fc.nat(),
      blocks: fc.array(
        fc.record({
          type: fc.constantFrom<Migratetype>('Unmovable', 'Movable', 'Movable', 'Movable', 'Reclaimable'),
          /** Of eight pages, how many are free, and in which chunks. */
          eighths: fc.nat(8),
          order: fc.nat(4),
          movable: fc.oneof(fc.nat(SMALL_BLOCK), fc.constantFrom(0, 1, SMALL_BLOCK)),
        }),
        { minLength: 8, maxLength: 8 },
      ),
    })
    .map(({ start, end, seed, blocks }) => {
      const random = randomFrom(seed);
      const free = new Set<number>();
      const claimed = new Set<number>();
      const ranges: readonly (readonly PageRun[])[] = [
        [
          [start, 3 * SMALL_BLOCK - start],
          [5 * SMALL_BLOCK, end - 5 * SMALL_BLOCK],
        ],
        [[3 * SMALL_BLOCK, 2 * SMALL_BLOCK]],
      ];
      const zonePages = ranges.map((ram) =>
        ram.flatMap(([first, pages]) => Array.from({ length: pages }, (_, page) => first + page)),
      );
      for (const page of zonePages.flat()) {
        const { eighths, order } = blocks[Math.floor(page / SMALL_BLOCK)];
        // Of two pageblocks side by side one never becomes free, so that no chunk is larger than a pageblock.
        const isPinned = page % (2 * SMALL_BLOCK) === 40;
        const isFree = page % 2 ** order === 0 ? random.below(8) < eighths : free.has(page - 1);
        if (isFree && !isPinned) free.add(page);
        else if (isPinned || random.below(12) === 0) claimed.add(page);
      }
      const chunks: number[][] = Array.from({ length: 7 }, () => []);
      const split = (at: number, order: number): void => {
        const pages = Array.from({ length: 2 ** order }, (_, page) => at + page);
        if (pages.every((page) => free.has(page))) chunks[order].push(at);
        else if (pages.some((page) => free.has(page)))
          for (const half of [0, 1]) split(at + half * 2 ** (order - 1), order - 1);
      };
      for (const block of blocks.keys()) split(block * SMALL_BLOCK, 6);
      const zones = zonePages.map((pages, index): ZoneState => {
        const own = new Set(pages);
        const ownBlocks = [...blocks.keys()].filter((block) =>
          pages.some((page) => Math.floor(page / SMALL_BLOCK) === block),
        );
        const inZone = chunks.map((pfns) => pfns.filter((pfn) => own.has(pfn)));
        return {
          name: 'Normal',
          ...(index === 0 ? {} : { node: index }),
          ram: ranges[index],
          free: perType((type) =>
            type === 'Movable'
              ? inZone.map(({ length }) => length).concat([0, 0, 0, 0])
              : new Array(11).fill(0),
          ),
          lowWatermark: watermarks.low,
          watermarks,
          pageblocks: perType((type) => (type === 'Movable' ? ownBlocks.length : 0)),
          positions: {
            chunks: inZone.flatMap((pfns, order) =>
              pfns.length === 0 ? [] : [[order, packChunks(pfns)] as const],
            ),
            pageblocks: ownBlocks.map((block) => [block * SMALL_BLOCK, 1, blocks[block].type] as const),
            movable: ownBlocks.map((block) => [block * SMALL_BLOCK, 1, blocks[block].movable] as const),
          },
        };
      });
      const geometry = checkGeometry({ ...x86Geometry(SMALL_SPAN), pagesPerBlock: SMALL_BLOCK });
      return { memory: { name: 'small', zones, directMap: [] }, geometry, zonePages, claimed };
    });
