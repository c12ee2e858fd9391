import { expect, it } from 'vitest';
import { accountedLines, nameOf, readLines } from '../testing.ts';
import { requestSequence } from './request-sequence.ts';

it('allocates and frees by order, a millisecond apart', () => {
  const { requests, notes } = readLines(requestSequence, ['a 7 0', 'a 8 3', 'f 7 0']);
  expect(requests).toEqual([
    {
      kind: 'allocate',
      time: 0,
      allocation: 1,
      api: 'alloc_pages',
      pages: 1,
      bytes: 4096,
      owner: 'trace',
    },
    {
      kind: 'allocate',
      time: 1_000_000,
      allocation: 2,
      api: 'alloc_pages',
      pages: 8,
      bytes: 32_768,
      owner: 'trace',
    },
    { kind: 'free', time: 2_000_000, allocation: 1 },
  ]);
  expect(notes).toEqual([expect.stringMatching(/ no times\. .* 1 ms /)]);
});

it('refuses a free of another order, and keeps the allocation', () => {
  const { requests, sanity } = readLines(requestSequence, ['a 1 2', 'f 1 3', 'f 1 2']);
  expect(sanity.unparsed).toEqual({
    count: 1,
    first: [{ line: 2, text: 'f 1 3', reason: '1 was allocated with order 2' }],
  });
  expect(requests.map((request) => request.kind)).toEqual(['allocate', 'free']);
});

it('counts a free without an allocation, and frees an id before it is allocated again', () => {
  const { requests, sanity } = readLines(requestSequence, ['f 9 0', 'a 1 0', 'a 1 4', 'f 1 4', 'f 1 4']);
  expect(requests.map((request) => [request.kind, nameOf(request)])).toEqual([
    ['allocate', 1],
    ['free', 1],
    ['allocate', 2],
    ['free', 2],
  ]);
  expect(sanity).toMatchObject({
    freesWithoutAlloc: 2,
    doubleAllocs: 1,
    requests: 2,
    frees: 2,
    liveAtEnd: 0,
  });
});

it('forgets the order of what is freed', () => {
  const { sanity } = readLines(requestSequence, ['a 1 2', 'f 1 2', 'f 1 3']);
  expect(sanity).toMatchObject({ freesWithoutAlloc: 1, unparsed: { count: 0 } });
});

it('takes chunks up to order 10', () => {
  expect(readLines(requestSequence, ['a 1 10']).requests).toMatchObject([{ pages: 1024 }]);
});

it.each(['a 1', 'a 1 x', 'b 1 0', 'a 1 11', 'a -1 0', 'a 1 0 0'])('does not understand %j', (text) => {
  const { requests, sanity } = readLines(requestSequence, [text]);
  expect(requests).toEqual([]);
  expect(sanity.unparsed.first).toEqual([{ line: 1, text, reason: expect.any(String) }]);
});

it('accounts for every line', () => {
  const lines = ['# by hand', '', 'a 1 0', 'a 1 0', 'f 1 0', 'f 5 0', 'what?'];
  const { sanity } = readLines(requestSequence, lines);
  expect(sanity.linesRead).toBe(lines.length);
  expect(accountedLines(sanity)).toBe(lines.length);
  expect(sanity.ignored).toEqual({ comments: 1, 'blank lines': 1 });
});
