import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingsWith } from '../../files/testing.ts';
import { importTrace } from '../import.ts';
import { accountedLines, nameOf, readLines } from '../testing.ts';
import { weeAlloc } from './wee-alloc.ts';

it('makes each Alloc a kmalloc of its bytes, a millisecond apart, and frees by the number of the Alloc', () => {
  const { requests, sanity, notes } = readLines(weeAlloc, [
    'Alloc(552),',
    'Alloc(8193),',
    'Free(1),',
    'Free(0)',
  ]);
  expect(requests).toEqual([
    { kind: 'allocate', time: 0, allocation: 1, api: 'kmalloc', pages: 1, bytes: 552, owner: 'trace' },
    { kind: 'allocate', time: 1e6, allocation: 2, api: 'kmalloc', pages: 3, bytes: 8193, owner: 'trace' },
    { kind: 'free', time: 2e6, allocation: 2 },
    { kind: 'free', time: 3e6, allocation: 1 },
  ]);
  expect(sanity).toMatchObject({ requests: 2, frees: 2, liveAtEnd: 0, unparsed: { count: 0 } });
  expect(notes).toEqual([expect.stringContaining('no times'), expect.stringContaining('user-space')]);
});

it('takes what no kmalloc() can give from vmalloc(), as kvmalloc() does', () => {
  const { requests } = readLines(weeAlloc, ['Alloc(4194304)', 'Alloc(4194305)']);
  expect(requests).toMatchObject([
    { api: 'kmalloc', pages: 1024 },
    { api: 'vmalloc', pages: 1025 },
  ]);
});

it('counts an Alloc of no bytes as one, but makes no request of it', () => {
  const { requests, sanity } = readLines(weeAlloc, ['Alloc(0)', 'Alloc(8)', 'Free(0)', 'Free(1)', 'Free(1)']);
  expect(requests.map((request) => [request.kind, nameOf(request)])).toEqual([
    ['allocate', 1],
    ['free', 1],
  ]);
  expect(sanity).toMatchObject({
    ignored: { 'Alloc of no bytes': 1, 'Free of no bytes': 1 },
    freesWithoutAlloc: 1,
  });
  expect(accountedLines(sanity)).toBe(5);
});

it('takes less than 4 GiB for an Alloc; one of more counts, but has no memory', () => {
  const { requests, sanity } = readLines(weeAlloc, ['Alloc(4294967295)', 'Alloc(4294967296)', 'Free(1)']);
  expect(requests).toMatchObject([{ bytes: 2 ** 32 - 1 }]);
  expect(sanity.unparsed.first).toMatchObject([
    { line: 2, reason: '4294967296 bytes; expected less than 4 GiB' },
  ]);
  expect(sanity.ignored).toEqual({ 'Free of no bytes': 1 });
});

it('knows no free of an Alloc that has not come yet', () => {
  const { sanity } = readLines(weeAlloc, ['Alloc(8)', 'Free(1)']);
  expect(sanity.unparsed.first).toMatchObject([{ line: 2, reason: 'Free(1) after 1 Allocs' }]);
});

it.each(['Alloc(-1)', 'Alloc()', 'alloc(8)', 'Alloc(4294967296)', 'Free(0)', 'Alloc(8) Free(0)'])(
  'does not understand %j as the first line',
  (text) => {
    const { requests, sanity } = readLines(weeAlloc, [text]);
    expect(requests).toEqual([]);
    expect(sanity.unparsed.first).toEqual([{ line: 1, text, reason: expect.any(String) }]);
  },
);

const FOLDER = recordingsWith('wee_alloc');

describe.skipIf(FOLDER === undefined)('the traces of wee_alloc in $DECPOOL_RECORDINGS', () => {
  it.each([
    ['ffmpeg', 1832, 1805],
    ['find', 567, 563],
    ['gcc-hello', 11_431, 6344],
    ['source-map', 2087, 315],
  ])('%s: %i allocations, %i frees', async (name, requests, frees) => {
    const { format, sanity, workload } = await importTrace(join(FOLDER ?? '', `wee_alloc/${name}.trace`));
    expect(format).toBe('wee-alloc');
    expect(workload.name).toBe(name);
    expect(sanity).toMatchObject({ requests, frees, freesWithoutAlloc: 0, unparsed: { count: 0 } });
    expect(sanity.linesRead).toBe(requests + frees);
  });
});
