import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingsWith } from '../../files/testing.ts';
import { importTrace } from '../import.ts';
import { accountedLines, nameOf, readLines } from '../testing.ts';
import { minimalloc } from './minimalloc.ts';

it('makes a buffer of each line, in whole pages, from its begin to its end', () => {
  const { requests, sanity, notes } = readLines(minimalloc, [
    'id,lower,upper,size',
    'b1,10,40,5120',
    'b2,20,30,4096',
  ]);
  expect(requests).toEqual([
    {
      kind: 'allocate',
      time: 0,
      allocation: 1,
      api: 'alloc_pages_exact',
      pages: 2,
      bytes: 5120,
      owner: 'trace',
    },
    {
      kind: 'allocate',
      time: 10_000,
      allocation: 2,
      api: 'alloc_pages_exact',
      pages: 1,
      bytes: 4096,
      owner: 'trace',
    },
    { kind: 'free', time: 20_000, allocation: 2 },
    { kind: 'free', time: 30_000, allocation: 1 },
  ]);
  expect(sanity).toMatchObject({ requests: 2, frees: 2, groupedFrees: 2, ignored: { headings: 1 } });
  expect(accountedLines(sanity)).toBe(3);
  expect(notes).toEqual([
    'A step of the file counts as 1 us, a unit of its sizes as a byte. Each buffer has whole pages.',
  ]);
});

it('takes no line of more than 1000 characters for a heading: it may be of any file', () => {
  const heading = (rest: string) => `id,lower,upper,size,${rest}`;
  expect(minimalloc.recognises(heading('x'.repeat(980)))).toBe(true);
  expect(minimalloc.recognises(heading('x'.repeat(981)))).toBe(false);
});

it('frees a buffer before another begins at the same time', () => {
  const { requests } = readLines(minimalloc, ['id,lower,upper,size', 'late,5,9,1', 'early,0,5,1']);
  expect(requests.map((request) => [request.kind, nameOf(request)])).toEqual([
    ['allocate', 1],
    ['free', 1],
    ['allocate', 2],
    ['free', 2],
  ]);
});

it('finds the columns by their heading, among others', () => {
  const { requests } = readLines(minimalloc, ['size,id,alignment,upper,lower', '8192,x,1,7,3']);
  expect(requests).toMatchObject([{ pages: 2 }, { time: 4000 }]);
});

it('takes times up to 2^53 ns', () => {
  const most = Math.floor(Number.MAX_SAFE_INTEGER / 1000);
  const { requests, sanity } = readLines(minimalloc, [
    'id,lower,upper,size',
    `a,${most - 1},${most},1`,
    `b,1,${most + 1},1`,
  ]);
  expect(requests).toMatchObject([{ time: 0 }, { time: 1000 }]);
  expect(sanity.unparsed.first).toMatchObject([{ line: 3 }]);
});

it('understands no buffer before the heading', () => {
  const { sanity } = readLines(minimalloc, ['a,0,9,1', 'id,lower,upper,size', 'a,0,9,1']);
  expect(sanity).toMatchObject({ requests: 1, unparsed: { first: [{ line: 1 }] } });
});

it.each(['', 'x,5,5,1', 'x,6,5,1', 'x,1,5,0', 'x,1,5,4294967296', 'x,-1,5,9', ',1,5,9', 'a,0,9,1'])(
  'does not understand %j after a buffer a',
  (text) => {
    const { requests, sanity } = readLines(minimalloc, ['id,lower,upper,size', 'a,0,9,1', text]);
    expect(requests).toHaveLength(2);
    expect(accountedLines(sanity)).toBe(3);
    expect(sanity.unparsed.count).toBe(text === '' ? 0 : 1);
  },
);

const FOLDER = recordingsWith('minimalloc');

describe.skipIf(FOLDER === undefined)('the buffer sets of minimalloc in $DECPOOL_RECORDINGS', () => {
  it.each([
    ['A', 154],
    ['K', 454],
  ])(
    '%s has %i buffers, which fit in 1 MiB but for the part of a page that each adds',
    async (name, buffers) => {
      const path = join(FOLDER ?? '', `minimalloc/${name}.1048576.csv`);
      const { format, sanity, workload } = await importTrace(path);
      expect(format).toBe('minimalloc');
      expect(sanity).toMatchObject({
        requests: buffers,
        frees: buffers,
        liveAtEnd: 0,
        unparsed: { count: 0 },
      });
      let [live, most] = [0, 0];
      const bytesOf = new Map<number, number>();
      for (const request of workload.requests) {
        if (request.kind === 'allocate') bytesOf.set(request.allocation, request.bytes);
        const bytes = bytesOf.get(nameOf(request)) ?? 0;
        live += request.kind === 'allocate' ? bytes : -bytes;
        most = Math.max(most, live);
      }
      expect(most).toBeLessThanOrEqual(2 ** 20);
      expect(most).toBeGreaterThan(0.9 * 2 ** 20);
    },
  );
});
