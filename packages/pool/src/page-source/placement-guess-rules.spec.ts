import { x86Geometry } from '@decpool/model';
import { MIGRATETYPES, type PageRun, type ZoneState } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TYPE } from '../page-allocator/migratetypes.ts';
import { guessPlacement } from './placement-guess.ts';
import { oneZone, perType } from './testing.ts';

describe('the guess of a zone', () => {
  const BLOCKS = 12;
  const geometry = x86Geometry(BLOCKS * 512);
  const [empty] = oneZone({}).zones;
  const orders = (counts: Readonly<Record<number, number>>) =>
    Array.from({ length: 11 }, (_, order) => counts[order] ?? 0);
  type Free = Partial<Record<(typeof MIGRATETYPES)[number], Record<number, number>>>;
  const zoneOf = (ram: readonly PageRun[], free: Free, pageblocks: Partial<ZoneState['pageblocks']>) => ({
    ...empty,
    ram,
    free: perType((type) => orders(free[type] ?? {})),
    pageblocks: perType((type) => pageblocks[type] ?? 0),
  });

  const counts = fc.dictionary(
    fc.constantFrom('0', '1', '2', '4', '7', '8', '9', '10'),
    fc.integer({ min: 0, max: 5 }),
  );
  const quota = fc.nat(5);
  const zones = fc.record({
    // From a page in the first two pageblocks on, with a hole behind it.
    start: fc.oneof(fc.constantFrom(0, 512, 1024), fc.nat(1023)),
    hole: fc.oneof(fc.constantFrom(2048, 2560), fc.integer({ min: 1200, max: 3000 })),
    holePages: fc.oneof(fc.constantFrom(0, 512), fc.nat(700)),
    free: fc.record({ Unmovable: counts, Movable: counts, Reclaimable: counts }),
    pageblocks: fc.record({ Unmovable: quota, Movable: quota, Reclaimable: quota }),
    reserved: fc.option(fc.tuple(fc.integer({ min: 6, max: 10 }), fc.integer({ min: 1, max: 3 })), {
      nil: [0, 0],
    }),
  });

  it('keeps what is known: no chunk outside RAM, over another, or beside a free buddy; none is lost for which there is room', () => {
    fc.assert(
      fc.property(zones, fc.nat(100), ({ start, hole, holePages, reserved, ...rest }, seed) => {
        const ram: PageRun[] = [
          [start, hole - start],
          [hole + holePages, BLOCKS * 512 - hole - holePages],
        ];
        const zone = zoneOf(ram, rest.free, rest.pageblocks);
        const [firstReserved, blocksReserved] = reserved;
        const isReserved = (block: number) =>
          block >= firstReserved && block < firstReserved + blocksReserved;
        const guess = guessPlacement(zone, geometry, seed, [firstReserved * 512, blocksReserved * 512]);

        const isRam = Array.from({ length: BLOCKS * 512 }, (_, page) =>
          ram.some(([from, pages]) => page >= from && page < from + pages),
        );
        const isOpen = isRam.map((is, page) => is && !isReserved(Math.floor(page / 512)));
        const orderAt = new Map(guess.chunks.map(({ pfn, order }) => [pfn, order]));
        const found = perType(() => orders({}));
        let misplaced = 0;
        for (const { pfn, order, type } of guess.chunks) {
          found[MIGRATETYPES[type]][order]++;
          if (pfn % 2 ** order !== 0) expect.fail(`page ${pfn} is not aligned to order ${order}`);
          if (order < 10 && orderAt.get(pfn ^ (2 ** order)) === order)
            expect.fail(`page ${pfn} lies beside its free buddy`);
          for (let page = pfn; page < pfn + 2 ** order; page++) {
            if (!isOpen[page]) expect.fail(`page ${page} is no RAM, reserved, or in two chunks`);
            isOpen[page] = false;
          }
          if (guess.pageblocks.get(Math.floor((pfn + 2 ** order - 1) / 512)) !== type) misplaced++;
        }
        expect(guess.misplaced).toBe(misplaced);

        // What was dropped has no room.
        let dropped = 0;
        for (const type of MIGRATETYPES) {
          for (const [order, count] of zone.free[type].entries()) {
            const missing = count - found[type][order];
            if (missing < 0) expect.fail(`${-missing} chunks too many`);
            dropped += missing;
            const size = 2 ** order;
            for (let at = 0; missing > 0 && at < BLOCKS * 512; at += size) {
              const hasRoom = isOpen.slice(at, at + size).every((is) => is);
              if (hasRoom && (order === 10 || orderAt.get(at ^ size) !== order))
                expect.fail(`room of order ${order} at page ${at}`);
            }
          }
        }
        expect(guess.dropped).toBe(dropped);

        // Every pageblock with RAM has a migratetype, but for the reserved ones.
        const blocks = Array.from({ length: BLOCKS }, (_, block) => block).filter(
          (block) => !isReserved(block) && isRam.slice(block * 512, (block + 1) * 512).includes(true),
        );
        expect([...guess.pageblocks.keys()].sort((a, b) => a - b)).toEqual(blocks);
      }),
      { numRuns: 40 },
    );
  });

  it('gives the pageblocks in use their migratetypes, the reserved ones being Movable, and Movable to what is left', () => {
    const typesOf = (pageblocks: Partial<ZoneState['pageblocks']>, reserved?: PageRun) => {
      const zone = zoneOf([[0, BLOCKS * 512]], { Unmovable: { 9: 1, 10: 1 } }, pageblocks);
      const types = [...guessPlacement(zone, geometry, 1, reserved).pageblocks.values()];
      return (['Unmovable', 'Movable', 'Reclaimable'] as const).map(
        (type) => types.filter((each) => each === TYPE[type]).length,
      );
    };
    expect(typesOf({ Unmovable: 5, Movable: 4, Reclaimable: 3 })).toEqual([5, 4, 3]);
    expect(typesOf({ Unmovable: 5, Movable: 4, Reclaimable: 3 }, [0, 2 * 512])).toEqual([5, 2, 3]);
    expect(typesOf({ Unmovable: 5, Movable: 1, Reclaimable: 3 })).toEqual([5, 4, 3]);
    expect(typesOf({ Unmovable: 5, Movable: 5, Reclaimable: 3 })).toEqual([5, 5, 2]);
    // Free as a whole: three Unmovable ones, more than there should be.
    expect(typesOf({ Unmovable: 1, Movable: 7, Reclaimable: 2 })).toEqual([3, 7, 2]);
  });

  it('spreads the chunks of an order evenly over the pageblocks in use, neighbours in pairs', () => {
    const zone = zoneOf([[0, 4 * 512]], { Movable: { 0: 10, 3: 16 } }, { Movable: 4 });
    const { chunks, misplaced, dropped } = guessPlacement(zone, geometry, 3);
    const blocksOf = (order: number) =>
      chunks.filter((chunk) => chunk.order === order).map(({ pfn }) => Math.floor(pfn / 512));
    const perBlock = [0, 1, 2, 3].map((block) => blocksOf(0).filter((each) => each === block).length);
    expect(perBlock.sort((a, b) => a - b)).toEqual([2, 2, 3, 3]);
    const pairs = Array.from({ length: 8 }, (_, pair) => blocksOf(3).slice(2 * pair, 2 * pair + 2));
    expect(pairs.sort(([a], [b]) => a - b)).toEqual([0, 0, 1, 1, 2, 2, 3, 3].map((block) => [block, block]));
    expect([misplaced, dropped]).toEqual([0, 0]);
  });

  it('finds whole pageblocks at both ends of a range', () => {
    const zone = zoneOf([[512, 2 * 512]], { Movable: { 9: 2 } }, { Movable: 2 });
    expect(guessPlacement(zone, geometry, 1)).toMatchObject({ misplaced: 0, dropped: 0 });
    const cut = zoneOf([[513, 2 * 512 - 2]], { Movable: { 9: 2 } }, { Movable: 2 });
    expect(guessPlacement(cut, geometry, 1)).toMatchObject({ misplaced: 0, dropped: 2 });
  });

  it('fills up the pageblocks of the migratetype before any other', () => {
    // Half of a pageblock of RAM, and whole ones: 256 places of order 0 in a whole one, since no two buddies are free.
    const free = (count: number) =>
      guessPlacement(
        zoneOf([[256, 256 + 3 * 512]], { Movable: { 0: count } }, { Movable: 4 }),
        x86Geometry(4 * 512),
        1,
      );
    expect(free(128 + 3 * 256)).toMatchObject({ misplaced: 0, dropped: 0 });
    expect(free(128 + 3 * 256 + 1)).toMatchObject({ misplaced: 0, dropped: 1 });
    const mixed = zoneOf([[0, 4 * 512]], { Reclaimable: { 0: 300 } }, { Movable: 3, Reclaimable: 1 });
    const guess = guessPlacement(mixed, geometry, 1);
    expect(guess).toMatchObject({ misplaced: 44, dropped: 0 });
    // Over the others as evenly.
    const perBlock = [0, 1, 2, 3].map(
      (block) => guess.chunks.filter(({ pfn }) => Math.floor(pfn / 512) === block).length,
    );
    expect(perBlock.sort((a, b) => a - b)).toEqual([14, 15, 15, 256]);
  });
});
