import { GFP, InputError } from '@decpool/model';
import { expect, it } from 'vitest';
import { kernelEvents } from '../formats/kernel-events.ts';
import { accountedLines, readLines } from '../testing.ts';

const event = (micros: number, text: string, task: string) =>
  ` ${task} [000] d..1. 7.${String(micros).padStart(6, '0')}: ${text}`;
const bounced = (micros: number, size: number, task = 'ip-1') =>
  event(
    micros,
    `swiotlb_bounced: dev_name: 0000:00:05.0 dma_mask=ffffffffffffffff dev_addr=11356e110 size=${size} FORCE`,
    task,
  );
const map = (micros: number, address: string, device = '0000:00:05.0', task = 'ip-1') =>
  event(micros, `dma_map_phys: ${device} dir=TO_DEVICE dma_addr=${address} size=16 phys_addr=1 attrs=`, task);
const unmap = (micros: number, address: string) =>
  event(micros, `dma_unmap_phys: 0000:00:05.0 dir=TO_DEVICE dma_addr=${address} size=16 attrs=`, 'ip-1');

it('a mapping lasts for the given time, because no event records its end', () => {
  const { requests, sanity, notes } = readLines(kernelEvents, [bounced(0, 66), bounced(15, 9000)], {
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
  expect(notes).toEqual([expect.stringMatching(/ 2 streaming mappings\. .* assumed to last 10 us\.$/)]);
});

it('takes the recorded end as soon as mappings are recorded themselves', () => {
  const lines = [
    bounced(0, 16),
    map(1, 'bbc43000'),
    bounced(2, 32),
    map(3, 'bbc44000'),
    unmap(903, 'bbc44000'),
    unmap(904, 'bbc43000'),
  ];
  const { requests, sanity } = readLines(kernelEvents, lines);
  expect(requests.map(({ kind, time }) => [kind, time])).toEqual([
    ['allocate', 0],
    ['allocate', 3000],
    ['free', 100_000],
    ['free', 903_000],
  ]);
  expect(sanity).toMatchObject({
    assumedFrees: 1,
    ignored: {
      dma_map_phys: 1,
      'swiotlb_bounced (its dma_map event is the request)': 1,
      dma_unmap_phys: 1,
    },
  });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('gives a bounce to no mapping of another task or device', () => {
  const lines = [
    map(0, '1000'),
    bounced(1, 16, 'a-1'),
    map(2, '2000', '0000:00:05.0', 'b-2'),
    map(3, '3000', '0000:00:06.0', 'a-1'),
    bounced(4, 32, 'a-1'),
  ];
  const { requests, sanity } = readLines(kernelEvents, lines);
  expect(requests.map(({ kind, time }) => [kind, time])).toEqual([
    ['allocate', 0],
    ['allocate', 0],
    ['free', 100_000],
    ['free', 100_000],
  ]);
  expect(sanity).toMatchObject({ requests: 2, assumedFrees: 2, ignored: { dma_map_phys: 3 } });
  expect(accountedLines(sanity)).toBe(lines.length);
});

it('does not understand a bounce without a size', () => {
  const text = 'swiotlb_bounced: dev_name: 0000:00:05.0 dma_mask=ff dev_addr=1 FORCE';
  const { sanity } = readLines(kernelEvents, [event(1, text, 'ip-1')]);
  expect(sanity.unparsed.first).toMatchObject([{ reason: expect.stringContaining('size=BYTES') }]);
});

it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a lifetime of %d ns', (mappingLifetime) => {
  expect(() => readLines(kernelEvents, [], { mappingLifetime })).toThrow(InputError);
});
