/** The recommended pool on a small guest: what happens with each request, worked out by hand. Blocks are of 64 pages. */
import { allocationId } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { decpool } from './decpool.ts';
import type { BlockRange } from './policy.ts';
import { askerOf, BLOCKS, PlainGuest } from './testing-guest.ts';

const SECOND = 1e9;
const ALL: BlockRange = { firstBlock: 0, endBlock: BLOCKS };
const LOW: BlockRange = { firstBlock: 0, endBlock: 4 };
const HIGH: BlockRange = { firstBlock: 4, endBlock: BLOCKS };
const NEVER = Number.POSITIVE_INFINITY;

function poolOf(guest = new PlainGuest()) {
  const policy = decpool(guest.view);
  return {
    ...askerOf(guest, policy),
    policy,
    shrink() {
      policy.shrink?.(guest.view, guest.record);
      return guest.takeLog();
    },
    hasWork: (range: BlockRange) => policy.hasWork?.(range),
    dueAt: () => policy.workDueAt?.(),
  };
}

describe('pages that lie together', () => {
  it('lie in a block that is shared as it comes, at a multiple of their size rounded up', () => {
    const { pages } = poolOf();
    expect(pages(3)).toEqual(['claim 0+64', 'share 0+64', 'give 0+3']);
    expect(pages(4)).toEqual(['give 4+4']);
    expect(pages(1)).toEqual(['give 3+1']);
    expect(pages(64)).toEqual(['claim 64+64', 'share 64+64', 'give 64+64']);
  });

  it('lie in the block whose longest free range is shortest, among equals in the one with most allocations', () => {
    const { pages, free } = poolOf();
    for (const size of [32, 32, 16, 16, 16, 16]) pages(size);
    for (const allocation of [2, 5, 6]) free(allocation);
    // 32 pages are free of each; one allocation is in block 0, and two are in block 1.
    expect(pages(8)).toEqual(['give 96+8']);
    expect(pages(32)).toEqual(['give 32+32']);
    free(8);
    free(3);
    // 40 pages are free of block 1, but at most 24 in one piece.
    expect(pages(16)).toEqual(['give 64+16']);
    expect(pages(16)).toEqual(['give 112+16']);
    expect(pages(16)).toEqual(['give 32+16']);
  });

  it('that are more than a block are whole blocks side by side', () => {
    const { pages } = poolOf();
    expect(pages(65)).toEqual(['claim 0+128', 'share 0+128', 'give 0+65']);
    expect(pages(63)).toEqual(['claim 128+64', 'share 128+64', 'give 128+63']);
  });

  it('come of the largest free chunk that holds them if there is no whole block', () => {
    const { pages, leave } = poolOf();
    leave([8, 8], [36, 4]);
    expect(pages(3)).toEqual(['claim 8+8', 'share 8+8', 'give 8+3']);
    expect(pages(8)).toEqual(['out-of-memory']);
    expect(pages(4)).toEqual(['give 12+4']);
    expect(pages(4)).toEqual(['claim 36+4', 'share 36+4', 'give 36+4']);
    expect(pages(2)).toEqual(['out-of-memory']);
  });

  it('come of no chunk that is smaller than a granule of the host', () => {
    const { pages, leave, vmalloc } = poolOf(new PlainGuest({ granulePages: 4 }));
    leave([8, 2], [16, 4]);
    expect(pages(1)).toEqual(['claim 16+4', 'share 16+4', 'give 16+1']);
    expect(vmalloc(4)).toEqual(['out-of-memory']);
  });

  it('are refused if they are more than the page allocator has in one piece', () => {
    const { pages } = poolOf();
    expect([pages(1025), pages(1024)]).toEqual([['too-large'], ['out-of-memory']]);
    expect(pages(512)).toEqual(['claim 0+512', 'share 0+512', 'give 0+512']);
  });

  it('lie in the zones of the request', () => {
    const { pages, guest } = poolOf();
    guest.zones = [HIGH, LOW];
    expect(pages(1)).toEqual(['claim 256+64', 'share 256+64', 'give 256+1']);
    guest.zones = [LOW];
    expect(pages(1)).toEqual(['claim 0+64', 'share 0+64', 'give 0+1']);
  });

  it('are tried on two blocks if conversions fail; what leaked is lost, what is private goes back', () => {
    const { pages, guest } = poolOf();
    guest.results = ['private'];
    expect(pages(1)).toEqual([
      ...['claim 0+64', 'share 0+64: private', 'back 0+64', 'claim 0+64', 'share 0+64', 'give 0+1'],
    ]);
    guest.results = ['leaked', 'private'];
    expect(pages(64)).toEqual([
      ...['claim 64+64', 'share 64+64: leaked', 'claim 128+64', 'share 128+64: private', 'back 128+64'],
      'conversion-failed',
    ]);
    guest.results = ['leaked'];
    expect(pages(64)).toEqual([
      ...['claim 128+64', 'share 128+64: leaked', 'claim 192+64', 'share 192+64', 'give 192+64'],
    ]);
  });

  it('are not the pool’s outside a confidential VM', () => {
    const { pages } = poolOf(new PlainGuest({ platform: 'none' }));
    expect(pages(2)).toEqual(['claim 0+2', 'give 0+2']);
  });
});

