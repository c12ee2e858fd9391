/** The fallback rules of all versions, compared with plain arrays of chunks on any free lists. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CLAIM_TYPES, TYPE } from './migratetypes.ts';
import type { Rmqueue } from './rmqueue.ts';
import { Rmqueue61 } from './rmqueue-6-1.ts';
import { Rmqueue612 } from './rmqueue-6-12.ts';
import { Rmqueue73 } from './rmqueue-7-3.ts';
import { allocatorOf, ZONE_PAGES } from './testing.ts';
import { Zone } from './zone.ts';

const [BLOCK, BLOCK_ORDER, MOST] = [512, 9, 10];
const BLOCKS = ZONE_PAGES / BLOCK;
const { Unmovable, Movable, Reclaimable, Decrypted } = TYPE;

/** fallbacks[], mm/page_alloc.c, with pageblocks for shared pages last. */
const FALLBACKS = new Map([
  [Unmovable, [Reclaimable, Movable, Decrypted]],
  [Movable, [Reclaimable, Unmovable, Decrypted]],
  [Reclaimable, [Unmovable, Movable, Decrypted]],
  [Decrypted, [Unmovable, Reclaimable, Movable]],
]);

/** A zone's free lists as arrays, the head first; each answer found by looking at all of them. */
class PlainZone {
  readonly lists: number[][][] = Array.from({ length: MOST + 1 }, () => CLAIM_TYPES.map(() => []));
  readonly types: number[];
  readonly movable: readonly number[];
  readonly counted: Zone;
  /** Whether the zone spans all of its last pageblock. */
  readonly isWhole: boolean;

  constructor(types: readonly number[], movable: readonly number[], counted: Zone) {
    this.types = [...types];
    this.movable = movable;
    this.counted = counted;
    this.isWhole = counted.end === ZONE_PAGES;
  }

  #in(block: number) {
    return this.lists
      .flatMap((ofOrder, order) => ofOrder.flatMap((list) => list.map((pfn) => ({ pfn, order }))))
      .filter(({ pfn }) => Math.floor(pfn / BLOCK) === block)
      .toSorted((a, b) => a.pfn - b.pfn);
  }

  freeIn(block: number): number {
    return this.#in(block).reduce((sum, { order }) => sum + 2 ** order, 0);
  }

  remove(pfn: number, order: number): number {
    const type = this.lists[order].findIndex((list) => list.includes(pfn));
    this.lists[order][type].splice(this.lists[order][type].indexOf(pfn), 1);
    return type;
  }

  /** expand(): the upper halves of what is left go to the heads of the lists of `type`. */
  split(pfn: number, from: number, order: number, type: number): void {
    for (let half = from - 1; half >= order; half--) this.lists[half][type].unshift(pfn + 2 ** half);
  }

  smallest(order: number, type: number): number {
    const from = this.lists.findIndex((ofOrder, each) => each >= order && ofOrder[type].length > 0);
    if (from === -1) return -1;
    const [pfn] = this.lists[from][type];
    this.remove(pfn, from);
    this.split(pfn, from, order, type);
    return pfn;
  }

  /** move_to_free_list(). */
  move(pfn: number, order: number, type: number): void {
    this.remove(pfn, order);
    this.lists[order][type].push(pfn);
  }

  moveBlock(block: number, type: number): void {
    for (const { pfn, order } of this.#in(block)) this.move(pfn, order, type);
  }

  setTypes(pfn: number, order: number, type: number): void {
    this.types.fill(type, Math.floor(pfn / BLOCK), Math.floor(pfn / BLOCK) + Math.max(1, 2 ** order / BLOCK));
  }

  /** find_suitable_fallback(): the chunk to take, or undefined. */
  fallback(order: number, type: number): number | undefined {
    return (FALLBACKS.get(type) ?? []).flatMap((other) => this.lists[order][other].slice(0, 1)).at(0);
  }

  /** Whether at least half of a pageblock is free, or in use alike as far as that is known. */
  isMostlyAlike(block: number, type: number): boolean {
    const free = this.freeIn(block);
    const movable = Math.min(this.movable[block], BLOCK - free);
    const others = this.types[block] === Movable ? BLOCK - free - movable : 0;
    return free + (type === Movable ? movable : others) >= BLOCK / 2;
  }

  spans(block: number): boolean {
    return this.isWhole || block < BLOCKS - 1;
  }
}

