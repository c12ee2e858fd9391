import {
  type BlockIndex,
  blockIndex,
  type Pfn,
  type StateView,
  pfn as toPfn,
  x86Geometry,
} from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmptyBlocks } from './empty-blocks.ts';
import { FreeMap } from './placement/free-map.ts';
import type { ConversionResult, Recorder } from './policy.ts';
import { Reserve } from './reserve.ts';
import { AT_ONCE, type EmptyBlock, KEEP } from './supply/supply.ts';

const [BLOCK, BLOCKS] = [64, 6];
const geometry = checkGeometry({ ...x86Geometry(512), pagesPerBlock: BLOCK, spanPages: BLOCK * BLOCKS });

/** A pool whose blocks are all empty. `shared`: page by page. */
function poolOf(options: {
  readonly returnsAt?: (block: EmptyBlock) => number;
  readonly keptPages?: number;
  readonly shared?: (page: number) => boolean;
  readonly results?: readonly ConversionResult[];
}) {
  const { returnsAt = () => AT_ONCE, keptPages = 0, shared = () => true, results = [] } = options;
  const map = new FreeMap(geometry);
  const reserve = new Reserve(geometry, 1);
  for (let block = 0; block < BLOCKS; block++) map.put(toPfn(block * BLOCK), BLOCK);
  const isShared = Array.from({ length: BLOCK * BLOCKS }, (_, page) => shared(page));
  const leaked = new Set<BlockIndex>();
  const log: string[] = [];
  let conversions = 0;
  const view = {
    geometry,
    pagesOf: (_: string, block: BlockIndex) => Number(leaked.has(block)),
    firstWhereNot: (_: string, value: boolean, start: number, pages: number) =>
      isShared.findIndex((is, page) => page >= start && page < start + pages && is !== value),
  } as unknown as StateView;
  const recordAt = (time: number, mayConvert = true) =>
    ({
      time,
      mayConvert,
      encrypt(start: Pfn, pages: number) {
        log.push(`private ${start}+${pages}`);
        isShared.fill(false, start, start + pages);
        return results[conversions++] ?? 'converted';
      },
      giveBack: (start: Pfn, pages: number) => log.push(`back ${start}+${pages}`),
    }) as unknown as Recorder;
  const blocks = new EmptyBlocks({
    ...{ view, map, reserve, keptPages, supply: { name: 'by hand', returnsAt } },
    forget: ({ start, pages }) => {
      log.push(`leaked ${start}+${pages}`);
      map.forEachBlock(start, pages, (from, count, block) => {
        map.take(from, count);
        leaked.add(block);
      });
    },
  });
  const takeLog = () => log.splice(0);
  return { blocks, map, reserve, recordAt, takeLog, leaked };
}

