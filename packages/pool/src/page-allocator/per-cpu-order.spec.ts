import fc from 'fast-check';
import { expect, it } from 'vitest';
import { orderOfIndex, PER_CPU_LISTS, perCpuIndex } from './chunk-lists.ts';
import { KERNELS, type Kernel, type PageAllocator } from './page-allocator.ts';
import { PerCpu61, PerCpu67 } from './per-cpu.ts';
import { allocatorOf, range, ZONE_PAGES, zonelistOf } from './testing.ts';

const indexes = range(0, PER_CPU_LISTS);
const orderOf = (index: number) => orderOfIndex(index, 9);

/** Chunks of each list of a CPU, the head first. */
const listsOf = ({ buddy: { lists } }: PageAllocator, cpu: number): number[][] =>
  indexes.map((index) => {
    const pfns: number[] = [];
    for (let at = lists.first(lists.perCpuList(0, cpu, index)); at >= 0; at = lists.after(at)) pfns.push(at);
    return pfns;
  });

const pagesIn = (all: readonly (readonly number[])[]): number =>
  all.reduce((sum, pfns, index) => sum + (pfns.length << orderOf(index)), 0);

/** Chunks of each buddy list, and what the zone has counted. */
const zoneOf = ({ buddy: { lists }, zones: [zone] }: PageAllocator) => ({
  counted: [zone.freeCounter, zone.diffs[0]],
  lists: range(0, 11).map((order) =>
    range(0, 7).map((type) => {
      const pfns: number[] = [];
      for (let at = lists.first(lists.list(0, order, type)); at >= 0; at = lists.after(at)) pfns.push(at);
      return pfns;
    }),
  ),
});

const NAMES = ['Unmovable', 'Movable', 'Reclaimable'] as const;

