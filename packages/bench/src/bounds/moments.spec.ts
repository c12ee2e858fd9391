import { GFP, GFP_KERNEL, platformNamed } from '@decpool/model';
import { DEFAULT_WORKER_DELAY } from '@decpool/model/internal';
import { freshBoot } from '@decpool/pool';
import { describe, expect, it } from 'vitest';
import { ANYWHERE, nodesOf, type PageItem, pageRequests, roomyMemory } from './items.ts';
import { closingAfter, isWorkers, momentsOf, openingFor, requestAt, timeOf } from './moments.ts';
import { allocate, free } from './testing.ts';
import { recordItems } from './testing-at-once.ts';

const item = (told: Partial<PageItem>): PageItem => ({
  ...{ pages: 1, align: 1, start: 0, end: 1, lifeNs: 0, place: ANYWHERE },
  ...{ mayConvertAtStart: true, mayConvertAtEnd: true },
  ...told,
});
const NODE = '1/Normal';

describe('the moments of a plan', () => {
  it('are in order: what the worker makes private before a request, what it shares, the request', () => {
    const atomic = { mayConvertAtStart: false, mayConvertAtEnd: false };
    const none = momentsOf([], [], 0);
    const order = [4, 5].flatMap((request) => [
      closingAfter(item({ ...atomic, end: request - 1 })),
      openingFor(none, item({ ...atomic, start: request })),
      openingFor(none, item({ start: request })),
    ]);
    expect(order).toEqual([12, 13, 14, 15, 16, 17]);
    expect(order.map((moment) => requestAt(moment!))).toEqual([4, 4, 4, 5, 5, 5]);
    expect(order.map((moment) => isWorkers(moment!))).toEqual([true, true, false, true, true, false]);
    expect(closingAfter(item({ end: 4 }))).toBe(14);
  });

  it('on a node are those of callers that may sleep there, before the item', () => {
    const items = [
      item({ place: NODE, start: 1 }),
      item({ place: NODE, start: 2, mayConvertAtStart: false }),
      item({ start: 3 }),
      item({ place: NODE, start: 4 }),
      item({ place: NODE, start: 6 }),
    ];
    const moments = momentsOf([], items, 0);
    const opening = (start: number, place = NODE) =>
      openingFor(moments, item({ place, start, mayConvertAtStart: false }));
    expect([1, 2, 4, 5, 6, 7].map((start) => opening(start))).toEqual([undefined, 5, 5, 14, 14, 20]);
    expect(opening(7, '2/Normal')).toBeUndefined();
    expect(openingFor(moments, item({ place: NODE, start: 5 }))).toBe(17);
  });

  it('of the worker come a delay after a request, but not after the next; the others at their request', () => {
    const delay = DEFAULT_WORKER_DELAY;
    const requests = [free(1, 10), free(2, 10 + 3 * delay), free(3, 10 + 3.5 * delay)];
    const moments = momentsOf(requests, [], 10 + 9 * delay);
    const time = (moment: number) => timeOf(moments, moment);
    expect([0, 1, 2].map(time)).toEqual([10, 10, 10]);
    expect([3, 4, 5].map(time)).toEqual([10 + delay, 10 + 3 * delay, 10 + 3 * delay]);
    expect([6, 7, 8].map(time)).toEqual([6, 7, 8].map(() => 10 + 3.5 * delay));
    expect([9, 10, 11].map(time)).toEqual([9, 10, 11].map(() => 10 + 9 * delay));
    const late = momentsOf([free(1, 5 * delay)], [], 5 * delay);
    expect(timeOf(late, 0)).toBe(delay);
  });
});

