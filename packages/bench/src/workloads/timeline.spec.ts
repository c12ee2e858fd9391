import { GFP, InvariantError } from '@decpool/model';
import { expect, it } from 'vitest';
import { dice } from './random.ts';
import { Activity, type Lease, Timeline } from './timeline.ts';

const page = { api: 'alloc_pages', bytes: 4096, owner: 'spec' } as const;
const lease: Lease = { wanted: { ...page, pages: 1 } };

it('what activities do at the same time comes out in order of time, with names in that order', () => {
  const timeline = new Timeline();
  const late: Lease = { wanted: { ...lease.wanted, owner: 'late' } };
  timeline.add(200, 'allocate', late);
  timeline.add(300, 'free', late, GFP.GFP_ATOMIC);
  timeline.add(100, 'allocate', lease);
  timeline.add(200, 'map-user', lease);
  timeline.add(250, 'unmap-user', lease);
  expect(timeline.requests()).toEqual([
    { kind: 'allocate', time: 100, allocation: 1, ...lease.wanted },
    { kind: 'allocate', time: 200, allocation: 2, ...late.wanted },
    { kind: 'map-user', time: 200, allocation: 1 },
    { kind: 'unmap-user', time: 250, allocation: 1 },
    { kind: 'free', time: 300, allocation: 2, gfp: GFP.GFP_ATOMIC },
  ]);
});

it('what is freed before it is allocated is a defect of the generator', () => {
  const timeline = new Timeline();
  timeline.add(200, 'allocate', lease);
  timeline.add(100, 'free', lease);
  expect(() => timeline.requests()).toThrow(InvariantError);
  expect(() => timeline.requests()).toThrow("'spec': free at 100 ns, before it is allocated");
});

it('a fork goes its own way from now on', () => {
  const guest = new Activity(new Timeline(), dice(1));
  guest.wait([100, 100]);
  const fork = guest.fork();
  fork.wait([50, 50]);
  expect([guest.now, fork.now]).toEqual([100, 150]);
});

it('waiting for an instant that is past takes no time', () => {
  const guest = new Activity(new Timeline(), dice(1), 100);
  guest.waitUntil(50);
  expect(guest.now).toBe(100);
  guest.waitUntil(150);
  expect(guest.now).toBe(150);
});

it('what is held is freed a life later, while its activity goes on', () => {
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(1), 10);
  guest.hold(page, 100);
  guest.wait([1, 1]);
  guest.hold(page, 20, GFP.GFP_ATOMIC);
  expect(timeline.requests().map(({ time, kind }) => `${time} ${kind}`)).toEqual([
    '10 allocate',
    '11 allocate',
    '31 free',
    '110 free',
  ]);
});

it('pages follow from the bytes: a power of two for alloc_pages only', () => {
  const timeline = new Timeline();
  const guest = new Activity(timeline, dice(1));
  for (const api of ['alloc_pages', 'alloc_pages_exact', 'kmalloc'] as const) {
    guest.allocate({ api, bytes: 3 * 4096 - 1, owner: 'spec' });
  }
  expect(timeline.requests().map((request) => (request.kind === 'allocate' ? request.pages : 0))).toEqual([
    4, 3, 3,
  ]);
});
