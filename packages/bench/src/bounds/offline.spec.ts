import { GFP, platformNamed } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workloadNamed } from '../workloads/registry.ts';
import { roomyMemory } from './items.ts';
import { lowerBounds } from './lower.ts';
import { momentsOf } from './moments.ts';
import { MAX_ITEMS } from './offline.ts';
import { allocate, free, requestLists } from './testing.ts';
import { bestPlans, offlineBound, recordItems } from './testing-at-once.ts';

const SNP = platformNamed('snp');

/** The packing of these requests, with their lower bounds; it was replayed through the model, or had thrown. */
function packed(requests: Parameters<typeof offlineBound>[0]) {
  const bound = offlineBound(requests, SNP, MAX_ITEMS);
  if (bound.kind === 'none') throw new Error(bound.why);
  return { ...bound, lower: lowerBounds(requests, 512) };
}

describe('an offline packing comes to in the model what was planned, and is never below the lower bound', () => {
  for (const contexts of ['sleeping', 'atomic'] as const) {
    it(`of random requests, callers ${contexts}`, () => {
      fc.assert(
        fc.property(requestLists(contexts), (requests) => {
          const { blocksPeak, blockNs, lower } = packed(requests);
          expect(blocksPeak).toBeGreaterThanOrEqual(lower.blocksPeak);
          expect(blockNs).toBeGreaterThanOrEqual(lower.blockNs);
        }),
        { numRuns: 40 },
      );
    });
  }

  for (const name of ['netvsc', 'hyperv-vm', 'its-storm', 'cca-realm']) {
    it(`of the workload ${name}, within 1.05 of it at peak`, () => {
      const { blocksPeak, blockNs, lower } = packed(workloadNamed(name).generate().requests);
      expect(blocksPeak).toBeGreaterThanOrEqual(lower.blocksPeak);
      expect(blocksPeak / lower.blocksPeak).toBeLessThanOrEqual(1.05);
      expect(blockNs).toBeGreaterThanOrEqual(lower.blockNs);
    });
  }
});

it('is the lower bound where nothing has to be moved', () => {
  const { blocksPeak, blockNs, lower } = packed([
    allocate(1, 512),
    allocate(2, 512, { time: 10 }),
    free(1, 20),
    allocate(3, 512, { time: 30 }),
    free(2, 40),
  ]);
  expect({ blocksPeak, blockNs }).toEqual(lower);
});

it('shares a block for a caller that may not sleep just before, and makes it private by the worker', () => {
  const MS = 1_000_000;
  const gfp = GFP.GFP_ATOMIC;
  const { blockNs } = packed([
    allocate(1, 512, { time: 5 * MS, gfp }),
    free(1, 8 * MS, gfp),
    allocate(2, 1, { time: 20 * MS }),
    free(2, 21 * MS),
  ]);
  expect(blockNs).toBe(BigInt((3 + 1 + 1) * MS));
});

it('keeps two blocks together for a chunk that needs them, and leaves the tail of it to others', () => {
  const { blocksPeak } = packed([allocate(1, 600), allocate(2, 256), allocate(3, 128)]);
  expect(blocksPeak).toBe(2);
});

it('puts on a node what is asked for there, and not with what is asked for elsewhere', () => {
  const { blocksPeak } = packed([
    allocate(1, 1, { node: 0 }),
    allocate(2, 1, { node: 1 }),
    allocate(3, 1, { gfp: GFP.__GFP_DMA32 }),
  ]);
  expect(blocksPeak).toBe(3);
});

it('leaves out streaming maps, the background and what nobody serves', () => {
  const { items, blocksPeak } = packed([
    allocate(1, 1, { api: 'dma_map', bytes: 66 }),
    allocate(2, 1025),
    allocate(3, 1),
    free(1),
    free(3),
  ]);
  expect([items, blocksPeak]).toEqual([1, 1]);
  expect(packed([]).blocksPeak).toBe(0);
});

it('of nothing is nothing', () => {
  const map = allocate(1, 1, { api: 'dma_map', bytes: 66 });
  const nothing = { kind: 'packing', items: 0, pagesPeak: 0, blocksPeak: 0, blockNs: 0n };
  for (const requests of [[], [map, free(1)]]) expect(offlineBound(requests, SNP)).toEqual(nothing);
});

