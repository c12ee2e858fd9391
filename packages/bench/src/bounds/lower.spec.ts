import type { Request } from '@decpool/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fewConversions } from './few-conversions.ts';
import { lowerBounds } from './lower.ts';
import { allocate, free } from './testing.ts';

const peak = (...requests: Parameters<typeof lowerBounds>[0][]) =>
  lowerBounds(
    requests.flatMap((r) => [...r]),
    512,
  ).blocksPeak;

it('is the most pages that lived at one time, in whole blocks', () => {
  expect(peak([])).toBe(0);
  expect(peak([allocate(1, 512)])).toBe(1);
  expect(peak([allocate(1, 512), allocate(2, 1)])).toBe(2);
  expect(peak([allocate(1, 512), free(1), allocate(2, 1)])).toBe(1);
  expect(peak([allocate(1, 600), allocate(2, 600), free(1), free(2), allocate(3, 1)])).toBe(3);
});

it('counts what shares a page by its bytes', () => {
  const objects = Array.from({ length: 4096 }, (_, index) =>
    allocate(index + 1, 1, { api: 'kmalloc', bytes: 512 }),
  );
  expect(peak(objects)).toBe(1);
});

it('leaves out streaming maps, and what is larger than anybody serves in one piece', () => {
  expect(peak([allocate(1, 1, { api: 'dma_map', bytes: 66 })])).toBe(0);
  expect(peak([allocate(1, 1025)])).toBe(0);
  expect(peak([allocate(1, 1024)])).toBe(2);
  expect(peak([allocate(1, 1025, { api: 'vmalloc' })])).toBe(3);
});

it('does not mix in a block what must be on different nodes, but for what may be on any', () => {
  expect(peak([allocate(1, 1, { node: 0 }), allocate(2, 1, { node: 1 })])).toBe(2);
  expect(peak([allocate(1, 1, { node: 0 }), allocate(2, 1, { node: 1 }), allocate(3, 1022)])).toBe(2);
  expect(peak([allocate(1, 1, { node: 0 }), allocate(2, 1, { node: 1 }), allocate(3, 1023)])).toBe(3);
});

it('integrates the blocks that are needed from time 0 to the last request', () => {
  const { blockNs } = lowerBounds(
    [
      allocate(1, 512, { time: 10 }),
      allocate(2, 1, { time: 20 }),
      free(1, 50),
      { kind: 'map-user', time: 100, allocation: 2 } as never,
    ],
    512,
  );
  expect(blockNs).toBe(BigInt(10 * 1 + 30 * 2 + 50 * 1));
});

/** What a list of requests may have: every interface, nodes, sizes about a block, frees of what is not there, and of what was freed. */
const steps = fc.array(
  fc.record({
    gap: fc.constantFrom(0, 1, 1000),
    isFree: fc.boolean(),
    pick: fc.nat(20),
    api: fc.constantFrom('alloc_pages_exact', 'vmalloc', 'kmalloc', 'dma_alloc_coherent', 'dma_map'),
    bytes: fc.oneof(
      fc.integer({ min: 1, max: 9000 }),
      fc.constantFrom(4095, 4096, 4097).map((bytes) => bytes),
      fc.constantFrom(1, 256, 511, 512, 513, 1024, 1025).map((pages) => pages * 4096),
    ),
    node: fc.constantFrom(undefined, 0, 1),
  }),
  { maxLength: 40 },
);

function requestsOf(drawn: typeof steps extends fc.Arbitrary<infer Steps> ? Steps : never): Request[] {
  let [time, last] = [0, 0];
  return drawn.map(({ gap, isFree, pick, api, bytes, node }) => {
    time += gap;
    if (isFree) return free(pick + 1, time);
    return allocate(++last, Math.ceil(bytes / 4096), {
      api,
      bytes,
      time,
      ...(node === undefined ? {} : { node }),
    });
  });
}

/** The bytes that a request needs in blocks, as lowerBounds() says. */
function bytesOf({ api, pages, bytes }: Extract<Request, { kind: 'allocate' }>): number {
  if (api === 'dma_map') return 0;
  if (api === 'kmalloc') return pages > 1024 ? 0 : bytes;
  if (api === 'vmalloc') return pages * 4096;
  if (pages > 1024) return 0;
  return api === 'dma_alloc_coherent' && bytes < 4096 ? bytes : pages * 4096;
}

/** The bounds, from a list of all that is live after each request. */
function counted(requests: readonly Request[], isCounted: (bytes: number) => boolean) {
  const live = new Map<number, { bytes: number; node: number }>();
  let [blocksPeak, blockNs] = [0, 0];
  for (const [at, request] of requests.entries()) {
    if (request.kind === 'allocate') {
      const bytes = isCounted(request.bytes) ? bytesOf(request) : 0;
      live.set(request.allocation, { bytes, node: request.node ?? -1 });
    } else if (request.kind === 'free') live.delete(request.allocation);
    const inBlocks = (nodes: readonly number[]) =>
      Math.ceil(
        [...live.values()].reduce((sum, { bytes, node }) => sum + (nodes.includes(node) ? bytes : 0), 0) /
          (512 * 4096),
      );
    const blocks = Math.max(inBlocks([-1, 0, 1]), inBlocks([0]) + inBlocks([1]));
    blocksPeak = Math.max(blocksPeak, blocks);
    blockNs += blocks * ((requests[at + 1] ?? request).time - request.time);
  }
  return { blocksPeak, blockNs: BigInt(blockNs) };
}

it('are what counting all that is live after each request comes to', () => {
  fc.assert(
    fc.property(steps, (drawn) => {
      const requests = requestsOf(drawn);
      expect(lowerBounds(requests, 512)).toEqual(counted(requests, () => true));
      const isLarge = (bytes: number) => bytes > 5000;
      const { blocksPeak } = fewConversions(requests, 512, ({ bytes }) => isLarge(bytes));
      expect(blocksPeak).toBe(counted(requests, isLarge).blocksPeak);
    }),
    { numRuns: 300 },
  );
});