it('slots of swiotlb come first, and the atomic DMA pools are not needed', () => {
  const { policy } = poolOf();
  expect([policy.triesSwiotlbFirst, policy.replacesAtomicPools]).toEqual([true, true]);
});

describe('a small object', () => {
  it('comes from a slab cache of shared pages, and a page does not', () => {
    const { guest, policy } = poolOf();
    const small = { ...guest.request(1, { api: 'kmalloc' }), bytes: 100 };
    expect(policy.cacheFor?.(small)?.name).toBe('kmalloc-decrypted-128');
    expect(policy.cacheFor?.(guest.request(1))).toBeUndefined();
  });
});

describe('a caller that may not sleep', () => {
  it('gets free pages, or is refused, and then the worker adds a block where it may lie', () => {
    const { pages, atomic, work, guest, hasWork } = poolOf();
    pages(1);
    expect(atomic(32)).toEqual(['give 32+32']);
    expect([ALL, LOW, HIGH].map(hasWork)).toEqual([false, false, false]);
    guest.zones = [HIGH];
    expect(atomic(64)).toEqual(['would-sleep']);
    expect([ALL, LOW, HIGH, { ...HIGH, endBlock: 7 }].map(hasWork)).toEqual([false, false, true, false]);
    guest.zones = [LOW];
    expect(work()).toEqual([]);
    guest.zones = [HIGH];
    expect(work()).toEqual(['claim 256+64', 'share 256+64']);
    expect([hasWork(HIGH), work()]).toEqual([false, []]);
    expect(atomic(64)).toEqual(['give 256+64']);
  });

  it('has no block added for more than a block, nor a chunk that is smaller than one', () => {
    const { atomic, work, hasWork, leave } = poolOf();
    leave([64, 32]);
    expect([atomic(65), hasWork(ALL)]).toEqual([['would-sleep'], false]);
    expect([atomic(64), hasWork(ALL)]).toEqual([['would-sleep'], true]);
    expect([work(), hasWork(ALL)]).toEqual([[], false]);
  });

  it('has none left if the conversion of that block fails', () => {
    const { atomic, work, guest, dueAt, hasWork } = poolOf();
    atomic(1);
    guest.results = ['private'];
    expect(work()).toEqual(['claim 0+64', 'share 0+64: private', 'back 0+64']);
    expect([dueAt(), hasWork(ALL)]).toEqual([NEVER, false]);
  });

  it('frees without sleeping', () => {
    const { policy } = poolOf();
    expect(policy.freesWithoutSleeping?.(allocationId(1))).toBe(true);
  });
});

