import { platformNamed } from '@decpool/model';
import { expect, it } from 'vitest';
import { boundsOf } from './bounds.ts';
import { allocate, free } from './testing.ts';
import { requestBounds } from './testing-at-once.ts';

const input = {
  requests: [allocate(1, 512), allocate(2, 1, { time: 1e9 }), free(1, 2e9), free(2, 4e9)],
  platform: platformNamed('snp'),
  pagesPerBlock: 512,
  isPackingWanted: false,
};
/** 1 + 2 + 1 + 1 block-seconds. */
const LEAST = { blocksPeak: 2, blockNs: 5_000_000_000n };

it('are what no policy is below and what the packing comes to', () => {
  const known = requestBounds(input);
  expect(known.lower).toEqual(LEAST);
  expect(boundsOf(known, [])).toMatchObject({
    blocksPeak: { lower: 2, upper: 2, upperFrom: 'an offline packing' },
    blockSeconds: { lower: 5, upper: 5, upperFrom: 'an offline packing' },
    packing: { items: 2 },
  });
});

it('are closed from above by the best run where there is no packing', () => {
  const requests = [allocate(1, 1, { node: 0, gfp: 1 }), free(1, 1e9)];
  const atomicOnNode = requestBounds({ ...input, requests });
  const run = (policy: string, blocksPeak: number, blockNs: bigint) => ({
    policy,
    bounded: { blocksPeak, blockNs },
  });
  const runs = [run('a', 3, 4_000_000_000n), run('b', 2, 6_000_000_000n)];
  const bounds = boundsOf(atomicOnNode, runs);
  expect(bounds.blocksPeak).toEqual({ lower: 1, upper: 2, upperFrom: 'b' });
  expect(bounds.blockSeconds).toEqual({ lower: 1, upper: 4, upperFrom: 'a' });
  expect(bounds.packing).toMatchObject({ missing: expect.any(String) });
  expect(boundsOf(atomicOnNode, []).blocksPeak).toEqual({ lower: 1 });
});

it('a run below the lower bound is a defect', () => {
  const runs = [{ policy: 'magic', bounded: { blocksPeak: 1, blockNs: 9_000_000_000n } }];
  expect(() => boundsOf(requestBounds(input), runs)).toThrow(/a defect: magic comes to 1 blocks at peak/);
});