it('takes the peak of the plan that has the fewest blocks, and the block-seconds of the one that has the fewest of these', () => {
  const pages = [512, 128, 256, 256, 256];
  const requests = [1, 2, 3, -1, 4, 5, -2, -4, -3, -5].map((step, at) =>
    step > 0 ? allocate(step, pages[step - 1], { time: at * at }) : free(-step, at * at),
  );
  const memory = roomyMemory(8000, 1)!;
  const items = recordItems(requests, SNP, memory)!;
  const { byPeak, byBlockTime } = bestPlans(items, 512, momentsOf(requests, items, 81), 1000);
  expect(byPeak.blocksPeak).toBeLessThan(byBlockTime.blocksPeak);
  expect(byPeak.blockNs).toBeGreaterThan(byBlockTime.blockNs);
  expect(offlineBound(requests, SNP)).toEqual({
    ...{ kind: 'packing', items: 5, pagesPeak: 512 + 128 + 256 },
    ...{ blocksPeak: byPeak.blocksPeak, blockNs: byBlockTime.blockNs },
  });
});

describe('there is none, and it is said why,', () => {
  it('where there are more requests for pages than is usual, unless it is asked for', () => {
    const requests = [allocate(1, 1), allocate(2, 1)];
    expect(offlineBound(requests, SNP, 1)).toEqual({
      kind: 'none',
      why: expect.stringMatching(/^2 page requests .* 1; --bounds .* 200,000$/),
    });
    expect(offlineBound(requests, SNP, 2).kind).toBe('packing');
    const objects = Array.from({ length: 11 }, (_, index) =>
      allocate(index + 1, 1, { api: 'kmalloc', bytes: 64 }),
    );
    expect(offlineBound(objects, SNP, 1)).toEqual({
      kind: 'none',
      why: expect.stringMatching(/^11 slab objects .* 10$/),
    });
    expect(offlineBound(objects, SNP, 2).kind).toBe('packing');
  });

  const tooMany = (count: number) => offlineBound(Array(count).fill(allocate(1, 1)), SNP);

  it('where the limit can be raised, with how; not where there are more than that', () => {
    const limit = 'page requests exceed the limit of 20,000';
    expect(tooMany(20_001)).toEqual({
      kind: 'none',
      why: `20,001 ${limit}; --bounds raises it to 200,000`,
    });
    expect(tooMany(MAX_ITEMS)).toMatchObject({ why: `200,000 ${limit}; --bounds raises it to 200,000` });
    expect(tooMany(MAX_ITEMS + 1)).toMatchObject({ why: `200,001 ${limit}` });
  });

  it('where few objects take more slabs than there may be items', () => {
    // A slab of kmalloc-4k has eight objects.
    const objects = Array.from({ length: 10 }, (_, at) =>
      allocate(at + 1, 1, { api: 'kmalloc', bytes: 4096 }),
    );
    expect(offlineBound(objects.slice(0, 8), SNP, 1)).toMatchObject({ items: 1, pagesPeak: 8 });
    expect(offlineBound(objects, SNP, 1)).toMatchObject({ why: expect.stringMatching(/^2 page requests /) });
    expect(offlineBound(objects, SNP, 2)).toMatchObject({ items: 2, pagesPeak: 16 });
  });

  it('where no memory that is modelled is large enough, or a zone of it is not', () => {
    const none = { kind: 'none', why: 'no modelled memory is large enough' };
    const vast = Array.from({ length: 33 }, (_, at) => allocate(at + 1, 2 ** 20 - 1, { api: 'vmalloc' }));
    expect(offlineBound(vast, SNP)).toEqual(none);
    // ZONE_DMA has 16 MiB.
    const low = Array.from({ length: 5 }, (_, at) => allocate(at + 1, 1024, { gfp: GFP.__GFP_DMA }));
    expect(offlineBound(low, SNP)).toEqual(none);
    expect(offlineBound(low.slice(0, 2), SNP)).toMatchObject({ items: 2, blocksPeak: 4 });
  });

  it('where the first to ask for a node may not sleep', () => {
    expect(offlineBound([allocate(1, 1, { node: 0, gfp: GFP.GFP_ATOMIC })], SNP)).toMatchObject({
      kind: 'none',
      why: expect.stringContaining('may not sleep'),
    });
  });
});
