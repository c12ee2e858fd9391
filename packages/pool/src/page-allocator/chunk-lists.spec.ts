import { InputError, MAX_PAGE_ORDER } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ChunkLists,
  type FreePlace,
  orderOfIndex,
  PER_CPU_LISTS,
  perCpuIndex,
  typeOfIndex,
} from './chunk-lists.ts';
import { CLAIM_TYPES, TYPE } from './migratetypes.ts';

const PAGES = 2 ** 13;
/** More than 64 GiB. */
const MANY_PAGES = 2 ** 24 + 2 ** 20;

/** A list as plainly as can be: what it is of, and the first pages of its chunks, the head first. */
interface PlainList {
  readonly list: number;
  readonly zone: number;
  readonly cpu?: number;
  readonly order: number;
  readonly type: number;
  readonly chunks: number[];
}

describe('the lists of chunks', () => {
  const [ZONES, CPUS, MOST] = [2, 3, 10];
  const SPAN = 2 ** 12;

  function listsWithPlain() {
    const lists = new ChunkLists(SPAN, ZONES, CPUS, 9);
    const plain: PlainList[] = [];
    for (let zone = 0; zone < ZONES; zone++) {
      for (let order = 0; order <= MOST; order++) {
        for (const type of CLAIM_TYPES.keys())
          plain.push({ list: lists.list(zone, order, type), zone, order, type, chunks: [] });
      }
      for (let cpu = 0; cpu < CPUS; cpu++) {
        for (let index = 0; index < PER_CPU_LISTS; index++) {
          const order = index < 12 ? Math.floor(index / 3) : 9;
          const type = index < 12 ? index % 3 : index - 12;
          plain.push({ list: lists.perCpuList(zone, cpu, index), zone, cpu, order, type, chunks: [] });
        }
      }
    }
    // Each has a number of its own.
    expect(plain.map(({ list }) => list).toSorted((a, b) => a - b)).toEqual([...plain.keys()]);
    return { lists, plain };
  }

  const steps = fc.array(
    fc.record({
      what: fc.constantFrom('head', 'tail', 'tail', 'run', 'run', 'remove', 'first', 'last'),
      pick: fc.nat(),
      page: fc.nat(SPAN - 1),
      order: fc.nat(MOST),
      most: fc.integer({ min: 1, max: 9 }),
    }),
    { minLength: 10, maxLength: 60, size: 'max' },
  );

  it('are those of zones, orders and types, and of CPUs, each with its chunks in their order', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { lists, plain } = listsWithPlain();
        const chunks = () => plain.flatMap((each) => each.chunks.map((pfn) => ({ pfn, of: each })));
        const add = (to: PlainList, pfn: number, isHead: boolean) => {
          const end = pfn + 2 ** to.order;
          if (end > SPAN || chunks().some((each) => each.pfn < end && each.pfn + 2 ** each.of.order > pfn))
            return;
          if (isHead) {
            lists.addHead(to.list, pfn);
            to.chunks.unshift(pfn);
          } else {
            lists.addTail(to.list, pfn);
            to.chunks.push(pfn);
          }
        };
        for (const { what, pick, page, order, most } of all) {
          // Few lists most of the time, so that there are several chunks in one.
          const some = plain.filter((each) =>
            pick % 4 === 0
              ? each.cpu === 0 && (each.order === 0 || each.order === 9)
              : pick % 4 === 1
                ? each.cpu === undefined && each.order < 3 && each.type < 2
                : pick % 4 === 2 || each.type === pick % 7,
          );
          const to = some[(pick >>> 2) % some.length];
          const pfn = page - (page % 2 ** to.order);
          const full = plain.filter((each) => each.chunks.length > 0);
          const from = full[pick % Math.max(1, full.length)];
          if (what === 'head') add(to, pfn, true);
          else if (what === 'tail') add(to, pfn, false);
          else if (what === 'run') {
            // From high to low addresses: the last of the list is the lowest. Now and then one is elsewhere.
            for (let each = most - 1; each >= 0; each--)
              add(to, pfn + (each + (each === pick % 20 ? 1 : 0)) * 2 ** to.order, false);
          } else if (from !== undefined && what === 'remove') {
            const [gone] = from.chunks.splice(page % from.chunks.length, 1);
            lists.remove(gone);
          } else if (from !== undefined && what === 'first') {
            expect(lists.removeFirst(from.list)).toBe(from.chunks.shift());
          } else if (from !== undefined && what === 'last') {
            expect(lists.removeLast(from.list)).toBe(from.chunks.pop());
          }

          for (const each of [to, ...full]) {
            const found: number[] = [];
            for (let at = lists.first(each.list); at >= 0; at = lists.after(at)) found.push(at);
            expect([found, lists.count(each.list)]).toEqual([each.chunks, each.chunks.length]);
            if (each.chunks.length > 0)
              expect(lists.orderOfLastRun(each.list, most)).toBe(orderOfLastRun(each, most));
          }
          const known = chunks();
          const asked = known.length > 0 ? known[pick % known.length].pfn : page;
          for (const at of [page, asked, asked ^ (2 ** order)]) {
            const begins = known.find((each) => each.pfn === at)?.of;
            const isOfCpu = begins?.cpu !== undefined;
            expect(lists.orderAt(at)).toBe(begins?.order ?? -1);
            expect(lists.buddyOrder(at)).toBe(begins === undefined || isOfCpu ? -1 : begins.order);
            expect(lists.perCpuListOf(at)).toBe(begins !== undefined && isOfCpu ? begins.list : -1);
            if (begins !== undefined && !isOfCpu) expect(lists.typeOf(at)).toBe(begins.type);
            const holder = known.find((each) => each.pfn <= at && at < each.pfn + 2 ** each.of.order);
            expect(lists.placeOf(at)).toEqual(holder && placeIn(holder.of, holder.pfn));
            const chunk = at - (at % 2 ** order);
            expect(lists.covers(chunk, order)).toBe(
              known.some((each) => each.pfn <= chunk && each.pfn + 2 ** each.of.order >= chunk + 2 ** order),
            );
            for (const zone of [0, 1]) {
              const isOne =
                begins !== undefined && !isOfCpu && begins.zone === zone && begins.order === order;
              expect(lists.isBuddy(at, lists.list(zone, order, 0))).toBe(isOne);
            }
          }
          for (const zone of [0, 1]) {
            const enough = (type: number) =>
              known
                .map(({ of }) => of)
                .filter(
                  (of) => of.cpu === undefined && of.zone === zone && of.type === type && of.order >= order,
                )
                .map((of) => of.order);
            const smallest = [...CLAIM_TYPES.keys()]
              .map(enough)
              .map((orders) => (orders.length === 0 ? -1 : Math.min(...orders)));
            expect([...CLAIM_TYPES.keys()].map((type) => lists.smallestOrder(zone, order, type))).toEqual(
              smallest,
            );
            const askedFor = [TYPE.Unmovable, TYPE.Movable, TYPE.Reclaimable, TYPE.Decrypted];
            expect(lists.hasChunk(zone, order)).toBe(askedFor.some((type) => smallest[type] >= 0));
          }
        }
      }),
      { numRuns: randomRuns(60) },
    );
  });

  it('of a CPU are by order and type: order_to_pindex(), include/linux/mmzone.h', () => {
    const [unmovable, movable, reclaimable] = [TYPE.Unmovable, TYPE.Movable, TYPE.Reclaimable];
    const small = [0, 1, 2, 3].flatMap((order) =>
      [unmovable, movable, reclaimable].map((type) => ({ order, type, index: perCpuIndex(order, type) })),
    );
    expect(small.map(({ index }) => index)).toEqual(Array.from({ length: 12 }, (_, index) => index));
    for (const { order, type, index } of small) {
      expect(orderOfIndex(index, 9)).toBe(order);
      // Movable lists may hold chunks of other types, too.
      expect(typeOfIndex(index)).toBe(type === movable ? -1 : type);
    }
    expect([unmovable, reclaimable, movable].map((type) => perCpuIndex(9, type))).toEqual([12, 12, 13]);
    expect([12, 13].map((index) => [orderOfIndex(index, 9), typeOfIndex(index)])).toEqual([
      [9, -1],
      [9, -1],
    ]);
  });

  it('are at most 65,534, as a page has 16 bits for the number of its list', () => {
    // 77 lists of each zone, and 14 of each CPU.
    expect(() => new ChunkLists(1024, 1, 4675, 9)).not.toThrow();
    expect(() => new ChunkLists(1024, 1, 4676, 9)).toThrow(InputError);
    expect(() => new ChunkLists(1024, 1, 4676, 9)).toThrow(
      '1 zones with the lists of 4676 CPUs: too many lists',
    );
    expect(() => new ChunkLists(1024, 721, 1, 9)).toThrow('too many lists');
  });

  it('are the same in a large guest as in a small one', () => {
    const small = new ChunkLists(PAGES, 1, 1, 9);
    const large = new ChunkLists(MANY_PAGES, 1, 1, 9);
    const both = <Value>(ask: (lists: ChunkLists) => Value): Value => {
      const answer = ask(small);
      expect(ask(large)).toEqual(answer);
      return answer;
    };
    const step = fc.record({
      page: fc.nat(PAGES - 1),
      order: fc.nat(10),
      what: fc.constantFrom('addHead', 'addTail', 'remove', 'removeFirst', 'removeLast'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        for (const { page, order, what } of steps) {
          const pfn = page & ~((1 << order) - 1);
          const list = small.list(0, order, 0);
          const isThere = both((lists) => lists.buddyOrder(pfn)) >= 0;
          if (what === 'remove') {
            if (isThere) both((lists) => lists.remove(pfn));
          } else if (what === 'addHead' || what === 'addTail') {
            if (!isThere) both((lists) => lists[what](list, pfn));
          } else if (both((lists) => lists.count(list)) > 0) {
            both((lists) => lists[what](list));
          }
          both((lists) => [
            lists.first(list),
            lists.count(list),
            lists.placeOf(page),
            lists.covers(pfn, order),
          ]);
          both((lists) => lists.isBuddy(pfn ^ (1 << order), list));
          both((lists) => lists.hasChunk(0, order));
        }
      }),
      { numRuns: randomRuns(200) },
    );
  });
});

function placeIn({ zone, cpu, order, type, chunks }: PlainList, pfn: number): FreePlace {
  const of = { zone, order, type: CLAIM_TYPES[type], before: chunks.indexOf(pfn), chunks: chunks.length };
  return cpu === undefined ? of : { ...of, cpu };
}

/** Of the largest aligned chunk, up to MAX_PAGE_ORDER, that the last ones make up, each behind the one that comes after it in the list. */
function orderOfLastRun({ order, chunks }: PlainList, most: number): number {
  const last = chunks.toReversed();
  for (let run = Math.min(MAX_PAGE_ORDER - order, Math.floor(Math.log2(most))); run > 0; run--) {
    const isAligned = last[0] % 2 ** (order + run) === 0;
    const wanted = Array.from({ length: 2 ** run }, (_, each) => last[0] + each * 2 ** order);
    if (isAligned && wanted.every((pfn, each) => last[each] === pfn)) return order + run;
  }
  return order;
}
