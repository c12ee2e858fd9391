import { allocationId, nanoseconds } from '@decpool/model';
import type { EventBody } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { decrypted, encrypted, measure, requested, runOf } from './testing.ts';
import { waitMetrics } from './waits.ts';

/** Events of one request: of the same number, at one time. */
const during = (request: number, time: number, ...events: readonly (EventBody & { time?: number })[]) =>
  events.map((event) => ({ ...event, request, time }));
const freeRequested = (allocation: number) => ({
  type: 'free-requested' as const,
  allocation: allocationId(allocation),
});

describe('a request waits', () => {
  it('if set_memory_decrypted() or set_memory_encrypted() is called during it, to allocate or to free', () => {
    const history = [
      ...during(1, 0, requested(1, 1, 4096), decrypted(0, 512)),
      ...during(2, 5, requested(2, 1, 4096)),
      ...during(3, 6, freeRequested(1)),
      ...during(4, 7, freeRequested(2), encrypted(0, 512)),
    ];
    expect(measure(waitMetrics, history)['waited-share']).toBe(50);
  });

  it('once, however many conversions it makes; the host calls of all of them count', () => {
    const history = [
      // On snp a call has 64 entries: an aligned block is one, a page is one.
      ...during(1, 0, requested(1, 1, 4096), decrypted(0, 512), decrypted(600, 65)),
      ...during(2, 1, requested(2, 1, 4096), decrypted(1024, 1)),
    ];
    expect(measure(waitMetrics, history)).toEqual({ 'waited-share': 100, 'host-calls-most': 3 });
  });

  it('for a conversion that fails too', () => {
    const failed = { ...decrypted(0, 1), type: 'conversion-failed' as const, direction: 'decrypt' as const };
    const history = during(1, 0, requested(1, 1, 4096), failed);
    expect(measure(waitMetrics, history)).toEqual({ 'waited-share': 100, 'host-calls-most': 1 });
  });

  it('for the calls of a vmalloc area, counted by page over its runs', () => {
    const area = (offset: number, pages: number) => ({
      ...decrypted(offset, pages),
      type: 'vm-area-decrypted' as const,
      offset,
    });
    const history = during(1, 0, requested(1, 100, 409_600), area(0, 60), area(60, 40));
    expect(measure(waitMetrics, history)['host-calls-most']).toBe(2);
  });
});

it('a failed call on a vmalloc area waits for its pages one by one, another for its block', () => {
  const failed = (more: object) => ({
    ...decrypted(0, 512),
    type: 'conversion-failed' as const,
    direction: 'decrypt' as const,
    ...more,
  });
  const most = (more: object) =>
    measure(waitMetrics, during(1, 0, requested(1, 512, 2 ** 21), failed(more)))['host-calls-most'];
  // On snp 64 pages are a call; an aligned block is one.
  expect([most({}), most({ offset: 0 })]).toEqual([1, 8]);
});

describe('no request waits', () => {
  it('for the deferred worker, which runs later', () => {
    const history = [...during(1, 0, requested(1, 1, 4096)), ...during(1, 9, encrypted(0, 512))];
    expect(measure(waitMetrics, history)).toEqual({ 'waited-share': 0, 'host-calls-most': 0 });
  });

  it('for what is converted at boot', () => {
    const history = [...during(0, 0, decrypted(0, 512)), ...during(1, 0, requested(1, 1, 4096))];
    expect(measure(waitMetrics, history)['waited-share']).toBe(0);
  });

  it('if there is none', () => expect(measure(waitMetrics, [])['waited-share']).toBe(0));
});

it('in a real run the prototype of 2024 waits for every request, a pool for the first', () => {
  const requests = [1, 2, 3, 4].map((allocation) => ({
    kind: 'allocate' as const,
    time: nanoseconds(allocation * 1e9),
    allocation: allocationId(allocation),
    api: 'alloc_pages' as const,
    pages: 4,
    bytes: 16_384,
    owner: 'nic',
  }));
  expect(runOf('gfp-decrypted', 'snp', requests).values['waited-share']).toBe(100);
  expect(runOf('first-fit', 'snp', requests).values['waited-share']).toBe(25);
});
