/** Compaction compared with one that looks at every page anew. */
import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TYPE } from '../page-allocator/migratetypes.ts';
import type { PageAllocator } from '../page-allocator/page-allocator.ts';
import { ClaimedPages } from './claimed-pages.ts';
import { type CompactionMode, Compactor } from './compaction.ts';
import { startFromCounts } from './counted-start.ts';
import { SMALL_BLOCK, type SmallGuest, smallGuests } from './testing.ts';
import { ZoneMap } from './zones.ts';

const WATERMARKS = { min: 2, low: 30, high: 40, lowmemReserve: [] };

interface Request {
  readonly order: number;
  readonly type: number;
  readonly mode: CompactionMode;
}

/** What compaction knows of memory, page by page. */
interface Memory {
  readonly free: Set<number>;
  readonly claimed: ReadonlySet<number>;
  readonly movable: number[];
  readonly types: readonly number[];
}

const blockOf = (page: number): number => Math.floor(page / SMALL_BLOCK);

/** One zone; returns the blocks that pages were moved out of, and whether there is a chunk then. */
function compactZone(memory: Memory, pages: readonly number[], request: Request) {
  const { free, claimed, movable, types } = memory;
  const { order, type, mode } = request;
  const size = 2 ** order;
  const inBlock = (block: number) => pages.filter((page) => blockOf(page) === block);
  const chunkOf = (page: number, of: number) => {
    const first = page - (page % of);
    return Array.from({ length: of }, (_, at) => first + at);
  };
  const isFreeChunk = (page: number, of: number) =>
    page % of === 0 && chunkOf(page, of).every((each) => free.has(each));
  // A chunk of another migratetype will do if its pageblock may change sides: for Movable, from half the order of a pageblock on.
  const hasChunk = () =>
    pages.some((page) =>
      types[blockOf(page)] === type
        ? isFreeChunk(page, size)
        : isFreeChunk(page, type === TYPE.Movable ? Math.max(size, 8) : size),
    );
  const moved: { block: number; movedPages: number }[] = [];
  const blocks = [...new Set(pages.map(blockOf))];
  let target = blocks[blocks.length - 1];
  for (const block of blocks) {
    const all = inBlock(block);
    if (block >= target) break;
    if (all.length < SMALL_BLOCK || (mode === 'async' && types[block] !== type)) continue;
    const canMove = all.filter((page) => !free.has(page) && !claimed.has(page)).slice(0, movable[block]);
    const wanted = canMove.filter(
      (page) =>
        mode === 'sync' || chunkOf(page, size).every((each) => free.has(each) || canMove.includes(each)),
    );
    let count = 0;
    while (count < wanted.length && target > block) {
      const isTarget =
        types[target] === TYPE.Movable &&
        inBlock(target).filter((page) => free.has(page)).length < SMALL_BLOCK;
      const to = isTarget ? inBlock(target).find((page) => free.has(page)) : undefined;
      if (to === undefined) {
        target = blocks.findLast((each) => each < target) ?? -1;
        continue;
      }
      free.delete(to);
      free.add(wanted[count++]);
      movable[target]++;
      movable[block]--;
    }
    if (count > 0) moved.push({ block, movedPages: count });
    if (count > 0 && hasChunk()) return { moved, isSuccess: true };
  }
  return { moved, isSuccess: false };
}

function start({ memory, geometry, claimed }: SmallGuest) {
  const { allocator } = startFromCounts(memory, geometry, 1, PLAIN_PAGE_SOURCE);
  const pages = new ClaimedPages(geometry);
  for (const page of claimed) pages.add(page, 0);
  return { allocator, claimed: pages, zones: new ZoneMap(memory, geometry) };
}

const freeIn = ({ buddy }: PageAllocator, pages: readonly number[]): Set<number> =>
  new Set(pages.filter((page) => buddy.lists.covers(page, 0)));

it('moves the pages that a search through all pages finds, to where it finds room', () => {
  const requests = fc.array(
    fc.record({
      order: fc.integer({ min: 1, max: 6 }),
      type: fc.constantFrom(TYPE.Unmovable, TYPE.Movable, TYPE.Movable, TYPE.Reclaimable),
      mode: fc.constantFrom<CompactionMode>('async', 'sync', 'sync'),
    }),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(smallGuests(WATERMARKS), requests, (guest, all) => {
      const { allocator, claimed, zones } = start(guest);
      const pages = guest.zonePages.flat();
      const { buddy } = allocator;
      const memory: Memory = {
        free: freeIn(allocator, pages),
        claimed: guest.claimed,
        movable: [...buddy.movableIn],
        types: [...buddy.movableIn.keys()].map((block) => buddy.typeOf(block * SMALL_BLOCK)),
      };
      for (const request of all) {
        const { order, type, mode } = request;
        // Each is the first of its kind, so that none is deferred.
        const compactor = new Compactor(allocator, zones, claimed);
        const expected: { block: number; movedPages: number }[] = [];
        let outcome = 'skipped';
        for (const [index, zonePages] of guest.zonePages.entries()) {
          // compaction_suitable(): twice as many pages as the chunk has, above the min watermark, or low for more than order 3.
          const mark = order > 3 ? WATERMARKS.low : WATERMARKS.min;
          if (outcome === 'success' || allocator.zones[index].freeCounter < mark + 2 * 2 ** order) continue;
          const { moved, isSuccess } = compactZone(memory, zonePages, request);
          expected.push(...moved);
          outcome = isSuccess ? 'success' : 'complete';
        }
        expect(compactor.compact(zones.zonelist(undefined), order, type, mode)).toBe(outcome);
        expect(compactor.takeBlocks()).toEqual(expected);
        expect(compactor.takeBlocks()).toEqual([]);
        expect(freeIn(allocator, pages)).toEqual(memory.free);
        expect([...buddy.movableIn]).toEqual(memory.movable);
      }
    }),
    { numRuns: 50 },
  );
});
