import { GFP } from '@decpool/model';
import { expect, it } from 'vitest';
import { kernelEvents } from '../formats/kernel-events.ts';
import { accountedLines, readLines } from '../testing.ts';

const event = (seconds: string, text: string) => ` kworker/u8:1-29 [000] ..... ${seconds}: ${text}`;
const alloc = (seconds: string, address: string, size: number, flags = 'GFP_KERNEL|__GFP_ZERO') =>
  event(
    seconds,
    `dma_alloc: 0000:00:05.0 dir=BIDIRECTIONAL dma_addr=${address} size=${size} virt_addr=000000002829e4e2 flags=${flags} attrs=NO_WARN`,
  );
const free = (seconds: string, address: string, device = '0000:00:05.0') =>
  event(
    seconds,
    `dma_free: ${device} dir=BIDIRECTIONAL dma_addr=${address} size=1 virt_addr=000000002829e4e2 attrs=`,
  );

it('makes requests of the buffers of a device', () => {
  const { requests } = readLines(kernelEvents, [
    alloc('7.614786', '101974000', 6726),
    alloc('7.614787', '101978000', 512, 'GFP_ATOMIC'),
    free('7.614886', '101974000'),
  ]);
  expect(requests).toEqual([
    {
      kind: 'allocate',
      time: 0,
      allocation: 1,
      api: 'dma_alloc_coherent',
      pages: 2,
      bytes: 6726,
      owner: '0000:00:05.0',
      gfp: 0,
    },
    {
      kind: 'allocate',
      time: 1000,
      allocation: 2,
      api: 'dma_alloc_coherent',
      pages: 1,
      bytes: 512,
      owner: '0000:00:05.0',
      gfp: GFP.GFP_ATOMIC,
    },
    { kind: 'free', time: 100_000, allocation: 1 },
  ]);
});

it('pairs on device and address', () => {
  const { sanity } = readLines(kernelEvents, [
    alloc('1.0', '1000', 4096),
    free('2.0', '1000', '0000:00:06.0'),
    free('3.0', '2000'),
  ]);
  expect(sanity).toMatchObject({ requests: 1, frees: 0, freesWithoutAlloc: 2 });
});

it('pairs a realm address with and without its top bit', () => {
  const { sanity } = readLines(kernelEvents, [
    alloc('1.0', '8080b67000', 4096),
    alloc('1.5', '800080b68000', 4096),
    free('2.0', '80b67000'),
    free('3.0', '800080b68000'),
  ]);
  expect(sanity).toMatchObject({ requests: 2, frees: 2, freesWithoutAlloc: 0 });
});

it('reads the lines of Linux 6.12, which tell no direction', () => {
  const { sanity } = readLines(kernelEvents, [
    event('1.0', 'dma_alloc: eth0 dma_addr=1000 size=64 virt_addr=00000000aa flags=GFP_KERNEL attrs='),
    event('2.0', 'dma_free: eth0 dma_addr=1000 size=64 virt_addr=00000000aa attrs='),
  ]);
  expect(sanity).toMatchObject({ requests: 1, frees: 1 });
});

it('counts what failed, and ignores a free of nothing', () => {
  const lines = [
    event('1.0', 'dma_alloc: eth0 dma_addr=0 size=64 virt_addr=0000000000000000 flags=GFP_KERNEL attrs='),
    event('2.0', 'dma_free: eth0 dma_addr=0 size=64 virt_addr=0000000000000000 attrs='),
  ];
  const { requests, sanity } = readLines(kernelEvents, lines);
  expect(requests).toEqual([]);
  expect(sanity).toMatchObject({ failedAllocations: 1, ignored: { 'dma_free of NULL': 1 } });
  expect(accountedLines(sanity)).toBe(2);
});

it.each(['dma_alloc: eth0 dma_addr=1000', 'dma_alloc: dma_addr=1000 size=1', 'dma_free: eth0 dma_addr=x'])(
  'does not understand %s',
  (text) => {
    const { sanity } = readLines(kernelEvents, [event('1.0', text)]);
    expect(sanity.unparsed.first).toMatchObject([{ reason: expect.stringContaining('DEVICE dma_addr=HEX') }]);
  },
);

/** As include/trace/events/dma.h prints them. */
it('buffers of dma_alloc_noncontiguous() are paired as well', () => {
  const lines = [
    ' v4l-9 [001] ..... 1.000000: dma_alloc_sgt: 0000:00:05.0 dir=FROM_DEVICE dma_addr=bb000 size=614400 phys_addrs={0xbb000} flags=GFP_KERNEL attrs=',
    ' v4l-9 [001] ..... 1.000050: dma_alloc_sgt_err: 0000:00:05.0 dir=FROM_DEVICE dma_addr=0 size=4096 virt_addr=0000000000000000 flags=GFP_KERNEL attrs=',
    ' v4l-9 [001] ..... 1.000100: dma_free_sgt: 0000:00:05.0 dir=FROM_DEVICE dma_addr=bb000 size=614400 phys_addrs={0xbb000}',
  ];
  const { requests, sanity } = readLines(kernelEvents, lines);
  expect(requests).toMatchObject([
    { api: 'dma_alloc_coherent', bytes: 614_400, pages: 150, owner: '0000:00:05.0' },
    { kind: 'free', time: 100_000 },
  ]);
  expect(sanity).toMatchObject({ failedAllocations: 1, unparsed: { count: 0 } });
  expect(accountedLines(sanity)).toBe(lines.length);
});
