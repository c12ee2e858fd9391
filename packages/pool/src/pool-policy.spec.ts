/** The pool family on a small guest: what happens with each request, worked out by hand. Blocks are of 64 pages. */
import { allocationId, InputError } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { adaptiveConversion } from './conversion/adaptive.ts';
import { blockConversion } from './conversion/block.ts';
import type { Conversion } from './conversion/conversion.ts';
import { granuleConversion } from './conversion/granule.ts';
import { pageConversion } from './conversion/page.ts';
import { bump } from './placement/bump.ts';
import { firstFit } from './placement/first-fit.ts';
import type { PlacementFactory } from './placement/placement.ts';
import type { BlockRange } from './policy.ts';
import { PoolPolicy } from './pool-policy.ts';
import { hysteresis } from './supply/hysteresis.ts';
import { immediate } from './supply/immediate.ts';
import { neverReturn } from './supply/never-return.ts';
import { reserve } from './supply/reserve.ts';
import { shrinker } from './supply/shrinker.ts';
import type { SupplyFactory } from './supply/supply.ts';
import { swiotlbFirst } from './supply/swiotlb-first.ts';
import { askerOf, BLOCK, BLOCKS, PlainGuest } from './testing-guest.ts';

const ALL: BlockRange = { firstBlock: 0, endBlock: BLOCKS };
const LOW: BlockRange = { firstBlock: 0, endBlock: 4 };
const HIGH: BlockRange = { firstBlock: 4, endBlock: BLOCKS };
const SECOND = 1e9;
/** Two blocks at a time. */
const twoBlocks: Conversion = { ...blockConversion, claimPages: 2 * BLOCK };

function poolOf({
  placement = firstFit,
  conversion = pageConversion,
  supply = neverReturn,
  guest = new PlainGuest(),
}: {
  placement?: PlacementFactory;
  conversion?: Conversion;
  supply?: SupplyFactory;
  guest?: PlainGuest;
} = {}) {
  const policy = new PoolPolicy(guest.view, placement, conversion, supply());
  return {
    ...askerOf(guest, policy),
    policy,
    atomicFree(allocation: number) {
      guest.mayConvert = false;
      const steps = guest.free(policy, allocation);
      guest.mayConvert = true;
      return steps;
    },
  };
}

