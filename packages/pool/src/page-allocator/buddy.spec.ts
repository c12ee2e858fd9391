/** The buddy allocator compared with plain arrays of chunks, list by list. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Buddy } from './buddy.ts';
import { TYPES } from './chunk-lists.ts';
import { isMergeable, TYPE } from './migratetypes.ts';
import { Zone } from './zone.ts';

const BLOCK = 512;
const BLOCKS = 8;
const SPAN = BLOCK * BLOCKS;
const MOST = 10;
const START = {
  ...{ index: 0, start: 0, end: SPAN, managed: SPAN, min: 0, low: 0, high: 0, boost: 0, lowmemReserve: [] },
  ...{ reservedHighatomic: 0, isReclaiming: false, isBelowHigh: false, isBoosted: false },
};

/** Free lists as arrays, the head first. */
class PlainBuddy {
  readonly lists: number[][][] = Array.from({ length: MOST + 1 }, () =>
    Array.from({ length: TYPES }, () => []),
  );
  readonly types: number[];
  readonly matchesBuddies: boolean;
  readonly counted: Zone;

  constructor(types: readonly number[], matchesBuddies: boolean, counted: Zone) {
    this.types = [...types];
    this.matchesBuddies = matchesBuddies;
    this.counted = counted;
  }

  typeOf = (pfn: number): number => this.types[Math.floor(pfn / BLOCK)];

  /** Every free chunk. */
  chunks(): { pfn: number; order: number; type: number }[] {
    return this.lists.flatMap((ofOrder, order) =>
      ofOrder.flatMap((list, type) => list.map((pfn) => ({ pfn, order, type }))),
    );
  }

  remove(pfn: number): { order: number; type: number } {
    const chunk = this.chunks().find((each) => each.pfn === pfn);
    if (chunk === undefined) throw new Error(`no chunk at ${pfn}`);
    const list = this.lists[chunk.order][chunk.type];
    list.splice(list.indexOf(pfn), 1);
    return chunk;
  }

  /** The upper half of what is left goes to the head of the next lower list, again and again. */
  split(pfn: number, from: number, order: number, type: number): void {
    for (let half = from - 1; half >= order; half--) this.lists[half][type].unshift(pfn + 2 ** half);
  }

  takeSmallest(order: number, type: number): number {
    const from = this.lists.findIndex((ofOrder, current) => current >= order && ofOrder[type].length > 0);
    if (from < 0) return -1;
    const [pfn] = this.lists[from][type].splice(0, 1);
    this.split(pfn, from, order, type);
    return pfn;
  }

  free(pfn: number, order: number, type: number): void {
    this.counted.account(0, 2 ** order);
    const isFree = (at: number, of: number) => this.lists[of].some((list) => list.includes(at));
    let [first, current] = [pfn, order];
    while (current < MOST) {
      const buddy = first ^ (2 ** current);
      if (!isFree(buddy, current)) break;
      const other = this.typeOf(buddy);
      if (current >= 9 && other !== type) {
        if (!isMergeable(other) || !isMergeable(type)) break;
        if (this.matchesBuddies) this.types[Math.floor(buddy / BLOCK)] = type;
      }
      this.remove(buddy);
      first = Math.min(first, buddy);
      current++;
    }
    // If the next merge is likely, a chunk is used last.
    const isLikely =
      current < MOST - 1 &&
      isFree((first - (first % 2 ** (current + 1))) ^ (2 ** (current + 1)), current + 1);
    if (isLikely) this.lists[current][type].push(first);
    else this.lists[current][type].unshift(first);
  }

  move(pfn: number, type: number): void {
    const { order } = this.remove(pfn);
    this.lists[order][type].push(pfn);
  }
}

const KINDS = [
  'take',
  'take',
  'uncounted',
  'many',
  'free',
  'free',
  'run',
  'front',
  'chunk',
  'block',
  'move',
  'move block',
  'free all',
] as const;
const types = fc.constantFrom(TYPE.Unmovable, TYPE.Movable, TYPE.Reclaimable, TYPE.Isolate, TYPE.Decrypted);
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    order: fc.oneof(fc.nat(4), fc.nat(MOST)),
    type: types,
    pick: fc.nat(),
    count: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 50, size: 'max' },
);

