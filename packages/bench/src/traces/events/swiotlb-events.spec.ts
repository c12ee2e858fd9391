import { GFP, InputError } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { kernelEvents } from '../formats/kernel-events.ts';
import { accountedLines, readLines } from '../testing.ts';

const event = (micros: number, text: string, task: string) =>
  ` ${task} [000] d..1. 7.${String(micros).padStart(6, '0')}: ${text}`;
const bounced = (micros: number, size: number, from = '11356e110', task = 'ip-1') =>
  event(
    micros,
    `swiotlb_bounced: dev_name: 0000:00:05.0 dma_mask=ffffffffffffffff dev_addr=${from} size=${size} FORCE`,
    task,
  );
const map = (micros: number, address: string, from = '11356e110', device = '0000:00:05.0') =>
  event(
    micros,
    `dma_map_phys: ${device} dir=TO_DEVICE dma_addr=${address} size=16 phys_addr=${from} attrs=`,
    'ip-1',
  );
const unmap = (micros: number, address: string) =>
  event(micros, `dma_unmap_phys: 0000:00:05.0 dir=TO_DEVICE dma_addr=${address} size=16 attrs=`, 'ip-1');
const times = (lines: readonly string[]) =>
  readLines(kernelEvents, lines).requests.map(({ kind, time }) => [kind, time]);

it('a mapping lasts for the given time, because no event records its end', () => {
  const { requests, sanity, notes } = readLines(kernelEvents, [bounced(0, 66), bounced(15, 9000, '2000')], {
    mappingLifetime: 10_000,
  });
  expect(requests).toEqual([
    {
      kind: 'allocate',
      time: 0,
      allocation: 1,
      api: 'dma_map',
      pages: 1,
      bytes: 66,
      owner: '0000:00:05.0',
      gfp: GFP.GFP_ATOMIC,
    },
    { kind: 'free', time: 10_000, allocation: 1 },
    expect.objectContaining({ kind: 'allocate', time: 15_000, pages: 3, bytes: 9000 }),
    { kind: 'free', time: 25_000, allocation: 2 },
  ]);
  expect(sanity).toMatchObject({ requests: 2, frees: 2, assumedFrees: 2, liveAtEnd: 0 });
  expect(accountedLines(sanity)).toBe(2);
  expect(notes).toEqual([expect.stringMatching(/ 2 of 2 streaming mappings\. .* assumed to last 10 us\.$/)]);
});

it('takes the recorded end of each mapping, of the first one, too', () => {
  const lines = [
    bounced(0, 16),
    map(1, 'bbc43000'),
    bounced(2, 32, '2000'),
    map(3, 'bbc44000', '2000'),
    unmap(903, 'bbc44000'),
    unmap(904, 'bbc43000'),
  ];
  expect(times(lines)).toEqual([
    ['allocate', 0],
    ['allocate', 2000],
    ['free', 903_000],
    ['free', 904_000],
  ]);
  const { sanity, notes } = readLines(kernelEvents, lines);
  expect(sanity).toMatchObject({ assumedFrees: 0, ignored: { dma_map_phys: 2 } });
  expect(accountedLines(sanity)).toBe(lines.length);
  expect(notes).toEqual([]);
});

it('takes an unmap for the end of one mapping only', () => {
  const { requests, sanity } = readLines(kernelEvents, [
    ...[bounced(0, 16), map(1, 'bbc43000'), unmap(2, 'bbc43000'), unmap(3, 'bbc43000')],
  ]);
  expect(requests.map(({ kind, time }) => [kind, time])).toEqual([
    ['allocate', 0],
    ['free', 2000],
  ]);
  expect(sanity).toMatchObject({ freesWithoutAlloc: 0, ignored: { dma_map_phys: 1, dma_unmap_phys: 1 } });
});