describe('pages of a vmalloc area', () => {
  it('fill holes in pieces that get smaller by powers of two', () => {
    const { pages, vmalloc, free } = poolOf();
    for (let at = 0; at < 8; at++) pages(8);
    for (const allocation of [2, 5, 6]) free(allocation);
    // Free: 8+8 and 32+16.
    expect(vmalloc(22)).toEqual(['give 32+16', 'give 8+6']);
    expect(vmalloc(2)).toEqual(['give 14+2']);
  });

  it('fill half blocks, and single pages, before the pool grows', () => {
    const { pages, vmalloc, free } = poolOf();
    for (let at = 0; at < 4; at++) pages(32);
    for (const allocation of [1, 3]) free(allocation);
    expect(vmalloc(64)).toEqual(['give 0+32', 'give 64+32']);
    const small = poolOf();
    small.leave([8, 4]);
    for (let at = 0; at < 2; at++) small.pages(1);
    small.free(1);
    // Free: 8 and 10+2.
    expect(small.vmalloc(3)).toEqual(['give 10+2', 'give 8+1']);
  });

  it('lie in several blocks, of which no more are claimed than needed', () => {
    const { pages, vmalloc } = poolOf();
    pages(4);
    expect(vmalloc(60)).toEqual(['give 4+60']);
    expect(vmalloc(130)).toEqual([
      ...['claim 64+64', 'share 64+64', 'claim 128+64', 'share 128+64', 'claim 192+64', 'share 192+64'],
      ...['give 64+64', 'give 128+64', 'give 192+2'],
    ]);
  });

  it('come of chunks of any size, in the zones of the request', () => {
    const { vmalloc, leave, guest } = poolOf();
    leave([0, 8], [300, 1], [320, 64]);
    guest.zones = [HIGH];
    expect(vmalloc(65)).toEqual([
      ...['claim 320+64', 'share 320+64', 'claim 300+1', 'share 300+1', 'give 320+64', 'give 300+1'],
    ]);
    guest.zones = [LOW];
    expect(vmalloc(3)).toEqual(['claim 0+8', 'share 0+8', 'give 0+3']);
  });

  it('are refused before any is given, and what was claimed for them goes back', () => {
    const { vmalloc, pages, leave } = poolOf();
    leave([64, 64], [256, 64]);
    pages(4);
    expect(vmalloc(125)).toEqual([
      ...['claim 256+64', 'share 256+64', 'private 256+64', 'back 256+64', 'out-of-memory'],
    ]);
    expect(vmalloc(124)).toEqual(['claim 256+64', 'share 256+64', 'give 256+64', 'give 68+60']);
    const single = poolOf();
    single.leave([300, 1]);
    expect(single.vmalloc(2)).toEqual([
      ...['claim 300+1', 'share 300+1', 'private 300+1', 'back 300+1', 'out-of-memory'],
    ]);
  });

  it('are refused if two chunks cannot be shared', () => {
    const { vmalloc, guest } = poolOf();
    guest.results = ['converted', 'private'];
    expect(vmalloc(128)).toEqual([
      ...['claim 0+64', 'share 0+64', 'claim 64+64', 'share 64+64: private', 'back 64+64'],
      ...['claim 64+64', 'share 64+64', 'give 0+64', 'give 64+64'],
    ]);
    guest.results = ['converted', 'private', 'leaked'];
    expect(vmalloc(128)).toEqual([
      ...['claim 128+64', 'share 128+64', 'claim 192+64', 'share 192+64: private', 'back 192+64'],
      ...['claim 192+64', 'share 192+64: leaked', 'private 128+64', 'back 128+64', 'conversion-failed'],
    ]);
  });

  it('that go back to the page allocator are only those of the chunk that came for them', () => {
    const { vmalloc, pages, leave, guest } = poolOf();
    leave([0, 32], [40, 8]);
    pages(16);
    guest.othersFree(32, 4);
    // The pool has 16 pages, and gets 12 more of the same block.
    expect(vmalloc(29)).toEqual([
      ...['claim 40+8', 'share 40+8', 'claim 32+4', 'share 32+4'],
      ...['private 40+8', 'back 40+8', 'private 32+4', 'back 32+4', 'out-of-memory'],
    ]);
    expect(vmalloc(16)).toEqual(['give 16+16']);
  });

  it('for a caller that may not sleep are free ones, or it is refused', () => {
    const { pages, atomicVmalloc, guest, hasWork } = poolOf();
    pages(1);
    pages(4);
    expect([atomicVmalloc(60), hasWork(ALL)]).toEqual([['would-sleep'], false]);
    guest.zones = [HIGH];
    expect(atomicVmalloc(1)).toEqual(['would-sleep']);
    guest.zones = [ALL];
    expect(atomicVmalloc(59)).toEqual(['give 8+32', 'give 40+16', 'give 56+8', 'give 1+3']);
  });
});

