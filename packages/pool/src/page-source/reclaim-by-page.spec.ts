/** Reclaim compared with one that looks at every page anew. */
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ClaimedPages } from './claimed-pages.ts';
import { startFromCounts } from './counted-start.ts';
import { Reclaim } from './reclaim.ts';
import { SMALL_BLOCK, smallGuests } from './testing.ts';
import { ZoneMap } from './zones.ts';

const WATERMARKS = { min: 10, low: 60, high: 90, lowmemReserve: [] };
const CLUSTER = 32;

/** The second zone lies inside the first. */
const zoneOf = (page: number): number => Number([3, 4].includes(Math.floor(page / SMALL_BLOCK)));

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('kswapd', 'direct'),
    zones: fc.constantFrom<readonly number[]>([0, 1], [1], [0]),
    order: fc.nat(3),
    boost: fc.constantFrom(0, 0, 60),
  }),
  { minLength: 1, maxLength: 6 },
);

it('frees page cache from the first page of a pageblock on, one pageblock after the other, as much as is asked for', () => {
  fc.assert(
    fc.property(
      smallGuests(WATERMARKS),
      fc.nat(9),
      steps,
      ({ memory, geometry, zonePages, claimed }, seed, all) => {
        const { allocator } = startFromCounts(memory, geometry, 1, PLAIN_PAGE_SOURCE);
        const claimedPages = new ClaimedPages(geometry);
        for (const page of claimed) claimedPages.add(page, 0);
        const reclaim = new Reclaim(allocator, new ZoneMap(memory, geometry), memory, claimedPages, seed);
        const { buddy } = allocator;
        const isFree = (page: number) => buddy.lists.covers(page, 0);
        const inBlock = Array.from({ length: 8 }, (_, block) =>
          zonePages.flat().filter((page) => Math.floor(page / SMALL_BLOCK) === block),
        );
        /** Page cache, in order of addresses: no more than is in use and not claimed. */
        const cacheOf = (block: number): number[] =>
          inBlock[block]
            .filter((page) => !isFree(page) && !claimed.has(page))
            .slice(0, buddy.movableIn[block]);

        for (const { kind, zones, order, boost } of all) {
          const cache = Array.from({ length: 8 }, (_, block) => cacheOf(block));
          const left = [0, 1].map((zone) => cache.flat().filter((page) => zoneOf(page) === zone).length);
          const expected = [0, 0];
          const shrink = () => {
            const freed = zones.map((zone) => Math.min(CLUSTER, left[zone]));
            for (const [at, zone] of zones.entries()) {
              left[zone] -= freed[at];
              expected[zone] += freed[at];
            }
            return freed.reduce((sum, pages) => sum + pages, 0);
          };

          const zonelist = { zones, highestZone: 2, localZones: 1, isNofragment: false };
          if (kind === 'direct') {
            shrink();
            const pages = expected[0] + expected[1];
            expect(reclaim.reclaimDirectly(zonelist, order, 0)).toBe(pages);
          } else {
            allocator.zones[0].boost = boost;
            // Free pages as kswapd sees them: those that a CPU has freed are counted three at a time.
            const before = allocator.zones.map(({ freeCounter, diffs }) => ({
              counted: freeCounter,
              diff: diffs[0],
            }));
            const isAbove = (zone: number) => {
              const { counted, diff } = before[zone];
              const arrived = diff + expected[zone];
              return (
                counted + (arrived > 2 ? arrived - (arrived % 3) : 0) >
                WATERMARKS.high + allocator.zones[zone].boost
              );
            };
            while (!zones.some(isAbove) && shrink() > 0);
            const isBalanced = zones.some(isAbove);
            const boosts = allocator.zones.map((zone, index) =>
              isBalanced && zones.includes(index) ? 0 : zone.boost,
            );
            reclaim.balance(zonelist, 0);
            expect(allocator.zones.map((zone) => zone.boost)).toEqual(boosts);
          }

          const runs = reclaim.takeRuns();
          expect(reclaim.takeRuns()).toEqual([]);
          expect(
            runs.filter(({ pfn }, at) => at > 0 && runs[at - 1].pfn + runs[at - 1].pages === pfn),
          ).toEqual([]);
          const freed = runs.flatMap(({ pfn, pages }) =>
            Array.from({ length: pages }, (_, page) => pfn + page),
          );
          expect(new Set(freed).size).toBe(freed.length);
          expect([0, 1].map((zone) => freed.filter((page) => zoneOf(page) === zone).length)).toEqual(
            expected,
          );
          const begun = [0, 0];
          for (const [block, pages] of cache.entries()) {
            const ofBlock = freed.filter((page) => Math.floor(page / SMALL_BLOCK) === block);
            expect(ofBlock).toEqual(pages.slice(0, ofBlock.length));
            expect(ofBlock.every(isFree)).toBe(true);
            expect(cacheOf(block)).toEqual(pages.slice(ofBlock.length));
            const isBegun = ofBlock.length > 0 && ofBlock.length < pages.length;
            if (isBegun) begun[zoneOf(block * SMALL_BLOCK)]++;
          }
          expect(Math.max(...begun)).toBeLessThanOrEqual(1);
          expect(allocator.zones.some((zone) => zone.isReclaiming)).toBe(false);
        }
      },
    ),
    { numRuns: 30 },
  );
});
