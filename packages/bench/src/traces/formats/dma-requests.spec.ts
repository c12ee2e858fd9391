import { expect, it } from 'vitest';
import { accountedLines, nameOf, readLines } from '../testing.ts';
import { dmaRequests } from './dma-requests.ts';

const alloc = (t: number, bytes: number) =>
  JSON.stringify({ t, op: 'coherent_alloc', dev: '0000:00:05.0', bytes });
const dec = (t: number, pfn: number, npages: number, stack = ['nvme_alloc_queue', 'kthread']) =>
  JSON.stringify({ t, op: 'dec', npages, task: 'ip', pfn, stack });
const enc = (t: number, pfn: number, npages: number) =>
  JSON.stringify({ t, op: 'enc', npages, task: 'ip', pfn });
const free = (t: number, bytes: number, cpu_addr: string) =>
  JSON.stringify({ t, op: 'coherent_free', dev: '0000:00:05.0', bytes, cpu_addr });

it('makes a request of a conversion and the coherent allocation before it', () => {
  const { requests } = readLines(dmaRequests, [alloc(7.42, 6726), dec(7.420449, 100, 2), enc(7.5, 100, 2)]);
  expect(requests).toEqual([
    {
      kind: 'allocate',
      time: 0,
      allocation: 1,
      api: 'dma_alloc_coherent',
      pages: 2,
      bytes: 6726,
      owner: '0000:00:05.0 nvme_alloc_queue',
    },
    { kind: 'free', time: 79_551_000, allocation: 1 },
  ]);
});

it('ignores what was served elsewhere and frees of nothing, by kind', () => {
  const lines = [
    alloc(1, 4096),
    alloc(2, 512),
    dec(2.1, 100, 1),
    free(3, 0, '0x0'),
    free(4, 512, '0xff'),
    free(4, 512, '0xff'),
    alloc(5, 1),
  ];
  const { requests, sanity } = readLines(dmaRequests, lines);
  expect(requests).toMatchObject([{ bytes: 512 }]);
  expect(sanity.ignored).toEqual({
    'coherent_alloc served elsewhere': 2,
    'coherent_alloc (size of a dec)': 1,
    'coherent_free of 0x0': 1,
    coherent_free: 2,
  });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('counts whole pages when the requested size does not match them, and notes it', () => {
  const { requests, notes } = readLines(dmaRequests, [alloc(1, 512), dec(1.1, 100, 4)]);
  expect(requests).toMatchObject([
    { api: 'dma_alloc_coherent', pages: 4, bytes: 4 * 4096, owner: '0000:00:05.0 nvme_alloc_queue' },
  ]);
  expect(notes).toEqual([expect.stringContaining('1 buffers')]);
});

it('takes a conversion that no coherent allocation came before for pages that somebody converts himself', () => {
  const { requests } = readLines(dmaRequests, [dec(1, 100, 5, ['vmbus_alloc_ring', 'kthread'])]);
  expect(requests).toMatchObject([
    { api: 'alloc_pages_exact', pages: 5, bytes: 5 * 4096, owner: 'vmbus_alloc_ring' },
  ]);
});

it('says so when a free covers another number of pages than its allocation', () => {
  const { requests, notes } = readLines(dmaRequests, [dec(1, 100, 4), enc(2, 100, 2)]);
  expect(requests.map((request) => request.kind)).toEqual(['allocate', 'free']);
  expect(notes).toEqual([expect.stringContaining('1 frees')]);
});

it('compares a free with the allocation that it ends, and with none before', () => {
  const lines = [dec(1, 100, 4), enc(2, 100, 4), enc(3, 100, 2), enc(4, 200, 1)];
  const { sanity, notes } = readLines(dmaRequests, lines);
  expect(sanity.freesWithoutAlloc).toBe(2);
  expect(notes).toEqual([]);
});

it('names only the function when there is no device', () => {
  const { requests } = readLines(dmaRequests, [dec(1, 100, 1, ['vmbus_establish_gpadl'])]);
  expect(requests).toMatchObject([{ bytes: 4096, owner: 'vmbus_establish_gpadl' }]);
});

it('looks for the caller above the DMA layer, under the name in its source', () => {
  const ownerOf = (stack: string[]) => readLines(dmaRequests, [dec(1, 100, 1, stack)]).requests[0];
  expect(
    ownerOf(['kprobe_dispatcher', '0xffff', 'dma_direct_alloc', 'dma_pool_alloc', 'a', 'b']),
  ).toMatchObject({
    owner: 'a',
  });
  expect(ownerOf(['dma_alloc_attrs', 'nvme_setup.part.0'])).toMatchObject({ owner: 'nvme_setup' });
  expect(ownerOf(['odd_handler', 'set_memory_decrypted', 'a', 'b'])).toMatchObject({ owner: 'a' });
  expect(ownerOf(['a', 'b', 'c'])).toMatchObject({ owner: 'a' });
  expect(ownerOf([])).toMatchObject({ owner: 'unknown caller' });
});

it('ends an allocation whose pages are allocated again, and counts a free of none', () => {
  const { requests, sanity } = readLines(dmaRequests, [
    enc(1, 5, 1),
    dec(2, 100, 1),
    dec(3, 100, 2),
    enc(4, 100, 2),
  ]);
  expect(requests.map((request) => [request.kind, nameOf(request), request.time])).toEqual([
    ['allocate', 1, 0],
    ['free', 1, 1e9],
    ['allocate', 2, 1e9],
    ['free', 2, 2e9],
  ]);
  expect(sanity).toMatchObject({ doubleAllocs: 1, freesWithoutAlloc: 1, liveAtEnd: 0 });
});

it('never lets time go back', () => {
  const { requests, notes } = readLines(dmaRequests, [dec(5, 100, 1), dec(4, 200, 1), dec(6, 300, 1)]);
  expect(requests.map((request) => request.time)).toEqual([0, 0, 1e9]);
  expect(notes).toEqual([expect.stringMatching(/^1 requests were moved /)]);
});

it.each([
  ['not JSON', '{"t":1,', 'not a JSON object'],
  ['another record', '{"t":1,"op":"alloc","pfn":1}', 'op'],
  ['no pfn', '{"t":1,"op":"enc","npages":1}', 'pfn'],
  ['a number in place of a record', '5', /^Invalid input/],
  ['no pages', '{"t":1,"op":"dec","npages":0,"pfn":1}', 'npages'],
  ['more pages than 4 GiB have', `{"t":1,"op":"enc","npages":${2 ** 20},"pfn":1}`, 'npages'],
  ['a time that is none', '{"t":-1,"op":"enc","npages":1,"pfn":1}', 't: expected seconds'],
])('does not understand a line with %s, and gives the reason', (_, text, reason) => {
  const { sanity } = readLines(dmaRequests, [text]);
  expect(sanity.unparsed).toEqual({
    count: 1,
    first: [{ line: 1, text, reason: expect.stringMatching(reason) }],
  });
});
