import { PLAIN_PAGE_SOURCE } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { DeferredCompaction } from './deferred-compaction.ts';
import { oneZone, sourceOf } from './testing.ts';

/** Which of so many attempts are made if each of them fails. */
const attempts = (count: number, deferred = new DeferredCompaction(1)): number[] => {
  const made: number[] = [];
  for (let attempt = 1; attempt <= count; attempt++) {
    if (deferred.isDeferred(0, 9)) continue;
    made.push(attempt);
    deferred.defer(0, 9);
  }
  return made;
};

describe('compaction_deferred() and defer_compaction(), 6.1 to 7.3', () => {
  it('leave out twice as many attempts after each failure, at most 63', () => {
    expect(attempts(300)).toEqual([1, 3, 7, 15, 31, 63, 127, 191, 255]);
  });

  it('are about the order that failed, and higher ones', () => {
    const deferred = new DeferredCompaction(1);
    attempts(3, deferred);
    deferred.reset(0, 4, false);
    expect(deferred.isDeferred(0, 4)).toBe(false);
    expect(deferred.isDeferred(0, 9)).toBe(true);
  });

  it('begin anew once a request was served: compaction_defer_reset()', () => {
    const deferred = new DeferredCompaction(1);
    attempts(20, deferred);
    expect(deferred.isDeferred(0, 9)).toBe(true);
    deferred.reset(0, 9, true);
    expect(deferred.isDeferred(0, 9)).toBe(false);
    expect(attempts(20, deferred)).toEqual(attempts(20));
  });

  it('leave out as many as before once a chunk that was made is not what the request got', () => {
    const deferred = new DeferredCompaction(1);
    expect(attempts(20, deferred)).toEqual([1, 3, 7, 15]);
    deferred.reset(0, 9, false);
    // The fifth failure: 32 are left out, of which the 32nd is made.
    expect(attempts(34, deferred)).toEqual([1, 33]);
  });

  it('are about orders from the lowest that failed since the last chunk', () => {
    const deferred = new DeferredCompaction(2);
    const isDeferred = () => [4, 5, 9, 10].map((order) => deferred.isDeferred(0, order));
    deferred.reset(0, 9, true);
    for (const order of [7, 5, 8]) deferred.defer(0, order);
    expect(isDeferred()).toEqual([false, true, true, true]);
    deferred.reset(0, 9, false);
    expect(isDeferred()).toEqual([false, false, false, true]);
    // Of this zone alone.
    expect(deferred.isDeferred(1, 10)).toBe(false);
  });
});

it('a deferred compaction is a stall in the counters of 6.1 and 6.12, not of 7.3', () => {
  const stallsOf = (kernel: '6.x' | '6.12' | '7.x') => {
    const source = sourceOf(oneZone({ Unmovable: { 8: 8 } }), 1, {
      ...PLAIN_PAGE_SOURCE,
      kernel,
      compaction: true,
      reclaim: true,
    });
    return Array.from({ length: 4 }, () => {
      source.claim(9, 'Unmovable');
      return source.stalls;
    });
  };
  expect(stallsOf('6.x')).toEqual([3, 3, 3, 3]);
  expect(stallsOf('6.12')).toEqual([3, 3, 3, 3]);
  // The first compaction never fails for good; the second one does after requests 1, 2 and 4.
  expect(stallsOf('7.x')).toEqual([3, 2, 1, 2]);
});