it('assumes the end of a bounce if the next from the same address comes before its mapping', () => {
  const { requests, sanity, notes } = readLines(kernelEvents, [
    ...[bounced(0, 16), bounced(500, 32), map(501, 'bbc43000'), unmap(502, 'bbc43000')],
  ]);
  expect(requests.map(({ kind, time }) => [kind, time])).toEqual([
    ['allocate', 0],
    ['free', 100_000],
    ['allocate', 500_000],
    ['free', 502_000],
  ]);
  expect(sanity).toMatchObject({ assumedFrees: 1, liveAtEnd: 0 });
  expect(notes).toEqual([expect.stringContaining('of 1 of 2 streaming mappings')]);
});

it('ends the mappings of a list in the order in which they were made', () => {
  const sg = (micros: number, name: string) =>
    event(micros, `${name}: 0000:00:05.0 dir=TO_DEVICE phys_addrs={0x2000,0x3000} attrs=`, 'ip-1');
  const twice = [0, 100].flatMap((at) => [
    ...[bounced(at, 16, '2000'), bounced(at + 1, 32, '3000'), sg(at + 2, 'dma_map_sg')],
  ]);
  const { requests } = readLines(kernelEvents, [...twice, sg(200, 'dma_unmap_sg'), sg(300, 'dma_unmap_sg')]);
  const frees = requests.flatMap((request) =>
    request.kind === 'free' ? [[request.allocation, request.time]] : [],
  );
  expect(frees).toEqual([
    [1, 200_000],
    [2, 200_000],
    [3, 300_000],
    [4, 300_000],
  ]);
});

