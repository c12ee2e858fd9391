import { type EventBatch, platformNamed, type Request } from '@decpool/model';
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

/** The same, page by page: after each event all blocks are counted again. Pages of bounce buffers never count, what lies in them does. */
function pageByPage(batches: readonly EventBatch[], until: number) {
  const events = batches.flatMap((batch) => [...batch]);
  const slabs: { readonly isOfBoot: boolean; readonly block: number }[] = [];
  const bounce = new Set<number>();
  for (const event of events) {
    if (event.type !== 'slab-created') continue;
    const isOfBoot = event.allocation === 0;
    slabs.push({ isOfBoot, block: Math.floor(event.pfn / 512) });
    if (isOfBoot) for (let at = 0; at < event.pages; at++) bounce.add(event.pfn + at);
  }
  const maps = new Set<number>();
  const shared = new Set<number>();
  const objects = new Map<number, number>();
  let [time, blocksPeak, blockNs, blocks] = [0, 0, 0, 0];
  for (const event of events) {
    if (event.time > until) break;
    blockNs += blocks * (event.time - time);
    time = event.time;
    if (event.type === 'pages-decrypted' || event.type === 'pages-encrypted') {
      for (let page: number = event.pfn; page < event.pfn + event.pages; page++) {
        if (event.type === 'pages-encrypted') shared.delete(page);
        else if (!bounce.has(page)) shared.add(page);
      }
    }
    if (event.type === 'allocation-requested' && event.api === 'dma_map') maps.add(event.allocation);
    if (event.type === 'object-allocated') {
      const { isOfBoot, block } = slabs[event.slab - 1];
      if (isOfBoot && !maps.has(event.allocation)) objects.set(event.allocation, block);
    }
    if (event.type === 'object-freed') objects.delete(event.allocation);
    blocks = new Set([...[...shared].map((page) => Math.floor(page / 512)), ...objects.values()]).size;
    blocksPeak = Math.max(blocksPeak, blocks);
  }
  return { blocksPeak, blockNs: BigInt(blockNs + blocks * (until - time)) };
}

/** Streaming maps, and what may lie in slots or not; frees of what is there. */
const mixed = fc
  .array(
    fc.record({
      wanted: fc.constantFrom(
        { api: 'dma_map' as const, pages: 1, bytes: 66 },
        { api: 'dma_map' as const, pages: 64, bytes: 64 * 4096 },
        { api: 'dma_alloc_coherent' as const, pages: 1, bytes: 4096 },
        { api: 'dma_alloc_coherent' as const, pages: 1, bytes: 100 },
        { api: 'kmalloc' as const, pages: 1, bytes: 64 },
        { api: 'alloc_pages_exact' as const, pages: 64, bytes: 64 * 4096 },
        { api: 'alloc_pages_exact' as const, pages: 3, bytes: 3 * 4096 },
      ),
      gap: fc.constantFrom(0, 1, 30),
      freed: fc.option(fc.nat(), { freq: 2, nil: undefined }),
    }),
    { maxLength: 30 },
  )
  .map((drawn) => {
    const live: number[] = [];
    let [time, last] = [0, 0];
    return drawn.map(({ wanted: { pages, ...others }, gap, freed }): Request => {
      time += gap;
      if (freed !== undefined && live.length > 0) return free(live.splice(freed % live.length, 1)[0], time);
      live.push(++last);
      return allocate(last, pages, { ...others, time });
    });
  });

it('is what counting all pages and objects again after each event finds, where there are bounce buffers', () => {
  const policies = fc.constantFrom('swiotlb', 'decpool', 'gfp-decrypted', 'first-fit+page+immediate');
  fc.assert(
    fc.property(mixed, policies, fc.nat(30), fc.nat(1), (requests, policy, at, later) => {
      // At the time of a request, or just behind it.
      const until = (requests[at]?.time ?? 200) + later;
      const pool = new Pool({
        memory: freshBoot(2 ** 26),
        platform: platformNamed('snp'),
        policy: policyNamed(policy),
        swiotlb: { bytes: 4 * 2 ** 20, dynamic: false },
        batchRows: 7,
      });
      const batches: EventBatch[] = [];
      pool.batches$.subscribe((batch) => batches.push(batch));
      for (const request of requests) pool.request(request);
      pool.complete();
      const measured = measuredBlocks(pool.header, until);
      for (const batch of batches) observeAll(batch, [measured]);
      expect(measured.result()).toEqual(pageByPage(batches, until));
    }),
    { numRuns: randomRuns(80) },
  );
});

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
