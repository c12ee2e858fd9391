import { InputError, type MemoryState, x86Geometry } from '@decpool/model';
import { packChunks, type ZonePositions } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { TYPE } from '../page-allocator/migratetypes.ts';
import { freePagesAtStart } from './free-at-start.ts';
import { placeKnown } from './known-places.ts';
import { PageSource } from './page-source.ts';
import { freshBoot } from './profiles.ts';

const POSITIONS: ZonePositions = {
  chunks: [
    [0, packChunks([513, 515, 520, 1600, 1700])],
    [10, packChunks([2048])],
  ],
  pageblocks: [
    [0, 2, 'Unmovable'],
    [1024, 4, 'Movable'],
  ],
  movable: [[1024, 1, 300]],
};

const [dma] = freshBoot(64 * 2 ** 20).zones;
const geometry = x86Geometry(4096);
const orders = (counts: Readonly<Record<number, number>>) =>
  Array.from({ length: 11 }, (_, order) => counts[order] ?? 0);

const memory = (positions = POSITIONS): MemoryState => ({
  name: 'by hand',
  zones: [
    {
      ...dma,
      ram: [[512, 2560]],
      lowWatermark: 0,
      free: { ...dma.free, Unmovable: orders({ 0: 3 }), Movable: orders({ 0: 2, 10: 1 }) },
      positions,
    },
  ],
  directMap: [[0, 4096, 2]],
});

describe('chunks whose places are known', () => {
  it('are on the list of Movable where no pageblock is recorded, and nothing is misplaced or dropped', () => {
    const types = { ...POSITIONS, pageblocks: [[512, 2, 'Reclaimable'] as const] };
    const source = new PageSource(memory(types), geometry, 1);
    expect(source.freeChunks('DMA', 'Reclaimable')).toEqual(orders({ 0: 3 }));
    expect(source.freeChunks('DMA', 'Movable')).toEqual(orders({ 0: 2, 10: 1 }));
    expect([source.misplaced, source.dropped]).toEqual([0, 0]);
  });

  it('may be in any range of the RAM of a zone', () => {
    const { zones, ...rest } = memory();
    const ranges = [
      [512, 1536],
      [2048, 1024],
    ] as const;
    const source = new PageSource({ ...rest, zones: [{ ...zones[0], ram: ranges }] }, geometry, 1);
    expect(source.freePages).toBe(5 + 1024);
  });

  it('lie in pageblocks that reach to the end of the zone, and no further', () => {
    const upTo = (blocks: number) => () =>
      new PageSource(memory({ ...POSITIONS, pageblocks: [[512, blocks, 'Movable']] }), geometry, 1);
    expect(upTo(5)).not.toThrow();
    expect(upTo(6)).toThrow('zone DMA: 6 pageblocks from page 512 on are not all in the zone');
  });

  it('are where they were, on the lists of their pageblocks', () => {
    const source = new PageSource(memory(), geometry, 1);
    expect(source.freeChunks('DMA', 'Unmovable')[0]).toBe(3);
    expect(source.freeChunks('DMA', 'Movable')).toEqual(orders({ 0: 2, 10: 1 }));
    const claimed = Array.from({ length: 3 }, () => source.claim(0, 'Unmovable'));
    expect(claimed.sort((a, b) => a - b)).toEqual([513, 515, 520]);
    expect([...freePagesAtStart(memory(), geometry, 1)]).toEqual([0, 3, 0, 2, 512, 512, 0, 0]);
  });

  it('are served in an order that the seed decides', () => {
    const firsts = Array.from({ length: 40 }, (_, seed) =>
      new PageSource(memory(), geometry, seed).claim(0, 'Unmovable'),
    );
    expect(new Set(firsts)).toEqual(new Set([513, 515, 520]));
  });

  it.each([
    [
      'overlap',
      { ...POSITIONS, chunks: [[0, '2050'], ...POSITIONS.chunks.slice(1)] },
      'zone DMA, free chunks of order 10: page 2050 is in a list a second time',
    ],
    [
      'lie outside the zone',
      { ...POSITIONS, chunks: [[0, '12']] },
      'zone DMA, free chunks of order 0: no chunk of order 0 of the zone begins at page 12',
    ],
    [
      'have pageblocks that begin inside of one',
      { ...POSITIONS, pageblocks: [[513, 1, 'Movable']] },
      'zone DMA: 1 pageblocks from page 513 on are not all in the zone',
    ],
    [
      'have pageblocks outside the zone',
      { ...POSITIONS, pageblocks: [[512, 1e9, 'Movable']] },
      'zone DMA: 1000000000 pageblocks from page 512 on are not all in the zone',
    ],
  ] as [string, ZonePositions, string][])('are refused if they %s', (_, positions, message) => {
    expect(() => new PageSource(memory(positions), geometry, 1)).toThrow(InputError);
    expect(() => new PageSource(memory(positions), geometry, 1)).toThrow(message);
  });
});

