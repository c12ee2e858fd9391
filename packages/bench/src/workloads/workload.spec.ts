import {
  type AllocateRequest,
  allocationId,
  GFP,
  InputError,
  nanoseconds,
  type Request,
} from '@decpool/model';
import { expect, it } from 'vitest';
import { durationOf, peakLivePages } from './workload.ts';

const allocate = (id: number, time: number, pages: number, more: Partial<AllocateRequest> = {}): Request => ({
  kind: 'allocate',
  time: nanoseconds(time),
  allocation: allocationId(id),
  api: 'alloc_pages_exact',
  pages,
  bytes: pages * 4096,
  owner: 'spec',
  ...more,
});
const free = (id: number, time: number, gfp = 0): Request => ({
  kind: 'free',
  time: nanoseconds(time),
  allocation: allocationId(id),
  gfp,
});
const user = (kind: 'map-user' | 'unmap-user', id: number, time: number): Request => ({
  kind,
  time: nanoseconds(time),
  allocation: allocationId(id),
});
const take = (key: number, order = 0, migratetype = 'Movable'): Request => ({
  kind: 'background-allocate',
  time: nanoseconds(0),
  key,
  order,
  migratetype: migratetype as 'Movable',
});
const giveBack = (key: number): Request => ({ kind: 'background-free', time: nanoseconds(0), key });

it('the peak is the most pages that are live at one time', () => {
  expect(peakLivePages([])).toBe(0);
  expect(
    peakLivePages([allocate(1, 0, 3), allocate(2, 1, 4), free(1, 2), allocate(3, 2, 2), free(2, 3)]),
  ).toBe(7);
});

it('what others allocate in the background is not live', () => {
  expect(peakLivePages([take(7, 10), allocate(1, 0, 2), giveBack(7), take(7)])).toBe(2);
});

it('a user mapping that is taken away before the free is well formed, and may be made again', () => {
  const mapAndUnmap = [user('map-user', 1, 0), user('unmap-user', 1, 0)];
  expect(peakLivePages([allocate(1, 0, 2), ...mapAndUnmap, ...mapAndUnmap, free(1, 0)])).toBe(2);
});

it('an allocation may be mapped into user space twice, and must be unmapped as often before its free', () => {
  const mapTwice = [allocate(1, 0, 1), user('map-user', 1, 0), user('map-user', 1, 0)];
  const unmap = user('unmap-user', 1, 0);
  expect(peakLivePages([...mapTwice, unmap, unmap, free(1, 0)])).toBe(1);
  expect(() => peakLivePages([...mapTwice, unmap, free(1, 0)])).toThrow(
    /request 4: .* mapped into user space/,
  );
});

it('flags, nodes and alignments that the kernel has are well formed', () => {
  const gfp = GFP.GFP_ATOMIC | GFP.__GFP_DMA32;
  const requests = [
    allocate(1, 0, 1, { api: 'kmalloc', gfp, node: 0, align: 256 }),
    free(1, 0, GFP.GFP_ATOMIC),
  ];
  expect(peakLivePages(requests)).toBe(1);
  expect(peakLivePages([allocate(1, 0, 1, { node: -1, align: 1 })])).toBe(1);
});

it('a workload lasts until its last request', () => {
  expect(durationOf({ requests: [] })).toBe(0);
  expect(durationOf({ requests: [allocate(1, 5, 1), free(1, 9)] })).toBe(9);
});

it.each<[string, Request[], RegExp]>([
  [
    'goes back in time',
    [allocate(1, 5, 1), free(1, 4)],
    /request 1: request at 4 ns: expected a whole number from 5/,
  ],
  ['has no time', [allocate(1, Number.NaN, 1)], /request 0: request at NaN ns/],
  [
    'names an allocation twice',
    [allocate(1, 0, 1), allocate(1, 0, 1)],
    /request 1: allocation id 1: expected 2, the next one/,
  ],
  [
    'uses the name of a freed one',
    [allocate(1, 0, 1), free(1, 0), allocate(1, 0, 1)],
    /request 2: allocation id 1: expected 2/,
  ],
  ['frees what never was', [free(1, 0)], /request 0: free of allocation 1: it is not live/],
  [
    'frees twice',
    [allocate(1, 0, 1), free(1, 0), free(1, 0)],
    /request 2: free of allocation 1: it is not live/,
  ],
  ['asks for no pages', [allocate(1, 0, 0)], /request 0: a request for 0 pages/],
  [
    'asks alloc_pages for no power of two',
    [allocate(1, 0, 3, { api: 'alloc_pages' })],
    /alloc_pages of 3 pages: must be a power of two/,
  ],
  [
    'names more pages than the bytes fill',
    [allocate(1, 0, 2, { api: 'dma_map', bytes: 4096 })],
    /dma_map of 4096 bytes in 2 pages: must have the 1/,
  ],
  ['names a flag there is not', [allocate(1, 0, 1, { gfp: 256 })], /request 0: gfp flags 256: expected/],
  ['frees with a flag there is not', [allocate(1, 0, 1), free(1, 0, 256)], /request 1: gfp flags 256/],
  ['names a node there is not', [allocate(1, 0, 1, { node: 63 })], /NUMA node 63: nodes run from 0 to 62/],
  [
    'aligns to no power of two',
    [allocate(1, 0, 1, { api: 'kmalloc', align: 192 })],
    /an alignment of 192 bytes: must be a power of two up to 4096/,
  ],
  [
    'aligns beyond a page',
    [allocate(1, 0, 1, { api: 'kmalloc', align: 8192 })],
    /an alignment of 8192 bytes/,
  ],
  [
    'aligns what is not kmalloc',
    [allocate(1, 0, 1, { align: 256 })],
    /alloc_pages_exact with an alignment of 256 bytes: only kmalloc takes one/,
  ],
  ['maps what never was', [user('map-user', 1, 0)], /request 0: map-user of allocation 1: it is not live/],
  [
    'maps what is freed',
    [allocate(1, 0, 1), free(1, 0), user('map-user', 1, 0)],
    /request 2: map-user of allocation 1: it is not live/,
  ],
  [
    'unmaps what is not mapped',
    [allocate(1, 0, 1), user('unmap-user', 1, 0)],
    /request 1: unmap-user of allocation 1: it is not mapped/,
  ],
  [
    'frees what user space maps',
    [allocate(1, 0, 1), user('map-user', 1, 0), free(1, 0)],
    /request 2: free of allocation 1: it is mapped into user space/,
  ],
  ['takes a background key twice', [take(1), take(1)], /request 1: background chunk 1: already allocated/],
  [
    'gives back a background key that is not taken',
    [giveBack(1)],
    /request 0: free of background chunk 1: it is not allocated/,
  ],
  ['has a background key that is no number', [take(0.5)], /background chunk '0.5': expected a whole number/],
  [
    'takes a background order there is not',
    [take(1, 11)],
    /a background chunk of order 11: orders run from 0 to 10/,
  ],
  ['takes a migratetype there is not', [take(1, 0, 'movable')], /unknown migratetype 'movable'/],
  [
    'asks for more bytes than pages hold',
    [allocate(1, 0, 1, { bytes: 4097 })],
    /request for 4097 bytes in 1 pages/,
  ],
])('a workload that %s is refused', (_, requests, message) => {
  expect(() => peakLivePages(requests)).toThrow(InputError);
  expect(() => peakLivePages(requests)).toThrow(message);
});
