import { expect, it } from 'vitest';
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
