import { allocationId, nanoseconds, type Request } from '@decpool/model';
import { expect, it } from 'vitest';
import { lowerBoundOnBlocks } from './lower-bound.ts';

const allocate = (allocation: number, pages: number): Request => ({
  kind: 'allocate',
  time: nanoseconds(0),
  allocation: allocationId(allocation),
  api: 'vmalloc',
  pages,
  bytes: pages,
  owner: 'a',
});
const free = (allocation: number): Request => ({
  kind: 'free',
  time: nanoseconds(0),
  allocation: allocationId(allocation),
});

it('is the most pages that lived at one time, in whole blocks', () => {
  expect(lowerBoundOnBlocks([], 512)).toBe(0);
  expect(lowerBoundOnBlocks([allocate(1, 512)], 512)).toBe(1);
  expect(lowerBoundOnBlocks([allocate(1, 512), allocate(2, 1)], 512)).toBe(2);
  expect(lowerBoundOnBlocks([allocate(1, 512), free(1), allocate(2, 1)], 512)).toBe(1);
  expect(
    lowerBoundOnBlocks([allocate(1, 600), allocate(2, 600), free(1), free(2), allocate(3, 1)], 512),
  ).toBe(3);
});
