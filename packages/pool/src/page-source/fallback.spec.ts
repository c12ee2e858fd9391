import type { PageSourceSettings, Pfn } from '@decpool/model';
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './profiles.ts';
import { MIB, oneZone, sourceOf } from './testing.ts';

const withKernel = (kernel: PageSourceSettings['kernel']) => ({ ...PLAIN_PAGE_SOURCE, kernel });

describe('stealing from other migratetypes, by the rules of 6.x', () => {
  it('takes a whole pageblock over: what is left of it serves the thief', () => {
    const source = sourceOf(oneZone({ Movable: { 9: 1 } }));
    const at = source.claim(0, 'Unmovable') as Pfn;
    expect(source.freeChunks('Normal', 'Movable')).toEqual(new Array(11).fill(0));
    expect(source.freeChunks('Normal', 'Unmovable')).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    source.giveBack(at, 0);
    expect(source.freeChunks('Normal', 'Unmovable')[9]).toBe(1);
  });

  it('breaks up the largest chunk, so that the next need not be', () => {
    const source = sourceOf(oneZone({ Movable: { 2: 5, 10: 1 } }));
    source.claim(0, 'Unmovable');
    expect(source.freeChunks('Normal', 'Movable')).toEqual([0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('prefers reclaimable to movable for unmovable requests', () => {
    const source = sourceOf(oneZone({ Movable: { 9: 1 }, Reclaimable: { 9: 1 } }));
    source.claim(9, 'Unmovable');
    expect(source.freeChunks('Normal', 'Movable')[9]).toBe(1);
    expect(source.freeChunks('Normal', 'Reclaimable')[9]).toBe(0);
  });

  it('leaves a pageblock with its type while less than half of it is free', () => {
    const source = sourceOf(oneZone({ Reclaimable: { 5: 1 } }));
    const at = source.claim(5, 'Unmovable') as Pfn;
    source.giveBack(at, 5);
    expect(source.freeChunks('Normal', 'Reclaimable')[5]).toBe(1);
  });

  it('for movable requests breaks up the smallest chunk when the pageblock would not come along', () => {
    const source = sourceOf(oneZone({ Unmovable: { 1: 1, 3: 1 } }));
    source.claim(0, 'Movable');
    expect(source.freeChunks('Normal', 'Unmovable').slice(0, 4)).toEqual([0, 0, 0, 1]);
  });

  it('never touches CMA or reserved pageblocks', () => {
    const source = sourceOf(oneZone({ CMA: { 9: 1 }, HighAtomic: { 9: 1 } }));
    expect(source.claim(0, 'Unmovable')).toBe(-1);
  });
});

describe('moving a pageblock to another migratetype', () => {
  it.each(['6.x', '7.x'] as const)(
    'happens in %s when it is free but for pages claimed from it',
    (kernel) => {
      // One Movable pageblock with 511 of 512 pages free, in chunks of order 0 to 8: claimed for Unmovable.
      const source = sourceOf(oneZone({ Movable: { 9: 1 } }), 1, withKernel(kernel));
      source.claim(0, 'Movable');
      const at = source.claim(0, 'Unmovable') as Pfn;
      source.giveBack(at, 0);
      expect(source.freeChunks('Normal', 'Movable')).toEqual(new Array(11).fill(0));
      expect(source.freeChunks('Normal', 'Unmovable').slice(0, 9)).toEqual(new Array(9).fill(1));
    },
  );

  it.each(['6.x', '7.x'] as const)('counts claimed pages of a Movable pageblock as alike in %s', (kernel) => {
    const source = sourceOf(oneZone({ Movable: { 9: 1 } }), 1, withKernel(kernel));
    // 384 pages stay claimed: too few are free, but none that is in use is movable.
    source.claim(8, 'Movable');
    source.claim(7, 'Movable');
    const at = source.claim(0, 'Unmovable') as Pfn;
    source.giveBack(at, 0);
    expect(source.freeChunks('Normal', 'Unmovable')[7]).toBe(1);
  });
});

describe('7.x', () => {
  it('claims a whole pageblock from the largest chunk, and with it the rest of that pageblock', () => {
    const source = sourceOf(oneZone({ Movable: { 2: 5, 9: 1 } }), 1, withKernel('7.x'));
    const at = source.claim(0, 'Unmovable') as Pfn;
    expect(source.freeChunks('Normal', 'Movable')).toEqual([0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
    source.giveBack(at, 0);
    expect(source.freeChunks('Normal', 'Unmovable')[9]).toBe(1);
  });

  it('steals the smallest chunk where no pageblock is half free, and leaves the rest of it where it was', () => {
    const source = sourceOf(oneZone({ Movable: { 2: 1, 5: 1 } }), 1, withKernel('7.x'));
    const at = source.claim(0, 'Unmovable') as Pfn;
    expect(source.freeChunks('Normal', 'Movable')).toEqual([1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    expect(source.freeChunks('Normal', 'Unmovable')).toEqual(new Array(11).fill(0));
    source.giveBack(at, 0);
    expect(source.freeChunks('Normal', 'Movable')).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0]);
  });

  it('where 6.x moves all that is free in the pageblock of the largest chunk', () => {
    const source = sourceOf(oneZone({ Movable: { 2: 1, 5: 1 } }), 1, withKernel('6.x'));
    source.claim(0, 'Unmovable');
    // Both chunks lie in one pageblock: the smaller one comes along, and serves.
    expect(source.freeChunks('Normal', 'Movable')).toEqual(new Array(11).fill(0));
    expect(source.freeChunks('Normal', 'Unmovable')).toEqual([1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
  });

  it('never claims a pageblock by a small chunk for movable requests', () => {
    const source = sourceOf(oneZone({ Unmovable: { 1: 1, 3: 1 } }), 1, withKernel('7.x'));
    source.claim(0, 'Movable');
    expect(source.freeChunks('Normal', 'Unmovable').slice(0, 4)).toEqual([1, 0, 0, 1]);
    expect(source.freeChunks('Normal', 'Movable')).toEqual(new Array(11).fill(0));
  });

  it('not even one that is half free', () => {
    // 32 chunks of order 3 in each pageblock, as many as there can be.
    const source = sourceOf(oneZone({ Unmovable: { 3: 256 } }), 1, withKernel('7.x'));
    source.claim(0, 'Movable');
    expect(source.freeChunks('Normal', 'Unmovable').slice(0, 4)).toEqual([1, 1, 1, 255]);
  });

  it('takes a pageblock over by a small chunk, when half of it is free', () => {
    const source = sourceOf(oneZone({ Movable: { 9: 1 } }), 1, withKernel('7.x'));
    const held = Array.from({ length: 8 }, () => source.claim(6, 'Movable') as Pfn);
    for (const at of [held[1], held[3], held[5], held[7]]) source.giveBack(at, 6);
    source.claim(0, 'Unmovable');
    expect(source.freeChunks('Normal', 'Movable')).toEqual(new Array(11).fill(0));
    expect(source.freeChunks('Normal', 'Unmovable').slice(0, 7)).toEqual([1, 1, 1, 1, 1, 1, 3]);
  });

  it('has a pageblock take over the migratetype of the one it merges with, which 6.x does not', () => {
    const listAfterwards = (kernel: '6.x' | '7.x') => {
      const source = sourceOf(oneZone({ Movable: { 10: 1 } }), 1, withKernel(kernel));
      const [first, second] = [source.claim(9, 'Movable') as Pfn, source.claim(9, 'Unmovable') as Pfn];
      source.giveBack(first, 9);
      source.giveBack(second, 9);
      expect(source.freeChunks('Normal', 'Unmovable')[10]).toBe(1);
      source.giveBack(source.claim(9, 'Unmovable') as Pfn, 9);
      return (['Movable', 'Unmovable'] as const).filter(
        (type) => source.freeChunks('Normal', type)[10] === 1,
      );
    };
    expect(listAfterwards('6.x')).toEqual(['Movable']);
    expect(listAfterwards('7.x')).toEqual(['Unmovable']);
  });
});

it.each(['6.x', '7.x'] as const)(
  'breaks up no foreign pageblock in zone Normal while a lower zone has a whole one to give, in %s',
  (kernel) => {
    const [normal] = oneZone({ Movable: { 8: 4 } }).zones;
    const [, dma32] = freshBoot(64 * MIB).zones;
    const source = sourceOf({ name: 'two', zones: [dma32, normal], directMap: [] }, 1, withKernel(kernel));
    expect(source.zoneIndexOf(source.claim(0, 'Unmovable'))).toBe(0);
    expect(source.zoneIndexOf(source.claim(0, 'Movable'))).toBe(1);
  },
);