/** Serves one request as a version does; `counts`: whether NR_FREE_PAGES changes with each chunk. */
type Take = (zone: PlainZone, order: number, type: number, isNofragment: boolean) => number;

const lowest = (order: number, isNofragment: boolean) =>
  isNofragment ? Math.max(order, BLOCK_ORDER) : order;
/** can_steal_fallback(). */
const maySteal = (order: number, type: number) => order >= Math.floor(BLOCK_ORDER / 2) || type !== Movable;

/** __rmqueue_fallback() before 6.15: from the largest down; if the pageblock cannot come along, the smallest. */
function fallback6(zone: PlainZone, order: number, type: number, isNofragment: boolean) {
  const orders = Array.from({ length: MOST + 1 }, (_, each) => each).filter(
    (each) => each >= lowest(order, isNofragment) && zone.fallback(each, type) !== undefined,
  );
  const largest = orders.at(-1);
  if (largest === undefined) return undefined;
  const from = maySteal(largest, type) ? largest : Math.min(...orders);
  return { from, pfn: zone.fallback(from, type) ?? -1 };
}

const take61: Take = (zone, order, type, isNofragment) => {
  const own = zone.smallest(order, type);
  const found = own === -1 ? fallback6(zone, order, type, isNofragment) : undefined;
  if (found === undefined) return own;
  const { pfn, from } = found;
  const block = Math.floor(pfn / BLOCK);
  if (from >= BLOCK_ORDER) zone.setTypes(pfn, from, type);
  else zone.counted.boostWatermark(BLOCK);
  if (from < BLOCK_ORDER && maySteal(from, type) && zone.spans(block)) {
    const isAlike = zone.isMostlyAlike(block, type);
    zone.moveBlock(block, type);
    if (isAlike) zone.types[block] = type;
  } else zone.move(pfn, from, type);
  return zone.smallest(order, type);
};

/** Since 6.10: a chunk of whole pageblocks changes sides; of less, its pageblock does if that is mostly alike, or nothing. */
function claimSince610(zone: PlainZone, pfn: number, from: number, order: number, type: number): number {
  const block = Math.floor(pfn / BLOCK);
  if (from >= BLOCK_ORDER) {
    zone.counted.account(0, -(2 ** from));
    zone.setTypes(pfn, from, type);
    zone.remove(pfn, from);
    zone.split(pfn, from, order, type);
    zone.counted.account(0, 2 ** from - 2 ** order);
    return pfn;
  }
  if (!maySteal(from, type) || !zone.spans(block) || !zone.isMostlyAlike(block, type)) return -1;
  zone.moveBlock(block, type);
  zone.types[block] = type;
  const taken = zone.smallest(order, type);
  if (taken !== -1) zone.counted.account(0, -(2 ** order));
  return taken;
}

/** The front of a chunk of another migratetype; the rest stays where it was. */
function stealFront(zone: PlainZone, pfn: number, from: number, order: number): number {
  const other = zone.remove(pfn, from);
  zone.split(pfn, from, order, other);
  zone.counted.account(0, -(2 ** order));
  return pfn;
}

const counted = (zone: PlainZone, order: number, type: number): number => {
  const own = zone.smallest(order, type);
  if (own !== -1) zone.counted.account(0, -(2 ** order));
  return own;
};

