import { type AllocateRequest, allocationId, InputError, nanoseconds, type Request } from '@decpool/model';
import { expect, it } from 'vitest';
import { peakLivePages } from './workload.ts';

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
const free = (id: number, time: number): Request => ({
  kind: 'free',
  time: nanoseconds(time),
  allocation: allocationId(id),
});

it('the peak is the most pages that are live at one time', () => {
  expect(peakLivePages([])).toBe(0);
  expect(
    peakLivePages([allocate(1, 0, 3), allocate(2, 1, 4), free(1, 2), allocate(3, 2, 2), free(2, 3)]),
  ).toBe(7);
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
  ['asks for more bytes than pages hold', [allocate(1, 0, 1, { bytes: 4097 })], /4097 bytes do not fit/],
])('a workload that %s is refused', (_, requests, message) => {
  expect(() => peakLivePages(requests)).toThrow(InputError);
  expect(() => peakLivePages(requests)).toThrow(message);
});
