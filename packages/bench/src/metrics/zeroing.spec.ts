import { allocationId, nanoseconds, type Request } from '@decpool/model';
import { expect, it } from 'vitest';
import { allocated, decrypted, measure, runOf, slabCreated } from './testing.ts';
import { zeroingMetrics } from './zeroing.ts';

const PAGE = 4096;

/** A ring of 8 pages that is allocated and freed three times. */
const THREE_RINGS: Request[] = [1, 2, 3].flatMap((id): Request[] => [
  {
    ...{ kind: 'allocate', time: nanoseconds(2 * id), allocation: allocationId(id) },
    ...{ api: 'dma_alloc_coherent', pages: 8, bytes: 8 * PAGE, owner: 'ring' },
  },
  { kind: 'free', time: nanoseconds(2 * id + 1), allocation: allocationId(id) },
]);

it('each allocation is zeroed, under every policy alike: also of pages that stayed shared', () => {
  for (const policy of ['linux-7.3', 'gfp-decrypted', 'genpool', 'decpool', 'first-fit+block+never-return'])
    expect([policy, runOf(policy, 'snp', THREE_RINGS).values['pages-zeroed']]).toEqual([policy, 24]);
});

it('a pool of bounce buffers is zeroed when it is made; a slab once, as the pages of an allocation', () => {
  const zeroed = (...events: Parameters<typeof measure>[1]) => measure(zeroingMetrics, events);
  expect(zeroed(decrypted(0, 512))).toEqual({ 'pages-zeroed': 0 });
  expect(zeroed(slabCreated(0, 64, 2048))).toEqual({ 'pages-zeroed': 64 });
  expect(zeroed(allocated(1, 0, 4), slabCreated(0, 4, 256, 1))).toEqual({ 'pages-zeroed': 4 });
});
