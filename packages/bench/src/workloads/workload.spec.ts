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
  ['goes back in time', [allocate(1, 5, 1), free(1, 4)], /request 1: its time is 4 ns/],
  ['has no time', [allocate(1, Number.NaN, 1)], /request 0: its time is NaN/],
  ['names an allocation twice', [allocate(1, 0, 1), allocate(1, 0, 1)], /request 1: .* named before/],
  ['uses the name of a freed one', [allocate(1, 0, 1), free(1, 0), allocate(1, 0, 1)], /request 2: .* named/],
  ['frees what never was', [free(1, 0)], /request 0: it frees 1/],
  ['frees twice', [allocate(1, 0, 1), free(1, 0), free(1, 0)], /request 2: it frees 1/],
  ['asks for no pages', [allocate(1, 0, 0)], /request 0: it asks for 0 pages/],
  ['asks alloc_pages for no power of two', [allocate(1, 0, 3, { api: 'alloc_pages' })], /not 3/],
  [
    'names more pages than the bytes fill',
    [allocate(1, 0, 2, { api: 'dma_map', bytes: 4096 })],
    /fills 1 pages, not 2/,
  ],
  ['names a flag there is not', [allocate(1, 0, 1, { gfp: 64 })], /request 0: its gfp flags are 64/],
  [
    'frees with a flag there is not',
    [allocate(1, 0, 1), free(1, 0, 256)],
    /request 1: its gfp flags are 256/,
  ],
  [
    'names a node there is not',
    [allocate(1, 0, 1, { node: 63 })],
    /its node is 63; expected -1 for any, or 0 to 62/,
  ],
  ['aligns to no power of two', [allocate(1, 0, 1, { api: 'kmalloc', align: 192 })], /aligned to 192 bytes/],
  ['aligns beyond a page', [allocate(1, 0, 1, { api: 'kmalloc', align: 8192 })], /aligned to 8192 bytes/],
  ['aligns what is not kmalloc', [allocate(1, 0, 1, { align: 256 })], /alloc_pages_exact takes no alignment/],
  [
    'maps what never was',
    [user('map-user', 1, 0)],
    /request 0: it maps 1 for a user, which is not allocated/,
  ],
  ['maps what is freed', [allocate(1, 0, 1), free(1, 0), user('map-user', 1, 0)], /request 2: it maps 1/],
  [
    'maps twice',
    [allocate(1, 0, 1), user('map-user', 1, 0), user('map-user', 1, 0)],
    /request 2: it maps 1 for a user a second time/,
  ],
  ['unmaps what is not mapped', [allocate(1, 0, 1), user('unmap-user', 1, 0)], /request 1: .* there is none/],
  [
    'frees what user space maps',
    [allocate(1, 0, 1), user('map-user', 1, 0), free(1, 0)],
    /request 2: it frees 1, which user space still maps/,
  ],
  ['takes a background key twice', [take(1), take(1)], /request 1: background chunk 1 is still allocated/],
  ['gives back a background key that is not taken', [giveBack(1)], /request 0: it frees background chunk 1/],
  ['has a background key that is no number', [take(0.5)], /its background key is 0.5/],
  ['takes a background order there is not', [take(1, 11)], /its order is 11; orders run from 0 to 10/],
  [
    'takes a migratetype there is not',
    [take(1, 0, 'movable')],
    /its migratetype is 'movable'; known: Unmovable/,
  ],
  ['asks for more bytes than pages hold', [allocate(1, 0, 1, { bytes: 4097 })], /4097 bytes do not fit/],
])('a workload that %s is refused', (_, requests, message) => {
  expect(() => peakLivePages(requests)).toThrow(InputError);
  expect(() => peakLivePages(requests)).toThrow(message);
});