describe('the items of a packing', () => {
  const platform = platformNamed('snp');
  const itemsOf = (requests: Parameters<typeof recordItems>[0]) =>
    recordItems(requests, platform, roomyMemory(1000, 2)!);

  it('begin at the request that allocates and end at the one that frees, or never', () => {
    const gfp = GFP.GFP_ATOMIC;
    const requests = [
      allocate(1, 3, { time: 5 }),
      allocate(2, 600, { time: 7, api: 'vmalloc', gfp, node: 1 }),
      allocate(3, 1, { time: 8, api: 'vmalloc' }),
      free(1, 15, gfp),
      free(2, 20),
      allocate(4, 1, { time: 21, gfp: GFP_KERNEL | GFP.__GFP_DMA32 }),
      free(3, 30),
    ];
    const sleeping = { mayConvertAtStart: true, place: ANYWHERE };
    expect(itemsOf(requests)).toEqual([
      { ...sleeping, pages: 3, align: 4, start: 0, end: 3, lifeNs: 10, mayConvertAtEnd: false },
      {
        ...{ pages: 600, align: 0, start: 1, end: 4, lifeNs: 13, place: '1/Normal' },
        ...{ mayConvertAtStart: false, mayConvertAtEnd: true },
      },
      { ...sleeping, pages: 1, align: 1, start: 2, end: 6, lifeNs: 22, mayConvertAtEnd: true },
      {
        ...{ pages: 1, align: 1, start: 5, end: 7, lifeNs: 9, place: '-1/DMA32' },
        ...{ mayConvertAtStart: true, mayConvertAtEnd: false },
      },
    ]);
  });

  it('are slabs, from the object that needs one to the one that leaves it last', () => {
    const object = (id: number, time: number) => allocate(id, 1, { api: 'kmalloc', bytes: 2048, time });
    const items = itemsOf([object(1, 0), object(2, 1), free(1, 2), free(2, 9)]);
    expect(items?.map(({ start, end, lifeNs }) => ({ start, end, lifeNs }))).toEqual([
      { start: 0, end: 3, lifeNs: 9 },
    ]);
  });

  it('are there only if the memory is large enough', () => {
    expect(recordItems([allocate(1, 1024)], platform, roomyMemory(1, 1)!)).toHaveLength(1);
    const many = Array.from({ length: 300 }, (_, at) => allocate(at + 1, 1024));
    expect(recordItems(many, platform, roomyMemory(1, 1)!)).toBeUndefined();
  });

  it('come of requests that count, which are numbered anew', () => {
    const background = { kind: 'background-allocate', time: 0, allocation: 9, pages: 1, owner: '' };
    const requests = [
      background as never,
      allocate(3, 1),
      allocate(4, 1, { api: 'dma_map', bytes: 66 }),
      allocate(5, 1025),
      allocate(6, 2),
      { ...background, kind: 'background-free' } as never,
      free(4),
      free(5),
      free(3, 7),
      free(6, 8),
    ];
    expect(pageRequests(requests)).toEqual([allocate(1, 1), allocate(2, 2), free(1, 7), free(2, 8)]);
  });

  it('have room for four times their pages on each node, in a guest of 1 GiB to 512 GiB', () => {
    expect(roomyMemory(1, 1)).toEqual(freshBoot(2 ** 30, 1));
    expect(roomyMemory(2 ** 16, 1)).toEqual(freshBoot(2 ** 30, 1));
    expect(roomyMemory(2 ** 16 + 1, 1)).toEqual(freshBoot(2 ** 31, 1));
    expect(roomyMemory(2 ** 16, 4)).toEqual(freshBoot(2 ** 32, 4));
    expect(roomyMemory(2 ** 25, 1)).toEqual(freshBoot(2 ** 39, 1));
    expect(roomyMemory(2 ** 25 + 1, 1)).toBeUndefined();
  });

  it('are on as many nodes as the highest that is asked for', () => {
    expect(nodesOf([])).toBe(1);
    expect(nodesOf([allocate(1, 1), free(1)])).toBe(1);
    expect(nodesOf([allocate(1, 1, { node: 2 }), allocate(2, 1, { node: 1 })])).toBe(3);
  });
});