const take612: Take = (zone, order, type, isNofragment) => {
  const own = counted(zone, order, type);
  const found = own === -1 ? fallback6(zone, order, type, isNofragment) : undefined;
  if (found === undefined) return own;
  if (found.from < BLOCK_ORDER) zone.counted.boostWatermark(BLOCK);
  const claimed = claimSince610(zone, found.pfn, found.from, order, type);
  return claimed === -1 ? stealFront(zone, found.pfn, found.from, order) : claimed;
};

const claim73: Take = (zone, order, type, isNofragment) => {
  const own = counted(zone, order, type);
  if (own !== -1) return own;
  for (let from = MOST; from >= lowest(order, isNofragment) && maySteal(from, type); from--) {
    const pfn = zone.fallback(from, type);
    if (pfn === undefined) continue;
    if (from < BLOCK_ORDER) zone.counted.boostWatermark(BLOCK);
    const claimed = claimSince610(zone, pfn, from, order, type);
    if (claimed !== -1) return claimed;
  }
  return -1;
};

const steal73: Take = (zone, order, type) => {
  for (let from = order; from <= MOST; from++) {
    const pfn = zone.fallback(from, type);
    if (pfn !== undefined) return stealFront(zone, pfn, from, order);
  }
  return -1;
};

const take73: Take = (zone, order, type, isNofragment) => {
  const claimed = claim73(zone, order, type, isNofragment);
  return claimed === -1 && !isNofragment ? steal73(zone, order, type, false) : claimed;
};

/** Several chunks: one after the other until there is none. */
const many = (
  take: Take,
  ...[zone, order, type, isNofragment, wanted]: [...Parameters<Take>, number]
): number[] => {
  const taken: number[] = [];
  while (taken.length < wanted) {
    const pfn = take(zone, order, type, isNofragment);
    if (pfn === -1) break;
    taken.push(pfn);
  }
  return taken;
};

const VERSIONS: readonly {
  readonly kernel: '6.1' | '6.12' | '7.3';
  readonly of: (...parts: ConstructorParameters<typeof Rmqueue61>) => Rmqueue;
  readonly take: Take;
  readonly fill: (...request: [...Parameters<Take>, number]) => number[];
}[] = [
  {
    kernel: '6.1',
    of: (buddy) => new Rmqueue61(buddy),
    take: take61,
    fill: (...request) => many(take61, ...request),
  },
  {
    kernel: '6.12',
    of: (buddy) => new Rmqueue612(buddy),
    take: take612,
    fill: (...request) => many(take612, ...request),
  },
  {
    kernel: '7.3',
    of: (buddy) => new Rmqueue73(buddy),
    take: take73,
    // Once it had to steal it does not look for a pageblock to take over again.
    fill(zone, order, type, isNofragment, wanted) {
      const claimed = many(claim73, zone, order, type, isNofragment, wanted);
      if (isNofragment) return claimed;
      return [...claimed, ...many(steal73, zone, order, type, false, wanted - claimed.length)];
    },
  },
];

/** A pageblock: what is free of it, as orders of chunks from the first page on, each with a gap of its size or none. */
const blocks = fc.array(
  fc.record({
    type: fc.constantFrom(Unmovable, Movable, Movable, Reclaimable, Decrypted, TYPE.Isolate),
    movable: fc.constantFrom(0, 100, 300, 500),
    free: fc.oneof(
      { weight: 1, arbitrary: fc.constant('all' as const) },
      {
        weight: 4,
        arbitrary: fc.array(fc.record({ order: fc.nat(8), gap: fc.boolean() }), { maxLength: 5 }),
      },
    ),
  }),
  { minLength: BLOCKS, maxLength: BLOCKS },
);
/** Of the largest chunks of less than a pageblock. From chunks of order 3 and below no pageblock changes sides for movable pages. */
const orders = fc.constantFrom(8, 8, 4, 3);
const steps = fc.array(
  fc.record({
    order: fc.oneof(fc.nat(3), fc.nat(MOST)),
    type: fc.constantFrom(Unmovable, Movable, Reclaimable, Decrypted),
    isNofragment: fc.boolean(),
    /** 0: a single chunk, not for a per-CPU list. */
    wanted: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 })),
  }),
  { minLength: 1, maxLength: 25, size: 'max' },
);

