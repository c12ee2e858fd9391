import { describe, expect, it } from 'vitest';
import { TYPE } from './migratetypes.ts';
import { allocatorOf, claims, frees, type ZoneSketch, zonelistOf } from './testing.ts';

describe('the buddy lists', () => {
  it('a chunk goes to the tail of its list if its parent may merge soon: buddy_merge_likely()', () => {
    const zone = (pair: number): ZoneSketch => ({
      free: [
        [0, 'Unmovable', [100]],
        [1, 'Unmovable', [pair]],
      ],
    });
    const firstAfterFree = (pair: number) => {
      const allocator = allocatorOf('7.3', [zone(pair)]);
      frees(allocator, [4]);
      return claims(allocator, 1)[0];
    };
    // Page 5 is in use. If 6 and 7 are free, pages 4 to 7 may be whole soon.
    expect([firstAfterFree(6), firstAfterFree(16)]).toEqual([100, 4]);
  });

  it('free chunks that come along with a pageblock are served last: move_to_free_list()', () => {
    const zone: ZoneSketch = {
      types: { 0: 'Movable' },
      free: [
        [6, 'Movable', [0]],
        [0, 'Movable', [300]],
        [0, 'Unmovable', [700]],
      ],
    };
    const allocator = allocatorOf('7.3', [zone]);
    expect(claims(allocator, 1, { order: 2 })).toEqual([0]);
    expect(claims(allocator, 2)).toEqual([700, 300]);
  });

  it('since 6.10 a chunk of two pageblocks is freed one by one, each to its own migratetype: split_large_buddy()', () => {
    const largestFreed = (kernel: '6.1' | '6.12') => {
      const allocator = allocatorOf(kernel, [{ types: { 1: 'CMA' } }]);
      frees(allocator, [0], 10);
      return claims(allocator, 1, { order: 10 })[0];
    };
    expect([largestFreed('6.1'), largestFreed('6.12')]).toEqual([0, -1]);
  });
});

describe('other migratetypes', () => {
  it('a pageblock is broken up only if no zone has an own chunk: alloc_flags_nofragment()', () => {
    const lower: ZoneSketch = { free: [[0, 'Unmovable', [8]]] };
    const upper: ZoneSketch = { types: { 8: 'Movable' }, free: [[8, 'Movable', [4096]]] };
    const first = (isNofragment: boolean) =>
      claims(allocatorOf('7.3', [lower, upper]), 1, { zonelist: zonelistOf(2, isNofragment) })[0];
    expect([first(true), first(false)]).toEqual([8, 4096]);
  });

  it('6.12 takes the front of the largest chunk of a pageblock that it may not take over, 7.3 the smallest chunk', () => {
    // Most pages in use of the pageblock can move, so it stays Movable.
    const zone: ZoneSketch = {
      types: { 0: 'Movable' },
      movable: { 0: 400 },
      free: [
        [5, 'Movable', [0]],
        [2, 'Movable', [64]],
      ],
    };
    const two = (kernel: '6.1' | '6.12' | '7.3') => claims(allocatorOf(kernel, [zone]), 2);
    expect(two('6.12')).toEqual([0, 16]);
    expect(two('7.3')).toEqual([64, 65]);
    // 6.1 moves all free chunks of the pageblock, and serves the smallest.
    expect(two('6.1')).toEqual([64, 65]);
  });

  it('6.1 leaves what it moved with the new type, 7.3 leaves it where it was', () => {
    const zone: ZoneSketch = {
      types: { 0: 'Movable' },
      movable: { 0: 400 },
      free: [
        [5, 'Movable', [0]],
        [2, 'Movable', [64]],
      ],
    };
    const reclaimableChunk = (kernel: '6.1' | '7.3') => {
      const allocator = allocatorOf(kernel, [zone]);
      claims(allocator, 1);
      const { lists } = allocator.buddy;
      return lists.first(lists.list(0, 5, 1));
    };
    expect([reclaimableChunk('6.1'), reclaimableChunk('7.3')]).toEqual([-1, 0]);
  });

  it('pages on LRU lists do not count as alike for unmovable requests: prep_move_freepages_block()', () => {
    const zone = (movable: number): ZoneSketch => ({
      types: { 0: 'Movable', 1: 'Movable' },
      movable: { 0: movable, 1: 500 },
      free: [
        [6, 'Movable', [0]],
        [0, 'Movable', [600]],
      ],
    });
    // 64 pages are free and 148 cannot move: less than half of the pageblock. If none can move it is taken over.
    expect(claims(allocatorOf('7.3', [zone(300)]), 1)).toEqual([600]);
    expect(claims(allocatorOf('7.3', [zone(0)]), 1)).toEqual([0]);
  });

  it('a pageblock changes sides from half of it on: 256 free pages', () => {
    const typeAfter = (...more: number[]) => {
      const zone: ZoneSketch = {
        types: { 0: 'Reclaimable' },
        // 128 pages, then 64, and so on, to a single one: 255.
        free: [7, 6, 5, 4, 3, 2, 1, 0].map((order) => [
          order,
          'Reclaimable',
          [256 - 2 ** (order + 1), ...(order === 0 ? more : [])],
        ]),
      };
      const allocator = allocatorOf('7.3', [zone]);
      claims(allocator, 1);
      return allocator.buddy.typeOf(0);
    };
    expect([typeAfter(), typeAfter(300)]).toEqual([TYPE.Reclaimable, TYPE.Unmovable]);
  });

  it('a fallback below a whole pageblock boosts the watermarks: boost_watermark()', () => {
    const lower: ZoneSketch = { free: [[0, 'Unmovable', [8, 10]]] };
    const upper = (order: number, chunks: readonly number[]): ZoneSketch => ({
      types: Object.fromEntries(chunks.map((pfn) => [pfn >> 9, 'Movable' as const])),
      high: 20,
      free: [[order, 'Movable', chunks]],
    });
    const two = (zone: ZoneSketch) => claims(allocatorOf('7.3', [lower, zone]), 2);
    // 256 pages are free. The boost of 512 pages leaves none to serve.
    expect(two(upper(8, [4096]))).toEqual([4096, 8]);
    expect(two(upper(9, [4096]))).toEqual([4096, 4097]);
  });
});