it('the oldest chunks go back, list by list, beginning with the one that was freed to: free_pcppages_bulk()', () => {
  const counts = fc.array(fc.nat(5), { minLength: PER_CPU_LISTS - 2, maxLength: PER_CPU_LISTS - 2 });
  fc.assert(
    fc.property(
      fc.constantFrom(...KERNELS),
      counts,
      fc.tuple(fc.nat(1), fc.nat(1)),
      fc.array(fc.nat(2), { minLength: 8, maxLength: 8 }),
      fc.nat(3),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 60 }),
      (kernel, small, huge, types, order, batch, high) => {
        // The lists of orders 0 to 3 have chunks of the first two pageblocks, those of order 9 the last two. Their pageblocks may be of
        // another migratetype by now.
        const lists = indexes.map((index) =>
          index < 12
            ? range(0, small[index]).map((at) => index * 64 + (at << orderOf(index)))
            : range(0, huge[index - 12]).map(() => (index - 6) * 512),
        );
        const start = { batch, high };
        const sketch = { types: Object.fromEntries(types.map((type, block) => [block, NAMES[type]])) };
        const allocator = allocatorOf(kernel, [
          {
            ...sketch,
            cpus: [
              { ...start, lists: Object.fromEntries(lists.entries()) },
              { ...start, lists: { 0: [1536] } },
            ],
          },
        ]);
        const { perCpuLists, zones } = allocator;
        // The same memory, where each chunk is freed by itself.
        const other = allocatorOf(kernel, [{ ...sketch, cpus: [start, start] }]);
        // 6.1: the type that a page came with. Later: that of its pageblock.
        const noted = (pfn: number, index: number) => {
          const ofBlock = types[Math.floor(pfn / 512)];
          return kernel === '6.1' && index < 12 && pfn !== 1024 ? index % 3 : ofBlock;
        };
        const goesBack = (pfn: number, index: number) =>
          other.buddy.freeOne(other.zones[0], pfn, orderOf(index), noted(pfn, index));

        const rule = kernel === '6.1' ? new PerCpu61(start) : new PerCpu67(start, kernel === '7.3');
        const index = perCpuIndex(order, types[2]);
        lists[index].unshift(1024);
        rule.count = pagesIn(lists);
        let left = rule.pagesToReturn(zones[0], order);
        const portion = kernel === '7.3' ? batch : left;
        const empty = (most: number, first: number) => {
          let pages = most;
          for (const each of [...indexes.slice(first), ...indexes.slice(0, first)]) {
            while (pages > 0 && lists[each].length > 0) {
              goesBack(Number(lists[each].pop()), each);
              pages -= 1 << orderOf(each);
            }
          }
        };
        for (; left > 0 && pagesIn(lists) > 0; left -= portion) empty(Math.min(left, portion), index);
        allocator.free(0, zones[0], 1024, order);
        expect(listsOf(allocator, 0)).toEqual(lists);
        expect(perCpuLists.pages).toBe(pagesIn(lists) + 1);
        expect(zoneOf(allocator)).toEqual(zoneOf(other));

        // One chunk, if it is in a list of this CPU and has that order.
        const [some] = lists.flatMap((pfns, each) => pfns.slice(0, 1).map((pfn) => ({ pfn, each })));
        if (some !== undefined) {
          const orderOfIt = orderOf(some.each);
          expect(perCpuLists.returnChunk(zones[0], 0, some.pfn, orderOfIt + 1)).toBe(false);
          expect(perCpuLists.returnChunk(zones[0], 1, some.pfn, orderOfIt)).toBe(false);
          expect(perCpuLists.returnChunk(zones[0], 0, 1536, 0)).toBe(false);
          expect(perCpuLists.returnChunk(zones[0], 0, some.pfn, orderOfIt)).toBe(true);
          lists[some.each].shift();
          goesBack(some.pfn, some.each);
          expect(listsOf(allocator, 0)).toEqual(lists);
          expect(perCpuLists.pages).toBe(pagesIn(lists) + 1);
        }

        empty(Number.POSITIVE_INFINITY, 0);
        goesBack(1536, 0);
        expect(perCpuLists.drain(zones)).toBe(true);
        expect(perCpuLists.drain(zones)).toBe(false);
        expect([perCpuLists.pages, ...listsOf(allocator, 0).flat()]).toEqual([0]);
        expect(zoneOf(allocator)).toEqual(zoneOf(other));
      },
    ),
    { numRuns: 60 },
  );
});

it('a zone is no longer below its high watermark once what went back brings it above: free_unref_page_commit()', () => {
  const freesUntilAbove = (boost: number) => {
    const allocator = allocatorOf('7.3', [
      { high: 10, boost, isBelowHigh: true, cpus: [{ batch: 4, high: 4 }] },
    ]);
    const [zone] = allocator.zones;
    let count = 0;
    while (zone.isBelowHigh && count < 100) allocator.free(0, zone, count++, 0);
    return count;
  };
  // In batches of four; the counter lags by up to two pages.
  expect([freesUntilAbove(0), freesUntilAbove(5)]).toEqual([12, 20]);
});

it('pages of isolated pageblocks go to the zone at once, those of reserved ones to the list of Movable', () => {
  const allocator = allocatorOf('6.12', [
    { types: { 0: 'Isolate', 1: 'HighAtomic' }, cpus: [{ batch: 4, high: 40 }] },
  ]);
  const [zone] = allocator.zones;
  allocator.free(0, zone, 8, 0);
  expect([allocator.perCpuLists.pages, zone.freePages]).toEqual([0, 1]);
  allocator.free(0, zone, 520, 0);
  expect(listsOf(allocator, 0)[perCpuIndex(0, 1)]).toEqual([520]);
  expect(allocator.perCpuLists.isEmpty(zone, 0, 0, 1)).toBe(false);
  expect([0, 2].map((type) => allocator.perCpuLists.isEmpty(zone, 0, 0, type))).toEqual([true, true]);
  expect(allocator.perCpuLists.isEmpty(zone, 0, 4, 1)).toBe(true);
  expect(allocatorOf('6.12', [{}]).perCpuLists.serves(0, 0)).toBe(false);
});