describe('what a pool says of itself', () => {
  const pool = (conversion: Conversion, supply: SupplyFactory) => poolOf({ conversion, supply }).policy;
  const withReserve = reserve(8, 16)(immediate);

  it('its name is made of its parts', () => {
    expect(pool(blockConversion, immediate).name).toBe('first-fit+block+immediate');
    expect(pool(granuleConversion(16), withReserve).name).toBe('first-fit+granule:16+reserve:8:16+immediate');
  });

  it('slots come first if the supply says so, and it has a shrinker if the supply has one', () => {
    expect(pool(blockConversion, immediate).triesSwiotlbFirst).toBe(false);
    expect(pool(pageConversion, swiotlbFirst(immediate)).triesSwiotlbFirst).toBe(true);
    expect(pool(blockConversion, immediate).shrink).toBeUndefined();
    expect(pool(blockConversion, shrinker(immediate)).shrink).toBeDefined();
  });

  it('it replaces the atomic DMA pools with a reserve, or with slots and shared blocks', () => {
    const replaces = [
      [blockConversion, immediate],
      [blockConversion, swiotlbFirst(immediate)],
      [pageConversion, swiotlbFirst(immediate)],
      [blockConversion, withReserve],
      [pageConversion, withReserve],
      [pageConversion, immediate],
    ] as const;
    expect(replaces.map(([conversion, supply]) => pool(conversion, supply).replacesAtomicPools)).toEqual([
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  it('a small object comes from a slab cache, and a page does not', () => {
    const { guest, policy } = poolOf();
    expect(policy.cacheFor({ ...guest.request(1, { api: 'kmalloc' }), bytes: 100 })?.unitBytes).toBe(128);
    expect(policy.cacheFor(guest.request(1))).toBeUndefined();
  });
});

describe('pages that lie together', () => {
  it('lie at a multiple of their size rounded up, in claimed pages if these do', () => {
    const { pages } = poolOf();
    expect(pages(3)).toEqual(['claim 0+64', 'share 0+3', 'give 0+3']);
    expect(pages(3)).toEqual(['share 4+3', 'give 4+3']);
    expect(pages(1)).toEqual(['share 3+1', 'give 3+1']);
    expect(pages(64)).toEqual(['claim 64+64', 'share 64+64', 'give 64+64']);
  });

  it('need no conversion of their own if blocks are shared as they come', () => {
    const { pages } = poolOf({ conversion: blockConversion });
    expect(pages(3)).toEqual(['claim 0+64', 'share 0+64', 'give 0+3']);
    expect(pages(60)).toEqual(['claim 64+64', 'share 64+64', 'give 64+60']);
    expect(pages(32)).toEqual(['give 32+32']);
  });

  it('that are more than a block are whole blocks side by side', () => {
    const { pages } = poolOf();
    expect(pages(100)).toEqual(['claim 0+128', 'share 0+100', 'give 0+100']);
    expect(pages(28)).toEqual(['claim 128+64', 'share 128+28', 'give 128+28']);
    expect(pages(65)).toEqual(['claim 256+128', 'share 256+65', 'give 256+65']);
  });

  it('come of two blocks that are claimed at a time if the conversion wants that', () => {
    const { pages } = poolOf({ conversion: twoBlocks });
    expect(pages(1)).toEqual(['claim 0+128', 'share 0+128', 'give 0+1']);
    expect(pages(64)).toEqual(['give 64+64']);
    expect(pages(200)).toEqual(['claim 256+256', 'share 256+256', 'give 256+200']);
  });

  it('come of the largest free chunk that holds them if there is no whole block', () => {
    const { pages, leave } = poolOf();
    leave([8, 8], [36, 4]);
    expect(pages(3)).toEqual(['claim 8+8', 'share 8+3', 'give 8+3']);
    expect(pages(8)).toEqual(['out-of-memory']);
    expect(pages(4)).toEqual(['share 12+4', 'give 12+4']);
    expect(pages(4)).toEqual(['claim 36+4', 'share 36+4', 'give 36+4']);
    expect(pages(2)).toEqual(['out-of-memory']);
    expect(pages(1)).toEqual(['share 11+1', 'give 11+1']);
  });

  it('are refused if they are more than the page allocator has in one piece', () => {
    const { pages } = poolOf();
    expect(pages(1025)).toEqual(['too-large']);
    expect(pages(1024)).toEqual(['out-of-memory']);
    expect(pages(512)).toEqual(['claim 0+512', 'share 0+512', 'give 0+512']);
  });

  it('lie in the zones of the request', () => {
    const { pages, guest } = poolOf();
    guest.zones = [HIGH, LOW];
    expect(pages(1)).toEqual(['claim 256+64', 'share 256+1', 'give 256+1']);
    guest.zones = [LOW];
    expect(pages(1)).toEqual(['claim 0+64', 'share 0+1', 'give 0+1']);
    guest.zones = [HIGH, LOW];
    expect(pages(64)).toEqual(['claim 320+64', 'share 320+64', 'give 320+64']);
    expect(pages(1)).toEqual(['share 257+1', 'give 257+1']);
  });

  it('are tried once more elsewhere if a conversion fails, and the request is refused if that fails too', () => {
    const { pages, guest } = poolOf({ conversion: blockConversion });
    guest.results = ['private'];
    expect(pages(1)).toEqual([
      'claim 0+64',
      'share 0+64: private',
      'back 0+64',
      'claim 0+64',
      'share 0+64',
      'give 0+1',
    ]);
    guest.results = ['private', 'leaked'];
    expect(pages(64)).toEqual([
      ...['claim 64+64', 'share 64+64: private', 'back 64+64', 'claim 64+64', 'share 64+64: leaked'],
      'conversion-failed',
    ]);
    expect(pages(64)).toEqual(['claim 128+64', 'share 128+64', 'give 128+64']);
  });

  it('are never those that leaked', () => {
    const { pages, guest } = poolOf();
    guest.results = ['leaked', 'leaked'];
    expect(pages(2)).toEqual(['claim 0+64', 'share 0+2: leaked', 'share 2+2: leaked', 'conversion-failed']);
    expect(pages(4)).toEqual(['share 4+4', 'give 4+4']);
    guest.results = ['private', 'private'];
    expect(pages(2)).toEqual(['share 8+2: private', 'share 8+2: private', 'conversion-failed']);
    expect(pages(2)).toEqual(['share 8+2', 'give 8+2']);
  });

  it('are shared after all if a block that the conversion keeps shared became private', () => {
    const { pages, free, guest } = poolOf({ conversion: blockConversion, supply: immediate });
    pages(1);
    guest.results = ['leaked'];
    expect(free(1)).toEqual(['free 0+1', 'private 0+64: leaked']);
    expect(pages(1)).toEqual(['claim 64+64', 'share 64+64', 'give 64+1']);
  });

  it('need no conversion outside a confidential VM', () => {
    const guest = new PlainGuest({ platform: 'none' });
    const { pages, atomic } = poolOf({ guest });
    expect(pages(2)).toEqual(['claim 0+64', 'give 0+2']);
    expect(atomic(2)).toEqual(['give 2+2']);
  });
});

describe('a caller that may not sleep', () => {
  it('gets pages that are shared, or is refused', () => {
    const shared = poolOf({ conversion: blockConversion });
    expect(shared.atomic(1)).toEqual(['would-sleep']);
    shared.pages(1);
    expect(shared.atomic(2)).toEqual(['give 2+2']);
    expect(shared.atomic(64)).toEqual(['would-sleep']);
    const byPage = poolOf();
    byPage.pages(1);
    expect(byPage.atomic(1)).toEqual(['would-sleep']);
  });

  it('has a block claimed for those that come after it, if slots come first and blocks are shared', () => {
    const { atomic, work, policy } = poolOf({ conversion: twoBlocks, supply: swiotlbFirst(neverReturn) });
    expect(policy.hasWork(ALL)).toBe(false);
    expect(atomic(64)).toEqual(['would-sleep']);
    expect([policy.hasWork(ALL), policy.hasWork(LOW), policy.hasWork(HIGH)]).toEqual([true, false, false]);
    expect(work()).toEqual(['claim 0+128', 'share 0+128']);
    expect([policy.hasWork(ALL), work()]).toEqual([false, []]);
    expect(atomic(64)).toEqual(['give 0+64']);
  });

  it('has one claimed where it may lie, of whole blocks only', () => {
    const { atomic, work, policy, guest, leave } = poolOf({
      ...{ conversion: blockConversion, supply: swiotlbFirst(neverReturn) },
    });
    leave([200, 32], [320, 64]);
    guest.zones = [HIGH];
    atomic(1);
    guest.zones = [LOW];
    expect(work()).toEqual([]);
    expect([policy.hasWork(HIGH), policy.hasWork({ ...HIGH, endBlock: 7 })]).toEqual([true, false]);
    guest.zones = [HIGH];
    expect(work()).toEqual(['claim 320+64', 'share 320+64']);
    guest.zones = [LOW];
    atomic(1);
    expect([work(), policy.hasWork(LOW)]).toEqual([[], false]);
  });

  it('has none claimed for more than a block, or without slots, or if free pages are private', () => {
    const slots = swiotlbFirst(neverReturn);
    for (const [conversion, supply, pages] of [
      [blockConversion, slots, 65],
      [blockConversion, neverReturn, 1],
      [pageConversion, slots, 1],
    ] as const) {
      const { atomic, policy } = poolOf({ conversion, supply });
      expect(atomic(pages)).toEqual(['would-sleep']);
      expect(policy.hasWork(ALL)).toBe(false);
    }
  });

  it('has a block claimed that goes back by the rule of the supply', () => {
    const { atomic, work, guest, policy } = poolOf({
      conversion: blockConversion,
      supply: swiotlbFirst(hysteresis(1)),
    });
    atomic(1);
    work();
    expect(policy.workDueAt()).toBe(SECOND);
    guest.time = SECOND;
    expect(work()).toEqual(['private 0+64', 'back 0+64']);
    expect(policy.workDueAt()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('pages of a vmalloc area', () => {
  it('fill holes in pieces that get smaller by powers of two', () => {
    const { pages, vmalloc, free } = poolOf({ conversion: blockConversion });
    for (let at = 0; at < 8; at++) pages(8);
    free(2);
    free(5);
    free(6);
    // Free: 8+8 and 32+16. 22 does not fit, nor does 16 of it twice.
    expect(vmalloc(22)).toEqual(['give 32+16', 'give 8+6']);
    expect(vmalloc(2)).toEqual(['give 14+2']);
  });

  it('may lie in several blocks, a piece in each, and are shared piece by piece', () => {
    const { vmalloc, free } = poolOf();
    expect(vmalloc(130)).toEqual([
      ...['claim 0+64', 'claim 64+64', 'claim 128+64'],
      ...['share 0+64', 'give 0+64', 'share 64+64', 'give 64+64', 'share 128+2', 'give 128+2'],
    ]);
    expect(free(1)).toEqual([
      ...['free 0+64', 'private 0+64', 'free 64+64', 'private 64+64', 'free 128+2', 'private 128+2'],
    ]);
  });

  it('come of free pages first, and of no more chunks than they need', () => {
    const { pages, vmalloc } = poolOf();
    pages(4);
    expect(vmalloc(60)).toEqual(['share 4+60', 'give 4+60']);
    expect(vmalloc(64)).toEqual(['claim 64+64', 'share 64+64', 'give 64+64']);
    expect(vmalloc(1)).toEqual(['claim 128+64', 'share 128+1', 'give 128+1']);
    expect(vmalloc(63)).toEqual(['share 129+63', 'give 129+63']);
  });

  it('come of chunks of any size, in the zones of the request', () => {
    const { vmalloc, leave, guest } = poolOf();
    leave([0, 8], [300, 1], [320, 64]);
    guest.zones = [HIGH];
    expect(vmalloc(65)).toEqual([
      ...['claim 320+64', 'claim 300+1', 'share 320+64', 'give 320+64', 'share 300+1', 'give 300+1'],
    ]);
    expect(vmalloc(1)).toEqual(['out-of-memory']);
    guest.zones = [LOW];
    expect(vmalloc(3)).toEqual(['claim 0+8', 'share 0+3', 'give 0+3']);
  });

  it('are refused before any is given, and what was claimed for them goes back', () => {
    const { vmalloc, pages, leave } = poolOf({ conversion: blockConversion });
    leave([64, 64], [256, 64]);
    pages(4);
    expect(vmalloc(125)).toEqual([
      ...['claim 256+64', 'share 256+64', 'private 256+64', 'back 256+64', 'out-of-memory'],
    ]);
    expect(vmalloc(124)).toEqual([...['claim 256+64', 'share 256+64', 'give 256+64', 'give 68+60']]);
  });

  it('are refused if two chunks cannot be shared', () => {
    const { vmalloc, guest } = poolOf({ conversion: blockConversion });
    guest.results = ['converted', 'private'];
    expect(vmalloc(128)).toEqual([
      ...['claim 0+64', 'share 0+64', 'claim 64+64', 'share 64+64: private', 'back 64+64'],
      ...['claim 64+64', 'share 64+64', 'give 0+64', 'give 64+64'],
    ]);
    guest.results = ['converted', 'private', 'private'];
    expect(vmalloc(128)).toEqual([
      ...['claim 128+64', 'share 128+64', 'claim 192+64', 'share 192+64: private', 'back 192+64'],
      ...['claim 192+64', 'share 192+64: private', 'back 192+64'],
      ...['private 128+64', 'back 128+64', 'conversion-failed'],
    ]);
  });

  it('are taken back if two pieces cannot be shared', () => {
    const { vmalloc, guest } = poolOf();
    guest.results = ['converted', 'private'];
    expect(vmalloc(80)).toEqual([
      ...['claim 0+64', 'claim 64+64', 'share 0+64', 'give 0+64'],
      ...['share 64+16: private', 'share 64+16', 'give 64+16'],
    ]);
    guest.results = ['converted', 'private', 'private'];
    expect(vmalloc(112)).toEqual([
      ...['claim 128+64', 'share 128+64', 'give 128+64', 'share 80+48: private', 'share 80+48: private'],
      ...['free 128+64', 'private 128+64', 'conversion-failed'],
    ]);
  });

  it('are taken back if so many leak that too few are left', () => {
    const { vmalloc, guest } = poolOf();
    guest.results = ['converted', 'leaked'];
    expect(vmalloc(66)).toEqual([
      ...['claim 0+64', 'claim 64+64', 'share 0+64', 'give 0+64', 'share 64+2: leaked'],
      ...['share 66+2', 'give 66+2'],
    ]);
    guest.results = ['leaked'];
    expect(vmalloc(60)).toEqual(['share 68+60: leaked', 'conversion-failed']);
    expect(vmalloc(1)).toEqual(['claim 128+64', 'share 128+1', 'give 128+1']);
  });

  it('for a caller that may not sleep are shared ones, or it is refused', () => {
    const { pages, atomicVmalloc, guest } = poolOf({ conversion: blockConversion });
    pages(1);
    pages(4);
    expect(atomicVmalloc(60)).toEqual(['would-sleep']);
    guest.zones = [HIGH];
    expect(atomicVmalloc(1)).toEqual(['would-sleep']);
    guest.zones = [ALL];
    expect(atomicVmalloc(59)).toEqual(['give 8+32', 'give 40+16', 'give 56+8', 'give 1+3']);
  });

  it('for a caller that may not sleep are none if one of them is private after all', () => {
    const { pages, atomicVmalloc, guest, free } = poolOf({ conversion: blockConversion, supply: immediate });
    pages(1);
    pages(64);
    free(2);
    pages(1);
    // As after a conversion that failed.
    guest.is.shared[63] = false;
    expect(atomicVmalloc(62)).toEqual([
      'give 2+32',
      'give 34+16',
      'give 50+8',
      'give 58+4',
      'give 62+1',
      'free 2+32',
      'free 34+16',
      'free 50+8',
      'free 58+4',
      'free 62+1',
      'would-sleep',
    ]);
  });
});

describe('a free', () => {
  it('makes pages private if the conversion does, and not for a caller that may not sleep', () => {
    const { pages, free, atomicFree } = poolOf();
    pages(2);
    pages(2);
    expect(free(1)).toEqual(['free 0+2', 'private 0+2']);
    expect(atomicFree(2)).toEqual(['free 2+2']);
    expect(pages(4)).toEqual(['share 0+2', 'give 0+4']);
  });

  it('of the last pages of a block gives the block back by the rule of the supply', () => {
    const { pages, free, policy, work, guest } = poolOf({ supply: hysteresis(1) });
    pages(128);
    pages(1);
    guest.time = 5;
    expect(free(1)).toEqual(['free 0+128', 'private 0+128']);
    expect(policy.workDueAt()).toBe(SECOND + 5);
    expect(pages(1)).toEqual(['share 0+1', 'give 0+1']);
    guest.time = SECOND + 5;
    expect(work()).toEqual(['back 64+64']);
    expect(policy.workDueAt()).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives a block back only when all that lay in it is freed', () => {
    const { pages, vmalloc, free } = poolOf({ conversion: blockConversion, supply: immediate });
    pages(32);
    expect(vmalloc(72)).toEqual(['claim 64+64', 'share 64+64', 'give 64+64', 'give 32+8']);
    pages(8);
    expect(free(1)).toEqual(['free 0+32']);
    expect(free(2)).toEqual(['free 64+64', 'private 64+64', 'back 64+64', 'free 32+8']);
    expect(free(3)).toEqual(['free 40+8', 'private 0+64', 'back 0+64']);
  });

  it('of one block is none of the block behind it, which has been empty for longer', () => {
    const { pages, free, policy, guest } = poolOf({ supply: hysteresis(1) });
    pages(64);
    pages(64);
    free(2);
    guest.time = 5;
    free(1);
    expect(policy.workDueAt()).toBe(SECOND);
  });

  it('leaves a block for the worker if nothing may be converted', () => {
    const { pages, atomicFree, policy, work } = poolOf({ conversion: blockConversion, supply: immediate });
    pages(1);
    expect(atomicFree(1)).toEqual(['free 0+1']);
    expect(policy.hasWork(ALL)).toBe(true);
    expect(work()).toEqual(['private 0+64', 'back 0+64']);
    expect(policy.hasWork(ALL)).toBe(false);
  });

  it('needs no sleep if pages stay shared, or the reserve can have them all', () => {
    const answer = (conversion: Conversion, supply: SupplyFactory) => {
      const pool = poolOf({ conversion, supply });
      pool.vmalloc(66);
      pool.pages(8);
      return [1, 2].map((id) => pool.policy.freesWithoutSleeping(allocationId(id)));
    };
    expect(answer(blockConversion, immediate)).toEqual([true, true]);
    expect(answer(pageConversion, immediate)).toEqual([false, false]);
    expect(answer(pageConversion, reserve(1, 65)(immediate))).toEqual([false, true]);
    expect(answer(pageConversion, reserve(1, 66)(immediate))).toEqual([true, true]);
    expect(answer(pageConversion, reserve(1, 7)(immediate))).toEqual([false, false]);
  });

  it('is told to the supply, as each allocation is: the pages in use', () => {
    const told: string[] = [];
    const supply: SupplyFactory = () => ({
      ...neverReturn(),
      used: (time, pages) => told.push(`${pages} at ${time}`),
    });
    const { pages, vmalloc, free, guest } = poolOf({ supply });
    pages(3);
    guest.time = 7;
    vmalloc(70);
    free(1);
    guest.time = 8;
    free(2);
    expect(told).toEqual(['3 at 0', '67 at 7', '73 at 7', '70 at 7', '6 at 8', '0 at 8']);
  });
});

describe('a placement', () => {
  it('is told of chunks that come, of extents that are given, and of what is freed', () => {
    const told: string[] = [];
    const placement: PlacementFactory = (map) => ({
      ...firstFit(map),
      claimed: (start, pages) => told.push(`claimed ${start}+${pages}`),
      given: (start, pages, { owner }) => told.push(`given ${start}+${pages} to ${owner}`),
      freeing: ({ allocation }) => told.push(`freeing ${allocation}`),
    });
    const { pages, vmalloc, free } = poolOf({ placement, conversion: twoBlocks });
    pages(1);
    vmalloc(130);
    free(2);
    expect(told).toEqual([
      ...['claimed 0+64', 'claimed 64+64', 'given 0+1 to x'],
      ...['claimed 128+64', 'claimed 192+64', 'given 64+64 to x', 'given 128+64 to x', 'given 1+2 to x'],
      'freeing 2',
    ]);
  });

  it('that leaves free pages unused has the pool grow, and use them only if it cannot', () => {
    const { pages, atomic, vmalloc, atomicVmalloc, free, leave } = poolOf({
      ...{ placement: bump, conversion: blockConversion },
    });
    leave([0, 64], [128, 64]);
    for (let at = 0; at < 4; at++) pages(16);
    free(1);
    free(3);
    // bump uses no page again until its block is empty.
    expect(pages(8)).toEqual(['claim 128+64', 'share 128+64', 'give 128+8']);
    expect(vmalloc(56)).toEqual(['give 136+56']);
    expect(pages(2)).toEqual(['give 0+2']);
    expect(atomic(4)).toEqual(['give 4+4']);
    expect(vmalloc(2)).toEqual(['give 2+1', 'give 3+1']);
    expect(atomicVmalloc(9)).toEqual(['give 32+9']);
    expect(vmalloc(16)).toEqual(['out-of-memory']);
    expect(pages(16)).toEqual(['out-of-memory']);
  });

  it('that leaves free pages unused gives all of them to a vmalloc area that needs them', () => {
    const { pages, vmalloc, free, leave } = poolOf({ placement: bump, conversion: blockConversion });
    leave([0, 64]);
    pages(4);
    vmalloc(60);
    free(1);
    expect(vmalloc(4)).toEqual(['give 0+1', 'give 1+1', 'give 2+1', 'give 3+1']);
  });

  it('that says nothing of the pages it leaves unused is told of them', () => {
    const idle: PlacementFactory = () => ({ name: 'idle', place: () => -1 });
    const none = (conversion: Conversion) => poolOf({ placement: idle, conversion });
    const found = "placement 'idle': place(1, 1) found nothing, but the free pages at 0 fit";
    expect(() => none(pageConversion).pages(1)).toThrow(InputError);
    expect(() => none(pageConversion).pages(1)).toThrow(found);
    expect(() => none(pageConversion).vmalloc(3)).toThrow(found);
    // Pages have leaked meanwhile: it may have been right.
    const failing = none(blockConversion);
    failing.guest.results = ['leaked'];
    expect(failing.vmalloc(3)).toEqual([
      ...['claim 0+64', 'share 0+64: leaked', 'claim 64+64', 'share 64+64', 'conversion-failed'],
    ]);
    const empty = none(pageConversion);
    empty.leave([0, 4]);
    expect(() => empty.pages(1)).toThrow(found);
    expect(empty.guest.takeLog()).toEqual(['claim 0+4']);
    expect(empty.pages(1)).toEqual(['out-of-memory']);
    const atomic = none(blockConversion);
    expect(() => atomic.pages(1)).toThrow(found);
    atomic.guest.takeLog();
    expect(atomic.atomicVmalloc(1)).toEqual(['would-sleep']);
  });
});

describe('a pool that shares the rest of a block once enough of it is used', () => {
  const half = () => poolOf({ conversion: adaptiveConversion(50) });

  it('does so with the request that uses so much', () => {
    const { pages, atomic } = half();
    expect(pages(31)).toEqual(['claim 0+64', 'share 0+31', 'give 0+31']);
    expect(atomic(1)).toEqual(['would-sleep']);
    expect(pages(1)).toEqual(['share 31+1', 'give 31+1', 'share 32+32']);
    expect(atomic(8)).toEqual(['give 32+8']);
    expect(pages(8)).toEqual(['give 40+8']);
  });

  it('in each of the blocks that the request lies in', () => {
    const { pages } = half();
    expect(pages(100)).toEqual(['claim 0+128', 'share 0+100', 'give 0+100', 'share 100+28']);
  });
});

describe('a reserve', () => {
  const pool = (low: number, high: number, conversion: Conversion = pageConversion, supply = neverReturn) =>
    poolOf({ conversion, supply: reserve(low, high)(supply) });

  it('is filled up by the worker when it is below its low watermark', () => {
    const { work, policy, atomic } = pool(8, 16);
    expect(policy.hasWork(ALL)).toBe(true);
    expect(work()).toEqual(['claim 0+64', 'share 0+16', 'refilled 16']);
    expect([policy.hasWork(ALL), work()]).toEqual([false, []]);
    expect(atomic(8)).toEqual(['give 0+8']);
    expect([policy.hasWork(ALL), work()]).toEqual([false, []]);
    expect(atomic(1)).toEqual(['give 8+1']);
    expect(policy.hasWork(ALL)).toBe(true);
    expect(work()).toEqual(['share 16+8', 'share 24+1', 'refilled 9']);
  });

  it('is for callers that may not sleep: first fit, aligned, at most a block', () => {
    const { work, atomic, pages, atomicVmalloc } = pool(64, 128);
    expect(work()).toEqual(['claim 0+64', 'share 0+64', 'claim 64+64', 'share 64+64', 'refilled 128']);
    expect(pages(1)).toEqual(['claim 128+64', 'share 128+1', 'give 128+1']);
    expect(atomic(65)).toEqual(['would-sleep']);
    expect(atomic(1)).toEqual(['give 0+1']);
    expect(atomic(3)).toEqual(['give 4+3']);
    expect(atomic(64)).toEqual(['give 64+64']);
    expect(atomic(64)).toEqual(['would-sleep']);
    expect(atomicVmalloc(61)).toEqual(['would-sleep']);
    expect(atomicVmalloc(60)).toEqual([
      'give 7+32',
      'give 39+16',
      'give 55+8',
      'give 1+2',
      'give 3+1',
      'give 63+1',
    ]);
  });

  it('is looked for, and filled, where the caller may use memory', () => {
    const { work, atomic, policy, guest } = pool(8, 16);
    work();
    expect([policy.hasWork(LOW), policy.hasWork(HIGH)]).toEqual([false, true]);
    guest.zones = [HIGH];
    expect(atomic(1)).toEqual(['would-sleep']);
    expect(work()).toEqual(['claim 256+64', 'share 256+16', 'refilled 16']);
    expect(atomic(1)).toEqual(['give 256+1']);
  });

  it('gets freed pages back while it is not full, without a conversion', () => {
    const { work, atomic, pages, free, atomicFree } = pool(8, 16);
    work();
    atomic(8);
    pages(16);
    pages(4);
    expect(free(2)).toEqual(['free 16+16', 'private 16+16']);
    expect(free(1)).toEqual(['free 0+8']);
    expect(free(3)).toEqual(['free 32+4', 'private 32+4']);
    expect(atomic(16)).toEqual(['give 0+16']);
    expect(atomicFree(4)).toEqual(['free 0+16']);
    expect(atomic(16)).toEqual(['give 0+16']);
  });

  it('is filled with the largest chunks that there are, down to pages', () => {
    const { work, leave, guest } = pool(8, 16);
    leave([8, 4], [20, 2], [33, 1]);
    expect(work()).toEqual([
      ...['claim 8+4', 'share 8+4', 'claim 20+2', 'share 20+2', 'claim 33+1', 'share 33+1', 'refilled 7'],
    ]);
    expect(work()).toEqual([]);
    guest.othersFree(128, 64);
    expect(work()).toEqual(['claim 128+64', 'share 128+8', 'share 136+1', 'refilled 9']);
  });

  it('may be of a single page', () => {
    const { work, leave } = pool(1, 1);
    leave([8, 1]);
    expect(work()).toEqual(['claim 8+1', 'share 8+1', 'refilled 1']);
    const shared = pool(1, 1, blockConversion);
    shared.leave([9, 1]);
    expect(shared.work()).toEqual(['claim 9+1', 'share 9+1', 'refilled 1']);
  });

  it('takes chunks of which all pages are free', () => {
    const { work, pages } = pool(4, 8);
    for (const size of [16, 1, 8]) pages(size);
    // Pages 17 to 23 are free, and then those from 32 on.
    expect(work()).toEqual(['share 32+8', 'refilled 8']);
  });

  it('keeps no block of private pages from going back, and counts as none of the free pages', () => {
    const asked: number[] = [];
    const supply: SupplyFactory = () => ({
      name: 'by hand',
      returnsAt({ freePages }) {
        asked.push(freePages);
        return 0;
      },
    });
    const { work, atomic, pages, free } = pool(8, 64, pageConversion, supply);
    work();
    atomic(60);
    pages(64);
    expect(work()).toEqual([
      'claim 128+64',
      'share 128+32',
      'share 160+16',
      'share 176+8',
      'share 184+4',
      'refilled 60',
    ]);
    expect(free(2)).toEqual(['free 64+64', 'private 64+64', 'back 64+64']);
    expect(asked).toEqual([64 + 4]);
  });

  it('is left as it is when a conversion fails', () => {
    const { work, guest } = pool(8, 24);
    guest.results = ['private'];
    expect(work()).toEqual(['claim 0+64', 'share 0+16: private']);
    guest.results = ['converted', 'private'];
    expect(work()).toEqual(['share 0+16', 'share 16+8: private', 'refilled 16']);
  });

  it('is of free pages if blocks are shared as they come, which are kept for it', () => {
    const { work, atomic, free, policy } = pool(8, 64, blockConversion, immediate);
    expect(work()).toEqual(['claim 0+64', 'share 0+64', 'refilled 64']);
    expect(atomic(64)).toEqual(['give 0+64']);
    expect(policy.hasWork(ALL)).toBe(true);
    expect(work()).toEqual(['claim 64+64', 'share 64+64', 'refilled 64']);
    expect(free(1)).toEqual(['free 0+64', 'private 0+64', 'back 0+64']);
    expect([policy.hasWork(ALL), work()]).toEqual([false, []]);
  });

  it('of shared blocks takes as many as it needs, or as there are', () => {
    const { work, leave, guest } = pool(80, 100, blockConversion, immediate);
    leave([0, 64], [130, 2]);
    expect(work()).toEqual(['claim 0+64', 'share 0+64', 'claim 130+2', 'share 130+2', 'refilled 66']);
    expect(work()).toEqual([]);
    guest.othersFree(192, 128);
    guest.results = ['private'];
    expect(work()).toEqual(['claim 192+64', 'share 192+64: private', 'back 192+64']);
    expect(work()).toEqual(['claim 192+64', 'share 192+64', 'refilled 64']);
  });

  it('of two blocks at a time gives back the one that it does not need', () => {
    const { work } = pool(8, 64, twoBlocks, immediate);
    expect(work()).toEqual(['claim 0+128', 'share 0+128', 'private 0+64', 'back 0+64', 'refilled 64']);
  });

  it('is of whole units of the conversion, whose pages stay shared together', () => {
    // 16 KiB.
    const { work, atomic, free, pages, policy } = pool(1, 6, granuleConversion(16));
    expect(work()).toEqual(['claim 0+64', 'share 0+4', 'share 4+4', 'refilled 8']);
    expect([policy.hasWork(ALL), atomic(1)]).toEqual([false, ['give 0+1']]);
    expect(free(1)).toEqual(['free 0+1']);
    expect(pages(2)).toEqual(['share 8+4', 'give 8+2']);
    expect(free(2)).toEqual(['free 8+2', 'private 8+4']);
    expect(atomic(8)).toEqual(['give 0+8']);
  });
});

describe('the shrinker', () => {
  it('returns empty blocks before their time', () => {
    const { pages, free, policy, guest } = poolOf({ supply: shrinker(hysteresis(1)) });
    pages(64);
    pages(1);
    free(1);
    policy.shrink?.(guest.view, guest.record);
    expect(guest.takeLog()).toEqual(['back 0+64']);
  });
});