describe('the places of a zone', () => {
  const [zone] = memory().zones;
  const placed = (positions: ZonePositions, ram = zone.ram) => {
    const { chunks, ...rest } = placeKnown({ ...zone, ram }, positions, geometry, 1);
    return { ...rest, chunks: chunks.toSorted((a, b) => a.pfn - b.pfn) };
  };

  it('are as recorded, each of the migratetype of its pageblock, Movable where none is recorded', () => {
    const types = {
      ...POSITIONS,
      pageblocks: [[512, 2, 'Unmovable'] as const, [2048, 1, 'Reclaimable'] as const],
    };
    expect(placed(types)).toEqual({
      chunks: [
        { pfn: 513, order: 0, type: TYPE.Unmovable },
        { pfn: 515, order: 0, type: TYPE.Unmovable },
        { pfn: 520, order: 0, type: TYPE.Unmovable },
        { pfn: 1600, order: 0, type: TYPE.Movable },
        { pfn: 1700, order: 0, type: TYPE.Movable },
        { pfn: 2048, order: 10, type: TYPE.Reclaimable },
      ],
      pageblocks: new Map([
        [1, TYPE.Unmovable],
        [2, TYPE.Unmovable],
        [4, TYPE.Reclaimable],
      ]),
      misplaced: 0,
      dropped: 0,
    });
  });

  it('lie between the first and the last page of its RAM, holes and all', () => {
    const ranges = [
      [512, 512],
      [2048, 1024],
    ] as const;
    const at = (order: number, pfn: number) => () =>
      placed({ chunks: [[order, `${pfn}`]], pageblocks: [[512, 5, 'Movable']], movable: [] }, ranges);
    for (const pfn of [512, 3071]) expect(at(0, pfn)).not.toThrow();
    for (const pfn of [511, 3072]) expect(at(0, pfn)).toThrow(InputError);
    expect(at(9, 2560)).not.toThrow();
    const blocks = (count: number) => () =>
      placed({ chunks: [], pageblocks: [[1024, count, 'Movable']], movable: [] }, ranges);
    expect(blocks(4)).not.toThrow();
    expect(blocks(5)).toThrow('zone DMA: 5 pageblocks from page 1024 on are not all in the zone');
  });

  it('are in the order that the seed decides, order by order', () => {
    const ordersOf = (seed: number) =>
      placeKnown(zone, POSITIONS, geometry, seed).chunks.map(({ order }) => order);
    const firstOf = (seed: number) => placeKnown(zone, POSITIONS, geometry, seed).chunks[0].pfn;
    for (let seed = 0; seed < 20; seed++) expect(ordersOf(seed)).toEqual([0, 0, 0, 0, 0, 10]);
    expect(new Set(Array.from({ length: 60 }, (_, seed) => firstOf(seed))).size).toBe(5);
  });
});