it('takes an unmap for the end of one list only', () => {
  const sg = (micros: number, name: string) =>
    event(micros, `${name}: 0000:00:05.0 dir=TO_DEVICE phys_addrs={0x2000} attrs=`, 'ip-1');
  const lines = [
    ...[bounced(0, 16, '2000'), sg(1, 'dma_map_sg'), sg(2, 'dma_unmap_sg'), sg(3, 'dma_unmap_sg')],
  ];
  const { sanity } = readLines(kernelEvents, lines);
  expect(sanity).toMatchObject({
    frees: 1,
    freesWithoutAlloc: 0,
    ignored: { dma_map_sg: 1, dma_unmap_sg: 1 },
  });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('may last no time', () => {
  const { requests } = readLines(kernelEvents, [bounced(0, 66), bounced(15, 66, '2000')], {
    mappingLifetime: 0,
  });
  expect(requests.map(({ kind, time }) => [kind, time])).toEqual([
    ['allocate', 0],
    ['free', 0],
    ['allocate', 15_000],
    ['free', 15_000],
  ]);
});

it('knows a mapping by device and physical address, whatever comes between and whoever maps', () => {
  const lines = [
    map(0, '1000', '77000'),
    bounced(1, 16, '8000000002000', 'a-1'),
    bounced(2, 16, '3000', 'b-2'),
    map(3, '5000', '3000'),
    map(4, '4000', '2000'),
    unmap(50, '4000'),
    unmap(60, '5000'),
  ];
  expect(times(lines)).toEqual([
    ['allocate', 0],
    ['allocate', 1000],
    ['free', 49_000],
    ['free', 59_000],
  ]);
});

it('a bounce whose mapping is not recorded stays at its time and lasts as assumed, among mappings with an end', () => {
  const lines = [
    bounced(0, 16, '2000'),
    map(1, '1000', '2000', '0000:00:06.0'),
    bounced(10, 32, '3000'),
    map(11, '5000', '3000'),
    unmap(900, '5000'),
  ];
  expect(times(lines)).toEqual([
    ['allocate', 0],
    ['allocate', 10_000],
    ['free', 100_000],
    ['free', 900_000],
  ]);
  const { sanity, notes } = readLines(kernelEvents, lines);
  expect(sanity).toMatchObject({ requests: 2, assumedFrees: 1 });
  expect(accountedLines(sanity)).toBe(lines.length);
  expect(notes).toEqual([expect.stringContaining('the end of 1 of 2 streaming mappings')]);
});

it('the end of a mapping is missing when another one has its address: it comes just before', () => {
  const lines = [bounced(0, 16), map(1, '1000'), bounced(700, 16), map(701, '1000'), unmap(800, '1000')];
  expect(times(lines)).toEqual([
    ['allocate', 0],
    ['allocate', 700_000],
    ['free', 701_000],
    ['free', 800_000],
  ]);
  const { sanity } = readLines(kernelEvents, lines);
  expect(sanity).toMatchObject({ doubleAllocs: 1, assumedFrees: 0 });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('that end is missing, too, when a buffer has its address that does not bounce', () => {
  const lines = [bounced(0, 16), map(1, '1000'), map(701, '1000', '5000'), unmap(800, '1000')];
  expect(times(lines)).toEqual([
    ['allocate', 0],
    ['free', 701_000],
  ]);
  const { sanity } = readLines(kernelEvents, lines);
  expect(sanity).toMatchObject({ doubleAllocs: 1, ignored: { dma_map_phys: 2, dma_unmap_phys: 1 } });
  expect(accountedLines(sanity)).toBe(lines.length);
});

/** As include/trace/events/dma.h prints them: Linux 6.12 without nents, tracefs in braces, trace-cmd and perf without. */
describe('a scatterlist', () => {
  it.each([
    ['tracefs', 'phys_addrs={0x2000,0x3000,0x4000} attrs=', 'phys_addrs={0x2000,0x3000,0x4000} attrs='],
    ['trace-cmd report', 'phys_addrs=8192 12288 16384 attrs=', 'phys_addrs=8192 12288 16384 attrs='],
  ])('is one mapping for all that bounced in it, as %s prints it', (_, mapAddresses, unmapAddresses) => {
    const device = '0000:00:05.0 dir=TO_DEVICE';
    const lines = [
      bounced(0, 4096, '2000'),
      bounced(1, 4096, '4000'),
      event(
        2,
        `dma_map_sg: ${device} dma_addrs={0xbb000,0x3000} sizes={0x1000,0x1000} ${mapAddresses}`,
        'ip-1',
      ),
      event(
        3,
        `dma_map_sg: ${device} nents=3/3 ents=3/3 dma_addrs={0x1} sizes={0x1} phys_addrs={0x9000} attrs=`,
        'ip-1',
      ),
      event(90, `dma_unmap_sg: ${device} phys_addrs={0x9000} attrs=`, 'ip-1'),
      event(500, `dma_unmap_sg: ${device} ${unmapAddresses}`, 'ip-1'),
    ];
    expect(times(lines)).toEqual([
      ['allocate', 0],
      ['allocate', 1000],
      ['free', 500_000],
      ['free', 500_000],
    ]);
    const { sanity } = readLines(kernelEvents, lines);
    expect(sanity).toMatchObject({ frees: 2, groupedFrees: 1, ignored: { dma_map_sg: 2, dma_unmap_sg: 1 } });
    expect(accountedLines(sanity)).toBe(lines.length);
  });

  it('of more than 128 entries has some that the kernel leaves out: their end is assumed', () => {
    const lines = [
      bounced(0, 4096, '2000'),
      bounced(1, 4096, '3000'),
      event(
        2,
        'dma_map_sg: 0000:00:05.0 dir=TO_DEVICE nents=128/130 ents=128/130 [TRUNCATED] dma_addrs={0xbb000} sizes={0x1000} phys_addrs={0x2000} attrs=',
        'ip-1',
      ),
      event(500, 'dma_unmap_sg: 0000:00:05.0 dir=TO_DEVICE phys_addrs={0x2000,0x3000} attrs=', 'ip-1'),
    ];
    expect(times(lines)).toEqual([
      ['allocate', 0],
      ['allocate', 1000],
      ['free', 101_000],
      ['free', 500_000],
    ]);
    expect(readLines(kernelEvents, lines).notes).toEqual([expect.stringContaining('1 of 2 streaming')]);
  });
});

it('does not understand a bounce without a size', () => {
  const text = 'swiotlb_bounced: dev_name: 0000:00:05.0 dma_mask=ff dev_addr=1 FORCE';
  const { sanity } = readLines(kernelEvents, [event(1, text, 'ip-1')]);
  expect(sanity.unparsed.first).toMatchObject([{ reason: expect.stringContaining('size=BYTES') }]);
});

it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a lifetime of %d ns', (mappingLifetime) => {
  expect(() => readLines(kernelEvents, [], { mappingLifetime })).toThrow(InputError);
});