it.each(VERSIONS)(
  '$kernel: each request takes the chunks that looking at all lists would',
  ({ kernel, of, take, fill }) => {
    fc.assert(
      fc.property(
        blocks,
        steps,
        fc.boolean(),
        fc.boolean(),
        orders,
        (sketch, all, isWhole, joins, largest) => {
          const chunks = sketch.flatMap(({ type, free }, block) => {
            let at = block * BLOCK;
            if (free === 'all') return largest < 8 ? [] : [{ order: BLOCK_ORDER, type, pfn: at }];
            return free.flatMap(({ order: wanted, gap }) => {
              const order = Math.min(wanted, largest);
              const pfn = Math.ceil(at / 2 ** order) * 2 ** order;
              const end = pfn + 2 ** order;
              if (end > (block + 1) * BLOCK) return [];
              at = gap ? end + 2 ** order : end;
              return [{ order, type, pfn }];
            });
          });
          // The first two pageblocks may be one chunk.
          if (joins && largest === 8) {
            const rest = chunks.filter(({ pfn }) => pfn >= 2 * BLOCK);
            chunks.splice(0, chunks.length, { order: MOST, type: sketch[0].type, pfn: 0 }, ...rest);
          }
          const end = isWhole ? ZONE_PAGES : ZONE_PAGES - 1;
          const { buddy, zones } = allocatorOf(kernel, [
            {
              types: Object.fromEntries(
                sketch.map(({ type }, block) => [block, CLAIM_TYPES[type] as 'Movable']),
              ),
              movable: Object.fromEntries(sketch.map(({ movable }, block) => [block, movable])),
              high: 1000,
            },
          ]);
          const start = { ...zones[0], end, boost: 0 };
          const zone = new Zone(start, 1, buddy.lists);
          const plain = new PlainZone(
            sketch.map(({ type }) => type),
            sketch.map(({ movable }) => movable),
            new Zone(start, 1, buddy.lists),
          );
          for (const { order, type, pfn } of chunks) {
            buddy.addAtStart(0, order, type, pfn);
            plain.lists[order][type].push(pfn);
          }
          const rmqueue = of(buddy);
          const { lists } = buddy;
          const perCpuList = lists.perCpuList(0, 0, 0);
          for (const { order, type, isNofragment, wanted } of all) {
            if (wanted === 0) {
              const expected = take(plain, order, type, isNofragment);
              if (kernel === '6.1' && expected !== -1) plain.counted.account(0, -(2 ** order));
              expect(rmqueue.take(zone, order, type, isNofragment)).toBe(expected);
            } else {
              const expected = fill(plain, order, type, isNofragment, wanted);
              if (kernel === '6.1') plain.counted.account(0, -expected.length * 2 ** order);
              expect(rmqueue.fill(zone, order, type, isNofragment, wanted, perCpuList)).toBe(expected.length);
              const taken = expected.map(() => lists.removeFirst(perCpuList));
              expect([taken, lists.count(perCpuList)]).toEqual([expected, 0]);
            }
            const found = plain.lists.map((ofOrder, each) =>
              ofOrder.map((_, ofType) => {
                const pfns: number[] = [];
                for (let at = lists.first(lists.list(0, each, ofType)); at >= 0; at = lists.after(at))
                  pfns.push(at);
                return pfns;
              }),
            );
            expect(found).toEqual(plain.lists);
            expect(plain.types.map((_, block) => buddy.typeOf(block * BLOCK))).toEqual(plain.types);
            expect([zone.freeCounter, zone.diffs[0], zone.boost]).toEqual([
              plain.counted.freeCounter,
              plain.counted.diffs[0],
              plain.counted.boost,
            ]);
          }
        },
      ),
      { numRuns: randomRuns(240) },
    );
  },
);
