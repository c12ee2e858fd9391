import { GFP } from '@decpool/model';
import { expect, it } from 'vitest';
import { kernelEvents } from '../formats/kernel-events.ts';
import { parseSharedExpression } from '../shared-expression.ts';
import { accountedLines, readLines } from '../testing.ts';

let micros = 0;
const event = (text: string) => ` ls-3433 [000] ..... 9.${String(++micros).padStart(6, '0')}: ${text}`;
const kmalloc = (pointer: string, bytes: number, flags = 'GFP_KERNEL|__GFP_ZERO') =>
  event(
    `kmalloc: call_site=ext4_readdir+0x991/0xb60 [ext4] ptr=${pointer} bytes_req=${bytes} bytes_alloc=64 gfp_flags=${flags} node=-1 accounted=false`,
  );
const kfree = (pointer: string) =>
  event(`kfree: call_site=free_rb_tree_fname+0x41/0x80 [ext4] ptr=${pointer}`);

it('makes requests of objects, by the calling function', () => {
  const { requests } = readLines(kernelEvents, [
    kmalloc('0000000085702500', 48, 'GFP_ATOMIC'),
    kfree('0000000085702500'),
  ]);
  expect(requests).toEqual([
    {
      kind: 'allocate',
      time: 0,
      allocation: 1,
      api: 'kmalloc',
      pages: 1,
      bytes: 48,
      owner: 'ext4_readdir',
      gfp: GFP.GFP_ATOMIC,
    },
    { kind: 'free', time: 1000, allocation: 1 },
  ]);
});

it('leaves out what --shared leaves out, with its free', () => {
  const lines = [
    kmalloc('00000000aa', 48),
    kmalloc('00000000bb', 48, 'GFP_ATOMIC'),
    kmalloc('00000000cc', 20_000),
    kfree('00000000aa'),
    kfree('00000000bb'),
  ];
  const { requests, sanity } = readLines(kernelEvents, lines, {
    shared: parseSharedExpression('gfp~GFP_ATOMIC | order=3'),
  });
  expect(requests).toMatchObject([{ bytes: 48 }, { bytes: 20_000 }, { kind: 'free', allocation: 1 }]);
  expect(sanity.ignored).toEqual({
    'kmalloc that --shared does not select': 1,
    'kfree of an object that --shared does not select': 1,
  });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('takes a reclaimable object for one of reclaimable pages, any other for one of unmovable pages', () => {
  const lines = [kmalloc('aa', 48, 'GFP_NOFS|__GFP_RECLAIMABLE'), kmalloc('bb', 96)];
  const bytesWith = (shared: string) =>
    readLines(kernelEvents, lines, { shared: parseSharedExpression(shared) }).requests;
  expect(bytesWith('migratetype=Reclaimable')).toMatchObject([{ bytes: 48 }]);
  expect(bytesWith('migratetype=Unmovable')).toMatchObject([{ bytes: 96 }]);
});

it('ends a request whose memory is seen again as an object that is left out', () => {
  const { requests } = readLines(
    kernelEvents,
    [kmalloc('aa', 48, 'GFP_ATOMIC'), kmalloc('aa', 48), kfree('aa')],
    {
      shared: parseSharedExpression('gfp~GFP_ATOMIC'),
    },
  );
  expect(requests.map(({ kind }) => kind)).toEqual(['allocate', 'free']);
});

it('frees a request whose memory was an object that is left out before', () => {
  const { requests } = readLines(
    kernelEvents,
    [kmalloc('aa', 48), kmalloc('aa', 48, 'GFP_ATOMIC'), kfree('aa')],
    { shared: parseSharedExpression('gfp~GFP_ATOMIC') },
  );
  expect(requests.map(({ kind }) => kind)).toEqual(['allocate', 'free']);
});

it('counts what failed, what was allocated elsewhere, and a free of nothing', () => {
  const lines = [
    kmalloc('0000000000000000', 48),
    kfree('00000000dd'),
    kfree('(null)'),
    kfree('0000000000000000'),
  ];
  const { requests, sanity } = readLines(kernelEvents, lines);
  expect(requests).toEqual([]);
  expect(sanity).toMatchObject({
    failedAllocations: 1,
    freesWithoutAlloc: 1,
    ignored: { 'kfree of NULL': 2 },
  });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('does not understand a pointer that names nothing', () => {
  const { sanity } = readLines(kernelEvents, [kmalloc('(____ptrval____)', 48), kfree('(____ptrval____)')]);
  expect(sanity.unparsed.count).toBe(2);
});

it('notes that every object counts as shared, unless --shared picks some or there is none', () => {
  const notesOf = (lines: string[], shared?: string) =>
    readLines(kernelEvents, lines, shared === undefined ? {} : { shared: parseSharedExpression(shared) })
      .notes;
  const every = expect.stringMatching(/^All 2 kmalloc calls .* shared memory\. .*--shared\.$/);
  const two = [kmalloc('aa', 48), kmalloc('bb', 48)];
  expect(notesOf(two)).toEqual([every]);
  expect(notesOf(two, 'order=0')).not.toContainEqual(every);
  expect(notesOf([kfree('aa')])).toEqual([]);
});
