import { GFP, platformNamed } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workloadNamed } from '../workloads/registry.ts';
import { lowerBounds } from './lower.ts';
import { MAX_ITEMS, offlineBound } from './offline.ts';
import { allocate, free, requestLists } from './testing.ts';

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

  it('where the first to ask for a node may not sleep', () => {
    expect(offlineBound([allocate(1, 1, { node: 0, gfp: GFP.GFP_ATOMIC })], SNP)).toMatchObject({
      kind: 'none',
      why: expect.stringContaining('may not sleep'),
    });
  });
});
