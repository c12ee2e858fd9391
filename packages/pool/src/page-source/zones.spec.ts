import { ANY_NODE, type MemoryState, type Pfn, spanOf, x86Geometry } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { type Reach, reachOf } from './page-source.ts';
import { freshBoot } from './profiles.ts';
import { GIB, MIB, oneZone, sourceOf } from './testing.ts';

const reach = (highestZone: Reach['highestZone'], node = ANY_NODE): Reach => ({ highestZone, node });

const zoneNames = (memory: MemoryState) =>
  memory.zones.map(({ name, node = 0 }) => `${name} of node ${node}`);

/** The zones that pages come from, in this order, until there are none. */
function zonesServed(memory: MemoryState, where?: Reach): string[] {
  const source = sourceOf(memory);
  const served: string[] = [];
  for (let at = source.claim(10, 'Movable', where); at !== -1; at = source.claim(10, 'Movable', where)) {
    const name = zoneNames(memory)[source.zoneIndexOf(at)];
    if (served.at(-1) !== name) served.push(name);
  }
  return served;
}

describe('a request', () => {
  const memory = freshBoot(8 * GIB, 2);

  it('tries one node after the other, and its zones from high to low', () => {
    const all = ['Normal of node 0', 'DMA32 of node 0', 'DMA of node 0', 'Normal of node 1'];
    expect(zonesServed(memory)).toEqual(all);
    expect(zonesServed(memory, reach('Normal'))).toEqual(all);
  });

  it('goes no higher than it may', () => {
    expect(zonesServed(memory, reach('DMA32'))).toEqual(['DMA32 of node 0', 'DMA of node 0']);
    expect(zonesServed(memory, reach('DMA'))).toEqual(['DMA of node 0']);
  });

  it('for one node gets nothing from the others', () => {
    expect(zonesServed(memory, reach('Normal', 1))).toEqual(['Normal of node 1']);
    expect(zonesServed(memory, reach('DMA32', 1))).toEqual([]);
    expect(zonesServed(memory, reach('Normal', 0))).toHaveLength(3);
    expect(zonesServed(memory, reach('Normal', 7))).toEqual([]);
  });

  describe('on a machine of several nodes', () => {
    const [normal] = oneZone({ Movable: { 8: 4 } }).zones;
    const [, , , other] = freshBoot(8 * GIB, 2).zones;
    /** A zone below with these free Movable chunks, zone Normal in small chunks, and another node with nearly all free. */
    const firstZone = (name: string, free: Record<number, number>) => {
      const [below] = oneZone({ Movable: free }).zones;
      const low = { ...below, name, ram: [[2 ** 11, 4096]] as const };
      const source = sourceOf({ name: 'two nodes', zones: [low, normal, other], directMap: [] });
      return source.zoneIndexOf(source.claim(0, 'Unmovable'));
    };

    it('rather takes a whole pageblock of zone DMA32 than break up one of Normal', () => {
      expect(firstZone('DMA32', { 9: 1 })).toBe(0);
    });

    it('rather breaks up a foreign pageblock of its node than go to another', () => {
      expect(firstZone('DMA32', { 8: 4 })).toBe(1);
    });

    it('breaks one up at once where there is no zone DMA32 below Normal', () => {
      expect(firstZone('DMA', { 9: 1 })).toBe(1);
    });
  });
});

describe('the zone of a page', () => {
  it('is told by its index, and -1 where there is no RAM', () => {
    const memory = freshBoot(8 * GIB, 2);
    const source = sourceOf(memory);
    const at = (page: number) => zoneNames(memory)[source.zoneIndexOf(page)];
    expect([0, 4096, 2 ** 20, 2 ** 20 + 2 ** 18].map(at)).toEqual([
      'DMA of node 0',
      'DMA32 of node 0',
      'Normal of node 0',
      'Normal of node 1',
    ]);
    expect([source.zoneIndexOf(2 ** 20 - 1), source.zoneIndexOf(2 ** 24)]).toEqual([-1, -1]);
  });

  it('is where free chunks are counted, node by node', () => {
    const memory = freshBoot(8 * GIB, 2);
    const source = sourceOf(memory);
    const before = source.freeChunks('Normal', 'Movable', 1)[10];
    const at = source.claim(10, 'Movable', reach('Normal', 1)) as Pfn;
    expect(source.freeChunks('Normal', 'Movable', 1)[10]).toBe(before - 1);
    source.giveBack(at, 10);
    expect(source.freeChunks('Normal', 'Movable', 1)[10]).toBe(before);
    expect(source.freeChunks('Normal', 'Movable')[10]).toBe(memory.zones[2].free.Movable[10]);
  });

  it('keeps free chunks of two nodes from merging', () => {
    const [low] = oneZone({ Movable: { 9: 1 } }).zones;
    const one = { ...low, ram: [[2 ** 20, 512]] as const, pageblocks: { ...low.pageblocks, Movable: 1 } };
    const other = { ...one, ram: [[2 ** 20 + 512, 512]] as const, node: 1 };
    const source = sourceOf({ name: 'two nodes', zones: [one, other], directMap: [] });
    const held = [source.claim(9, 'Movable') as Pfn, source.claim(9, 'Movable') as Pfn];
    for (const at of held) source.giveBack(at, 9);
    expect([0, 1].map((node) => source.freeChunks('Normal', 'Movable', node)[9])).toEqual([1, 1]);
  });
});

describe('the blocks that a request can reach', () => {
  const memory = freshBoot(8 * GIB, 2);
  const blocks = (where: Reach) => reachOf(memory, x86Geometry(spanOf(memory)), where);

  it('are those its zones span, holes included', () => {
    expect(blocks(reach('DMA'))).toEqual([0, 8]);
    expect(blocks(reach('DMA32'))).toEqual([0, 3 * 512]);
    expect(blocks(reach('Normal'))).toEqual([0, 9 * 512]);
    expect(blocks(reach('Normal', 0))).toEqual([0, 5 * 512]);
    expect(blocks(reach('Normal', 1))).toEqual([5 * 512, 9 * 512]);
  });

  it('are none where no zone is allowed', () => {
    expect(blocks(reach('DMA32', 1))).toEqual([0, 0]);
    expect(blocks(reach('Normal', 2))).toEqual([0, 0]);
  });

  it('round a zone that ends inside a block up to that block', () => {
    const [zone] = freshBoot(64 * MIB).zones;
    const state = { name: 'odd', zones: [{ ...zone, ram: [[100, 600]] as const }], directMap: [] };
    expect(reachOf(state, x86Geometry(1024), reach('DMA'))).toEqual([0, 2]);
  });
});