describe('an empty block', () => {
  it('is made private and goes back after a second, the oldest first', () => {
    const { pages, free, work, dueAt, guest } = poolOf();
    for (const size of [64, 32, 32, 64]) pages(size);
    expect(dueAt()).toBe(NEVER);
    guest.time = 10;
    expect(free(4)).toEqual(['free 128+64']);
    guest.time = 20;
    expect(free(1)).toEqual(['free 0+64']);
    expect(free(2)).toEqual(['free 64+32']);
    expect(dueAt()).toBe(SECOND + 10);
    guest.time = SECOND + 9;
    expect(work()).toEqual([]);
    guest.time = SECOND + 10;
    expect(work()).toEqual(['private 128+64', 'back 128+64']);
    expect(dueAt()).toBe(SECOND + 20);
    expect(free(3)).toEqual(['free 96+32']);
    guest.time = 3 * SECOND;
    expect(work()).toEqual(['private 0+64', 'back 0+64', 'private 64+64', 'back 64+64']);
    expect(dueAt()).toBe(NEVER);
  });

  it('is one no more when pages of it are given, and its second begins anew', () => {
    const { pages, free, work, dueAt, guest } = poolOf();
    pages(128);
    expect(free(1)).toEqual(['free 0+128']);
    pages(1);
    expect(dueAt()).toBe(SECOND);
    guest.time = SECOND;
    expect(work()).toEqual(['private 64+64', 'back 64+64']);
    free(2);
    expect(dueAt()).toBe(2 * SECOND);
  });

  it('that was added for callers that may not sleep has a second, too', () => {
    const { atomic, work, dueAt, guest } = poolOf();
    atomic(1);
    guest.time = 7;
    work();
    expect(dueAt()).toBe(SECOND + 7);
    guest.time = SECOND + 7;
    expect(work()).toEqual(['private 0+64', 'back 0+64']);
  });

  it('goes back at once if memory is short', () => {
    const { pages, free, shrink, dueAt } = poolOf();
    pages(64);
    pages(1);
    free(1);
    expect(shrink()).toEqual(['private 0+64', 'back 0+64']);
    expect([shrink(), dueAt()]).toEqual([[], NEVER]);
    free(2);
    expect(shrink()).toEqual(['private 64+64', 'back 64+64']);
  });

  it('goes back as far as it is the pool’s', () => {
    const { pages, vmalloc, leave, free, shrink } = poolOf();
    leave([8, 8], [40, 4]);
    pages(8);
    vmalloc(4);
    free(1);
    expect(shrink()).toEqual([]);
    free(2);
    expect(shrink()).toEqual(['private 8+8', 'private 40+4', 'back 8+8', 'back 40+4']);
  });

  it('loses the pages that leak, and the others go back all the same', () => {
    const { pages, vmalloc, leave, free, shrink, guest } = poolOf();
    leave([8, 8], [40, 4]);
    pages(8);
    vmalloc(4);
    free(1);
    free(2);
    guest.results = ['leaked'];
    expect(shrink()).toEqual(['private 8+8: leaked', 'private 40+4', 'back 40+4']);
    expect(pages(1)).toEqual(['claim 40+4', 'share 40+4', 'give 40+1']);
  });
});
