import { ANY_NODE, type MemoryState, x86Geometry } from '@decpool/model';
import { checkGeometry, type PageRun, type ZoneState } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { perType } from './testing.ts';
import { type Reach, reachOf, ZoneMap, zonesOf } from './zones.ts';

const BLOCK = 64;
const BLOCKS = 12;
const SPAN = BLOCK * BLOCKS;
const geometry = checkGeometry({ ...x86Geometry(SPAN), pagesPerBlock: BLOCK, spanPages: SPAN });

const zone = (name: string, node: number | undefined, ram: readonly PageRun[]): ZoneState => ({
  name,
  ...(node === undefined ? {} : { node }),
  ram,
  free: perType(() => new Array<number>(11).fill(0)),
  lowWatermark: 0,
  pageblocks: perType(() => 0),
});
const memoryOf = (zones: readonly ZoneState[]): MemoryState => ({ name: 'zones', zones, directMap: [] });
const mapOf = (...zones: ZoneState[]) => new ZoneMap(memoryOf(zones), geometry);

/** Four zones of three blocks each, in any order and named anyhow; each has RAM in some of its sixteenths, or none. */
const memories = fc
  .tuple(
    fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
    fc.array(
      fc.record({
        name: fc.constantFrom('DMA', 'DMA32', 'Normal', 'Movable'),
        node: fc.constantFrom(undefined, 0, 1, 2),
        parts: fc.oneof(
          fc.constant<boolean[]>([]),
          fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
          fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        ),
      }),
      { minLength: 4, maxLength: 4 },
    ),
  )
  .map(([places, zones]) =>
    memoryOf(
      zones.map(({ name, node, parts }, index) => {
        const ram: [number, number][] = [];
        for (const [part, isRam] of parts.entries()) {
          const start = places[index] * 3 * BLOCK + part * 16;
          const last = ram.at(-1);
          if (isRam && last !== undefined && last[0] + last[1] === start) last[1] += 16;
          else if (isRam) ram.push([start, 16]);
        }
        return zone(name, node, ram);
      }),
    ),
  );

/** The pages that a zone has. */
const pagesOf = ({ ram }: ZoneState) =>
  ram.flatMap(([start, pages]) => Array.from({ length: pages }, (_, page) => start + page));
const blocksOf = (state: ZoneState) => new Set(pagesOf(state).map((page) => Math.floor(page / BLOCK)));

const reaches = fc.record<Reach>({
  highestZone: fc.constantFrom('DMA', 'DMA32', 'Normal'),
  node: fc.constantFrom(ANY_NODE, 0, 1, 2, 3),
});
const NAMES = ['DMA', 'DMA32', 'Normal'];
const isIn = ({ name, node = 0 }: ZoneState, reach: Reach) =>
  (reach.node === ANY_NODE || reach.node === node) &&
  NAMES.slice(0, NAMES.indexOf(reach.highestZone) + 1).includes(name);