it('pages that another migratetype has lent go back to the list of the request with 6.1, to that of their pageblock later', () => {
  const listedAfter = (kernel: Kernel) => {
    const allocator = allocatorOf(kernel, [
      { free: [[3, 'Unmovable', [8]]], cpus: [{ batch: 4, high: 40 }] },
    ]);
    expect(allocator.claim(0, 0, 1, zonelistOf(1))).toBeGreaterThanOrEqual(8);
    const lent = allocator.perCpuLists.pages;
    allocator.perCpuLists.drain(allocator.zones);
    const pagesOf = (type: number) =>
      zoneOf(allocator).lists.reduce((sum, ofOrder, order) => sum + (ofOrder[type].length << order), 0);
    return { lent, unmovable: pagesOf(0), movable: pagesOf(1) };
  };
  // With 6.1 the rest of the chunk is on the list of the request already: steal_suitable_fallback().
  expect(listedAfter('6.1')).toEqual({ lent: 3, unmovable: 0, movable: 7 });
  expect(listedAfter('6.12')).toEqual({ lent: 3, unmovable: 7, movable: 0 });
});

it('no page is lost nor counted twice between the lists of two CPUs and the zone, on any history', () => {
  const steps = fc.array(
    fc.record({
      isFree: fc.boolean(),
      order: fc.oneof(fc.nat(3), fc.constantFrom(4, 9)),
      type: fc.nat(2),
      cpu: fc.nat(1),
      pick: fc.nat(),
    }),
    { maxLength: 80, size: 'max' },
  );
  fc.assert(
    fc.property(fc.constantFrom(...KERNELS), fc.integer({ min: 1, max: 12 }), steps, (kernel, batch, all) => {
      const cpu = { batch, high: 3 * batch, highMax: 6 * batch };
      const allocator = allocatorOf(kernel, [
        {
          types: { 2: 'Movable', 3: 'Movable', 4: 'Reclaimable' },
          free: [
            [10, 'Unmovable', [0]],
            [10, 'Movable', [1024]],
            [9, 'Reclaimable', [2048]],
          ],
          cpus: [cpu, cpu],
        },
      ]);
      const [zone] = allocator.zones;
      const free = 2048 + 512;
      const held: { pfn: number; order: number }[] = [];
      const isHeld = new Uint8Array(ZONE_PAGES);
      let out = 0;
      for (const { isFree, order, type, cpu: on, pick } of all) {
        if (isFree && held.length > 0) {
          const [{ pfn, order: of }] = held.splice(pick % held.length, 1);
          allocator.free(on, zone, pfn, of);
          isHeld.fill(0, pfn, pfn + (1 << of));
          out -= 1 << of;
        } else {
          const hadLists = listsOf(allocator, on);
          const listed = order <= 3 || order === 9 ? hadLists[perCpuIndex(order, type)] : [];
          const pfn = allocator.claim(on, order, type, zonelistOf(1));
          // Refused although there is one in the lists: the watermarks count only what the zone has.
          if (pfn < 0) continue;
          if (listed.length > 0) expect(pfn).toBe(listed[0]);
          expect(pfn % (1 << order)).toBe(0);
          expect(isHeld.subarray(pfn, pfn + (1 << order)).includes(1)).toBe(false);
          isHeld.fill(1, pfn, pfn + (1 << order));
          held.push({ pfn, order });
          out += 1 << order;
        }
        const listedPages = pagesIn(listsOf(allocator, 0)) + pagesIn(listsOf(allocator, 1));
        expect([allocator.perCpuLists.pages, zone.freePages]).toEqual([
          listedPages,
          free - out - listedPages,
        ]);
      }
    }),
    { numRuns: 40 },
  );
});