it('an empty block goes back when the supply says, unless it is used before or a reserve needs it', () => {
  const steps = fc.array(
    fc.record({
      // More often than not something happens to one block.
      kind: fc.constantFrom('toggle', 'toggle', 'toggle', 'work', 'shrink', 'leak', 'put aside', 'reserve'),
      block: fc.nat(BLOCKS - 1),
      later: fc.nat(3),
      mayConvert: fc.boolean(),
    }),
    { maxLength: 40, size: 'max' },
  );
  // Some blocks at once, some after a while, some never.
  const delays = fc.array(fc.constantFrom(0, 2, 4, KEEP), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(steps, delays, fc.constantFrom(0, BLOCK, 2 * BLOCK), (all, delayOf, keptPages) => {
      const asked: EmptyBlock[] = [];
      const delay = (since: number) => delayOf[since % delayOf.length];
      const { blocks, map, reserve, recordAt, takeLog, leaked } = poolOf({
        keptPages,
        returnsAt(block) {
          asked.push(block);
          return delay(block.since) === 0 ? AT_ONCE : block.since + delay(block.since);
        },
      });
      /** A plain list of what the pool has: since when each block is empty, and when it goes back. */
      const emptySince = new Map<number, { since: number; due: number; isNeeded: boolean }>();
      const isUsed = new Array<boolean>(BLOCKS).fill(false);
      const ranges: (readonly [number, number])[] = [];
      let now = 0;
      let isAnyWaiting = false;
      const isMine = (block: number) =>
        map.largest[block] > 0 && !reserve.holds(blockIndex(block)) && !leaked.has(blockIndex(block));
      const freeIn = (first: number, end: number) => map.freePagesIn(first, end);
      const isNeeded = (block: number) =>
        keptPages > 0 &&
        ranges.some(
          ([first, end]) => block >= first && block < end && freeIn(first, end) < keptPages + BLOCK,
        );
      /** Blocks that go back now, in turn; the pool has to give each back before the next is looked at. */
      const expected: string[] = [];
      const free = Array.from(
        { length: BLOCKS },
        (_, block) => new Set(Array.from({ length: BLOCK }, (_, page) => block * BLOCK + page)),
      );

      for (const { kind, block, later, mayConvert } of all) {
        now += later;
        const record = recordAt(now, mayConvert);
        const index = blockIndex(block);
        expect(blocks.dueAt).toBe(
          [...emptySince].some(([each, { isNeeded: was }]) => was && !isNeeded(each))
            ? AT_ONCE
            : Math.min(KEEP, ...[...emptySince.values()].map(({ due }) => due)),
        );
        if (kind === 'reserve') {
          const range = [block, Math.min(block + 3, BLOCKS)] as const;
          blocks.needsReserveIn({ firstBlock: range[0], endBlock: range[1] });
          ranges.push(range);
          continue;
        }
        if (kind === 'leak' || kind === 'put aside') {
          if (map.largest[block] < BLOCK || later > 0) continue;
          map.take(toPfn(block * BLOCK), 1);
          if (kind === 'leak') leaked.add(index);
          else reserve.put(toPfn(block * BLOCK), 1);
          free[block].delete(block * BLOCK);
          continue;
        }
        if (kind === 'toggle' && !isUsed[block]) {
          const last = block * BLOCK + BLOCK - 1;
          if (!free[block].has(last) || map.largest[block] === 0) continue;
          map.take(toPfn(last), 1);
          isUsed[block] = true;
          blocks.used(index);
          emptySince.delete(block);
          continue;
        }
        const settled: number[] = [];
        if (kind === 'toggle') {
          map.put(toPfn(block * BLOCK + BLOCK - 1), 1);
          isUsed[block] = false;
          settled.push(block);
          emptySince.set(block, { since: now, due: KEEP, isNeeded: false });
        } else if (kind === 'work') {
          settled.push(...emptySince.keys());
          isAnyWaiting = false;
        }
        // What happens to them is seen in the map: it is asked again after each.
        const wasMine = new Map(settled.map((each) => [each, isMine(each)]));
        const freeBefore = Array.from({ length: BLOCKS }, (_, each) => map.freePagesIn(each, each + 1));
        const freeNow = (first: number, end: number) =>
          freeBefore.slice(first, end).reduce((sum, pages) => sum + pages, 0);
        const isNeededNow = (each: number) =>
          keptPages > 0 &&
          ranges.some(
            ([first, end]) => each >= first && each < end && freeNow(first, end) < keptPages + BLOCK,
          );
        const goes = (each: number) => {
          emptySince.delete(each);
          const start = Math.min(...free[each]);
          if (freeBefore[each] > 0) expected.push(`back ${start}+${freeBefore[each]}`);
          freeBefore[each] = 0;
          free[each].clear();
        };
        if (kind === 'shrink') {
          for (const each of [...emptySince.keys()]) if (isMine(each) && !isNeededNow(each)) goes(each);
          blocks.shrink(record);
        } else {
          for (const each of settled) {
            const since = emptySince.get(each)?.since ?? now;
            if (wasMine.get(each) !== true) {
              emptySince.delete(each);
              continue;
            }
            const due = delay(since) === 0 ? AT_ONCE : since + delay(since);
            const isDue = due <= now;
            if (isNeededNow(each)) emptySince.set(each, { since, due: KEEP, isNeeded: true });
            else if (isDue && mayConvert) goes(each);
            else {
              if (isDue) isAnyWaiting = true;
              emptySince.set(each, { since, due: isDue ? KEEP : due, isNeeded: false });
            }
          }
          if (kind === 'work') blocks.work(record);
          else blocks.emptied(index, record);
        }
        expect(takeLog().filter((line) => line.startsWith('back'))).toEqual(expected.splice(0));
        expect(blocks.hasWork).toBe(isAnyWaiting);
        expect(asked.splice(0).every(({ blockPages, now: at }) => blockPages === BLOCK && at === now)).toBe(
          true,
        );
      }
    }),
    { numRuns: 60 },
  );
});

describe('a range that goes back', () => {
  it('is made private where it is shared, and given back in one piece, but for what others have', () => {
    const { blocks, map, recordAt, takeLog } = poolOf({ shared: (page) => page % 32 < 16 });
    map.take(toPfn(70), 10);
    blocks.return(toPfn(8), 2 * BLOCK, recordAt(0));
    expect(takeLog()).toEqual([
      ...['private 8+8', 'private 32+16', 'private 64+6', 'private 96+16', 'private 128+8'],
      ...['back 8+62', 'back 80+56'],
    ]);
    expect(map.freePagesIn(0, 3)).toBe(3 * BLOCK - 10 - 62 - 56);
  });

  it('stays if a page of it leaks, and what leaked is forgotten', () => {
    const { blocks, map, recordAt, takeLog } = poolOf({
      shared: (page) => page % 32 < 16,
      results: ['converted', 'leaked'],
    });
    blocks.return(toPfn(0), BLOCK, recordAt(0));
    expect(takeLog()).toEqual(['private 0+16', 'private 32+16', 'leaked 32+16']);
    expect(map.freePagesIn(0, 1)).toBe(BLOCK - 16);
    blocks.emptied(blockIndex(0), recordAt(1));
    expect([takeLog(), blocks.dueAt]).toEqual([[], KEEP]);
  });
});