it('every list is as with plain arrays, on any history', () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(types, { minLength: BLOCKS, maxLength: BLOCKS }),
      fc.array(fc.constantFrom(9, MOST, undefined), { minLength: BLOCKS / 2, maxLength: BLOCKS / 2 }),
      steps,
      (matchesBuddies, blockTypes, starts, all) => {
        const buddy = new Buddy({
          ...{ spanPages: SPAN, zones: 1, cpus: 1, pageblockOrder: 9, defaultType: TYPE.Movable },
          matchesBuddies,
        });
        const zone = new Zone(START, 1, buddy.lists);
        const plain = new PlainBuddy(blockTypes, matchesBuddies, new Zone(START, 1, buddy.lists));
        for (const [block, type] of blockTypes.entries()) buddy.setType(block * BLOCK, 0, type);
        /** Chunks in use, as they were taken or smaller. */
        const held: { pfn: number; order: number }[] = [];
        // Each two pageblocks: one chunk that is free, one of one pageblock, or both in use.
        for (const [pair, order] of starts.entries()) {
          const pfn = 2 * pair * BLOCK;
          const type = blockTypes[2 * pair];
          if (order !== undefined) {
            buddy.addAtStart(0, order, type, pfn);
            plain.lists[order][type].push(pfn);
          }
          if (order === undefined) held.push({ pfn, order: 9 });
          if (order !== MOST) held.push({ pfn: pfn + BLOCK, order: 9 });
        }
        const { lists } = buddy;
        const perCpuList = lists.perCpuList(0, 0, 0);

        const giveBack = (pfn: number, order: number) => {
          const part = matchesBuddies ? Math.min(order, 9) : order;
          for (let at = pfn; at < pfn + 2 ** order; at += 2 ** part) plain.free(at, part, plain.typeOf(at));
          buddy.free(zone, pfn, order);
        };

        for (const { kind, order, type, pick, count } of all) {
          const chunks = plain.chunks();
          const chunk = chunks[pick % Math.max(1, chunks.length)];
          const block = pick % BLOCKS;
          const inBlock = chunks.filter(({ pfn }) => Math.floor(pfn / BLOCK) === block);
          if (kind === 'take' || kind === 'uncounted') {
            const pfn = plain.takeSmallest(order, type);
            if (kind === 'take') expect(buddy.takeSmallest(zone, order, type)).toBe(pfn);
            else expect(buddy.takeSmallestUncounted(zone, order, type)).toBe(pfn);
            if (pfn < 0) continue;
            held.push({ pfn, order });
            if (kind === 'take') plain.counted.account(0, -(2 ** order));
          } else if (kind === 'many') {
            const taken = Array.from({ length: count }, () => plain.takeSmallest(order, type)).filter(
              (pfn) => pfn >= 0,
            );
            expect(buddy.takeMany(zone, order, type, count, perCpuList)).toBe(taken.length);
            const listed = Array.from({ length: lists.count(perCpuList) }, () =>
              lists.removeFirst(perCpuList),
            );
            expect(listed).toEqual(taken);
            held.push(...taken.map((pfn) => ({ pfn, order })));
          } else if ((kind === 'free' || kind === 'run') && held.length > 0) {
            const [{ pfn, order: heldOrder }] = held.splice(pick % held.length, 1);
            // Of a large chunk sometimes its lower half only.
            const freed = kind === 'free' && count < 4 && heldOrder > 0 ? heldOrder - 1 : heldOrder;
            if (freed < heldOrder) held.push({ pfn: pfn + 2 ** freed, order: freed });
            if (kind === 'run') {
              const each = Math.min(order, freed, 9);
              const merged = Math.min(freed, each + 3, 9);
              for (let rest = freed - 1; rest >= merged; rest--)
                held.push({ pfn: pfn + 2 ** rest, order: rest });
              for (let at = pfn; at < pfn + 2 ** merged; at += 2 ** each) plain.free(at, each, type);
              buddy.freeRun(zone, pfn, each, merged, type);
            } else giveBack(pfn, freed);
          } else if (kind === 'free all') {
            for (const { pfn, order: heldOrder } of held.splice(0)) giveBack(pfn, heldOrder);
          } else if (kind === 'front' && chunk !== undefined) {
            const wanted = Math.min(order, chunk.order);
            plain.remove(chunk.pfn);
            plain.split(chunk.pfn, chunk.order, wanted, type);
            expect(buddy.takeFront(zone, chunk.pfn, wanted, type)).toBe(2 ** chunk.order - 2 ** wanted);
            held.push({ pfn: chunk.pfn, order: wanted });
          } else if (kind === 'chunk' && chunk !== undefined) {
            plain.remove(chunk.pfn);
            plain.counted.account(0, -(2 ** chunk.order));
            expect(buddy.takeChunk(zone, chunk.pfn)).toBe(chunk.order);
            held.push(chunk);
          } else if (kind === 'block' && buddy.freePagesIn[block] === BLOCK) {
            const pair = (block - (block % 2)) * BLOCK;
            const whole = chunks.find((each) => each.pfn === pair && each.order === MOST);
            if (whole === undefined) {
              for (const each of inBlock.toSorted((a, b) => a.pfn - b.pfn)) {
                plain.remove(each.pfn);
                plain.counted.account(0, -(2 ** each.order));
              }
            } else {
              plain.remove(pair);
              plain.lists[9][whole.type].unshift((block ^ 1) * BLOCK);
              plain.counted.account(0, -BLOCK);
            }
            buddy.takeBlock(zone, block);
            held.push({ pfn: block * BLOCK, order: 9 });
          } else if (kind === 'move' && chunk !== undefined) {
            plain.move(chunk.pfn, type);
            buddy.moveChunk(zone, chunk.pfn, type);
          } else if (kind === 'move block') {
            for (const each of inBlock.toSorted((a, b) => a.pfn - b.pfn)) plain.move(each.pfn, type);
            buddy.moveFreePages(zone, block, type);
            const blocks = order === MOST && block % 2 === 0 ? 2 : 1;
            plain.types.fill(type, block, block + blocks);
            buddy.setType(block * BLOCK, blocks === 2 ? MOST : 9, type);
          }

          const found = plain.lists.map((ofOrder, current) =>
            ofOrder.map((_, listType) => {
              const pfns: number[] = [];
              for (let at = lists.first(lists.list(0, current, listType)); at >= 0; at = lists.after(at))
                pfns.push(at);
              return pfns;
            }),
          );
          expect(found).toEqual(plain.lists);
          expect(Array.from({ length: BLOCKS }, (_, each) => buddy.typeOf(each * BLOCK + 5))).toEqual(
            plain.types,
          );
          const free = new Array<number>(BLOCKS).fill(0);
          for (const { pfn, order: ofChunk } of plain.chunks()) {
            for (let each = 0; each < Math.max(1, 2 ** ofChunk / BLOCK); each++) {
              free[Math.floor(pfn / BLOCK) + each] += Math.min(2 ** ofChunk, BLOCK);
            }
          }
          expect([...buddy.freePagesIn]).toEqual(free);
          expect([zone.freeCounter, zone.diffs[0]]).toEqual([
            plain.counted.freeCounter,
            plain.counted.diffs[0],
          ]);
        }
      },
    ),
    { numRuns: 50 },
  );
});

describe('a zone', () => {
  it('spans a pageblock if all of its pages lie between its first and its last', () => {
    const buddy = new Buddy({
      ...{ spanPages: SPAN, zones: 1, cpus: 1, pageblockOrder: 9, defaultType: TYPE.Movable },
      matchesBuddies: false,
    });
    const spanned = (start: number, end: number) => {
      const zone = new Zone({ ...START, start, end }, 1, buddy.lists);
      return Array.from({ length: BLOCKS }, (_, block) => block).filter((block) =>
        buddy.spansBlock(zone, block),
      );
    };
    expect(spanned(BLOCK, 3 * BLOCK)).toEqual([1, 2]);
    expect(spanned(BLOCK + 1, 3 * BLOCK - 1)).toEqual([]);
  });
});
