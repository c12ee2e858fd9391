import { GFP, nanoseconds } from '@decpool/model';
import { expect, it } from 'vitest';
import { RequestList } from './request-list.ts';

const now = nanoseconds(5);
const page = { api: 'alloc_pages', pages: 1, bytes: 4096, owner: 'spec' } as const;

it('allocations are named from 1, background chunks keyed from 1', () => {
  const list = new RequestList();
  expect([list.allocate(now, page), list.allocate(now, page)]).toEqual([1, 2]);
  expect([list.backgroundAllocate(now, 3, 'Movable'), list.backgroundAllocate(now, 0, 'Unmovable')]).toEqual([
    1, 2,
  ]);
  list.backgroundFree(now, 1);
  expect(list.requests.slice(2)).toEqual([
    { kind: 'background-allocate', time: 5, key: 1, order: 3, migratetype: 'Movable' },
    { kind: 'background-allocate', time: 5, key: 2, order: 0, migratetype: 'Unmovable' },
    { kind: 'background-free', time: 5, key: 1 },
  ]);
});

it('a request has gfp, node and align only if they are given', () => {
  const list = new RequestList();
  const all = { ...page, api: 'kmalloc', gfp: GFP.GFP_ATOMIC, node: 0, align: 256 } as const;
  const plain = list.allocate(now, page);
  list.allocate(now, all);
  list.free(now, plain);
  list.free(now, plain, GFP.GFP_NOWAIT);
  list.changeMapping(now, 'map-user', plain);
  list.changeMapping(now, 'unmap-user', plain);
  expect(list.requests).toStrictEqual([
    { kind: 'allocate', time: 5, allocation: 1, ...page },
    { kind: 'allocate', time: 5, allocation: 2, ...all },
    { kind: 'free', time: 5, allocation: 1 },
    { kind: 'free', time: 5, allocation: 1, gfp: GFP.GFP_NOWAIT },
    { kind: 'map-user', time: 5, allocation: 1 },
    { kind: 'unmap-user', time: 5, allocation: 1 },
  ]);
});