describe('the map of the zones, against the pages that each zone has', () => {
  it('has a block in the zone that has pages in it, and wholly so if all its pages are of one run of RAM', () => {
    fc.assert(
      fc.property(memories, (memory) => {
        const map = new ZoneMap(memory, geometry);
        const ownerOf = new Array<number>(SPAN).fill(-1);
        for (const [index, state] of memory.zones.entries())
          for (const page of pagesOf(state)) ownerOf[page] = index;
        const blocks = Array.from({ length: BLOCKS }, (_, block) => {
          const owners = ownerOf.slice(block * BLOCK, (block + 1) * BLOCK);
          return { zone: Math.max(...owners), isWhole: !owners.includes(-1) };
        });
        expect(map.blocks).toBe(BLOCKS);
        expect(
          blocks.map((_, block) => ({ zone: map.zoneOfBlock(block), isWhole: map.isWhole(block) })),
        ).toEqual(blocks);
        expect(ownerOf.map((_, page) => map.zoneIndexOf(page))).toEqual(
          blocks.flatMap(({ zone }) => new Array<number>(BLOCK).fill(zone)),
        );
        expect(map.zoneIndexOf(SPAN)).toBe(-1);
        for (const [index, state] of memory.zones.entries()) {
          const blocks = [...blocksOf(state)].sort((a, b) => a - b);
          expect(map.blocksIn(index)).toEqual(blocks);
          expect(map.blocksOf(index)).toEqual(
            blocks.length === 0 ? [0, 0] : [blocks[0], blocks[blocks.length - 1] + 1],
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has in the list of a reach its zones, node by node and from high to low', () => {
    fc.assert(
      fc.property(memories, fc.array(reaches, { maxLength: 6 }), (memory, asked) => {
        const map = new ZoneMap(memory, geometry);
        for (const reach of [...asked, ...asked]) {
          const indexes = memory.zones.flatMap((state, index) => (isIn(state, reach) ? [index] : []));
          const nodeOf = (index: number) => memory.zones[index].node ?? 0;
          const zones = [0, 1, 2].flatMap((node) =>
            indexes.filter((index) => nodeOf(index) === node).toReversed(),
          );
          expect(map.zonelist(reach)).toMatchObject({
            zones,
            highestZone: NAMES.indexOf(reach.highestZone),
            localZones: zones.filter((index) => nodeOf(index) === nodeOf(zones[0])).length,
          });
        }
      }),
    );
  });

  it('spans from the first block of a reach to its last, and lists the blocks of each zone that has RAM', () => {
    fc.assert(
      fc.property(memories, reaches, (memory, reach) => {
        const zones = memory.zones.filter((state) => isIn(state, reach) && state.ram.length > 0);
        const blocks = zones.flatMap((state) => [...blocksOf(state)]);
        expect(reachOf(memory, geometry, reach)).toEqual(
          blocks.length === 0 ? [0, 0] : [Math.min(...blocks), Math.max(...blocks) + 1],
        );
        const rangeOf = (state: ZoneState) => ({
          firstBlock: Math.min(...blocksOf(state)),
          endBlock: Math.max(...blocksOf(state)) + 1,
        });
        const expected = [0, 1, 2].flatMap((node) =>
          NAMES.toReversed().flatMap((name) =>
            zones.filter((state) => state.name === name && (state.node ?? 0) === node).map(rangeOf),
          ),
        );
        expect(zonesOf(memory, geometry, reach)).toEqual(expected);
      }),
    );
  });
});

it('a zone is found by its name and its node, which is 0 by default', () => {
  const map = mapOf(
    zone('DMA', undefined, [[0, BLOCK]]),
    zone('Normal', 0, [[BLOCK, BLOCK]]),
    zone('Normal', 1, [[2 * BLOCK, BLOCK]]),
  );
  expect(map.indexOf('DMA', 0)).toBe(0);
  expect(map.indexOf('Normal', 0)).toBe(1);
  expect(map.indexOf('Normal', 1)).toBe(2);
  expect(map.indexOf('DMA', 1)).toBe(-1);
});

it('without a reach a request may use all zones, also those of other names, up to zone Normal', () => {
  const map = mapOf(
    zone('Normal', 1, [[0, BLOCK]]),
    zone('DMA', 0, [[BLOCK, BLOCK]]),
    zone('Movable', 0, [[2 * BLOCK, BLOCK]]),
  );
  expect(map.zonelist(undefined)).toMatchObject({ zones: [2, 1, 0], highestZone: 2, localZones: 2 });
  expect(map.zonelist({ highestZone: 'Normal', node: ANY_NODE }).zones).toEqual([1, 0]);
});

describe('pageblocks of other migratetypes are kept whole on a first round: alloc_flags_nofragment()', () => {
  const dma = zone('DMA', 0, [[0, BLOCK]]);
  const dma32 = zone('DMA32', 0, [[BLOCK, BLOCK]]);
  const normal = zone('Normal', 0, [[2 * BLOCK, BLOCK]]);
  const other = zone('Normal', 1, [[3 * BLOCK, BLOCK]]);
  const isNofragment = (zones: ZoneState[], reach?: Reach) => mapOf(...zones).zonelist(reach).isNofragment;

  it('if zone Normal is preferred, on a machine of one node', () => {
    expect(isNofragment([normal])).toBe(true);
    expect(isNofragment([dma, normal])).toBe(true);
    expect(isNofragment([dma, dma32])).toBe(false);
    expect(isNofragment([dma, dma32, normal], { highestZone: 'DMA32', node: ANY_NODE })).toBe(false);
  });

  it('on a machine of several nodes only if the node of the preferred zone has zone DMA32', () => {
    expect(isNofragment([dma, dma32, normal, other])).toBe(true);
    expect(isNofragment([dma, normal, other])).toBe(false);
    expect(isNofragment([dma, dma32, normal, other], { highestZone: 'Normal', node: 1 })).toBe(false);
  });

  it('never if the request may use no zone', () => {
    expect(isNofragment([normal], { highestZone: 'DMA', node: ANY_NODE })).toBe(false);
    expect(isNofragment([])).toBe(false);
  });
});
