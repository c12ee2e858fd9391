import { platformNamed, type Request } from '@decpool/model';
import { observeAll } from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runOf } from '../metrics/testing.ts';
import { measuredBlocks } from './measured.ts';
import { allocate, free, requestLists } from './testing.ts';

/** Blocks at peak and block-ns of a policy over these requests, where there are bounce buffers of 64 MiB. */
function measuredOf(policy: string, requests: readonly Request[], until: number) {
  const pool = new Pool({
    memory: freshBoot(2 ** 28),
    platform: platformNamed('snp'),
    policy: policyNamed(policy),
    swiotlb: { bytes: 64 * 2 ** 20, dynamic: false },
  });
  const measured = measuredBlocks(pool.header, until);
  pool.batches$.subscribe((batch) => observeAll(batch, [measured]));
  for (const request of requests) pool.request(request);
  pool.complete();
  return measured.result();
}

const END = 100;
const map = allocate(1, 1, { api: 'dma_map', bytes: 66 });
const ring = allocate(2, 1, { api: 'dma_alloc_coherent', time: 40 });

it('leaves the bounce buffers out, which are shared under every policy', () => {
  const requests = [map, ring, free(2, 90)];
  expect(measuredOf('gfp-decrypted', requests, END)).toEqual({ blocksPeak: 1, blockNs: 50n });
  expect(measuredOf('gfp-decrypted', [map], END)).toEqual({ blocksPeak: 0, blockNs: 0n });
});

it('counts a block of theirs as long as another request lies in it', () => {
  const large = [2, 3, 4].map((id) => allocate(id, 64, { time: 50 }));
  expect(measuredOf('swiotlb', [map, ring], END)).toEqual({ blocksPeak: 1, blockNs: 60n });
  // Seven segments fit into the first block beside the map, and one more object of 4 KiB.
  const many = Array.from({ length: 9 }, (_, at) => allocate(at + 3, 64, { time: 50 }));
  expect(measuredOf('swiotlb', [map, ring, ...many, free(2, 60)], END)).toEqual({
    blocksPeak: 2,
    blockNs: 10n + 2n * 50n,
  });
  expect(measuredOf('swiotlb', [map, ...large, free(2, 60), free(3, 60), free(4, 60)], END).blockNs).toBe(
    10n,
  );
});

it('counts both kinds of blocks at their common peak, which ends when slots are freed', () => {
  const requests = [allocate(1, 1), allocate(2, 512, { time: 50 }), free(1, 60)];
  expect(measuredOf('decpool', requests, END)).toEqual({ blocksPeak: 2, blockNs: 60n + 50n });
});

it('ends with the trace, whatever the worker does after it', () => {
  expect(measuredOf('gfp-decrypted', [allocate(1, 1, { time: 40 }), free(1, 50)], 45).blockNs).toBe(5n);
  expect(measuredOf('gfp-decrypted', [allocate(1, 1, { time: 40 })], END).blockNs).toBe(60n);
});

it('is what the metrics are where there are no bounce buffers', () => {
  fc.assert(
    fc.property(requestLists('sleeping'), (requests) => {
      const { header, batches, values } = runOf('first-fit+page+immediate', 'snp', requests);
      const measured = measuredBlocks(header, requests.at(-1)?.time ?? 0);
      for (const batch of batches) observeAll(batch, [measured]);
      const { blocksPeak, blockNs } = measured.result();
      expect(blocksPeak).toBe(values['blocks-peak']);
      expect(Number(blockNs) / 1e9).toBe(values['block-seconds']);
    }),
    { numRuns: 30 },
  );
});
