import { describe, expect, it } from 'vitest';
import { nameOf } from './testing.ts';
import { TraceRequests } from './trace-requests.ts';

const PAGE = { api: 'alloc_pages', pages: 1, bytes: 4096, owner: 'dd' } as const;
const OTHERS = [0, 'Movable'] as const;

const steps = ({ requests }: TraceRequests) =>
  requests.map((request) => [request.kind, nameOf(request), request.time]);

it('keeps requests and background apart, also where the trace gives both one name', () => {
  const into = new TraceRequests();
  into.allocate(7, 0n, PAGE);
  into.backgroundAllocate(7, 1n, ...OTHERS);
  into.backgroundAllocate(7, 2n, ...OTHERS);
  into.allocate(7, 3n, PAGE);
  into.free(7, 4n);
  into.free(7, 5n);
  expect(steps(into)).toEqual([
    ['allocate', 1, 0],
    ['free', 1, 1],
    ['background-allocate', 1, 1],
    ['background-free', 1, 2],
    ['background-allocate', 2, 2],
    ['background-free', 2, 3],
    ['allocate', 2, 3],
    ['free', 2, 4],
  ]);
  expect(into.report()).toMatchObject({
    requests: 2,
    frees: 2,
    background: { allocations: 2, frees: 2, liveAtEnd: 0 },
    doubleAllocs: 3,
    freesWithoutAlloc: 1,
  });
});

describe('a free that no trace records', () => {
  it('comes between the requests around it, at its own time', () => {
    const into = new TraceRequests();
    into.allocate('a', 100n, PAGE);
    into.allocate('b', 105n, PAGE);
    into.assumeFree('b', 10);
    into.backgroundAllocate(1, 112n, ...OTHERS);
    into.assumeFree('a', 10);
    expect(steps(into)).toEqual([
      ['allocate', 1, 0],
      ['allocate', 2, 5],
      ['free', 1, 10],
      ['background-allocate', 1, 12],
      ['free', 2, 15],
    ]);
    expect(into.report()).toMatchObject({ requests: 2, frees: 2, assumedFrees: 2, liveAtEnd: 0 });
  });

  it('never comes before its allocation, though both have the same time', () => {
    const into = new TraceRequests();
    into.allocate('a', 100n, PAGE);
    into.allocate('b', 100n, PAGE);
    into.assumeFree('b', 0);
    into.assumeFree('a', 0);
    expect(steps(into)).toEqual([
      ['allocate', 1, 0],
      ['free', 1, 0],
      ['allocate', 2, 0],
      ['free', 2, 0],
    ]);
  });
});

it('does not let a time that is out of all bounds break the times after it', () => {
  const into = new TraceRequests();
  into.allocate(1, 5n, PAGE);
  into.allocate(2, 10n ** 20n, PAGE);
  into.allocate(3, 8n, PAGE);
  expect(steps(into).map(([, , time]) => time)).toEqual([0, 0, 3]);
  expect(into.notes).toEqual([expect.stringMatching(/^1 requests were moved /)]);
});
