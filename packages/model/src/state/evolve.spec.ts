import { describe, expect, it } from 'vitest';
import { InvariantError } from '../errors.ts';
import { EventRows } from '../events/columns.ts';
import { TYPE } from '../events/types.ts';
import { x86Geometry } from '../geometry.ts';
import type { MappingRun } from '../memory-state.ts';
import { type PlatformName, platformNamed } from '../platform.ts';
import { batchOf, type Told } from '../testing.ts';
import { allocationId, blockIndex, pfn } from '../units.ts';
import { Columns } from './columns.ts';
import { COUNTER_NAMES, type Counters } from './counters.ts';
import { brokenInvariants } from './invariants.ts';

const GIB = 512 * 512;
const MAP: readonly MappingRun[] = [
  [0, 512, 1],
  [512, GIB - 512, 2],
  [GIB, GIB, 3],
];

const claimed = (at: number, pages: number): Told => ({
  type: 'pages-claimed',
  pfn: pfn(at),
  pages,
  migratetype: 'Unmovable',
});
const returned = (at: number, pages: number): Told => ({ type: 'pages-returned', pfn: pfn(at), pages });
const split = (at: number, level: 2 | 3): Told => ({ type: 'large-page-split', pfn: pfn(at), level });
const restored = (at: number): Told => ({ type: 'large-page-restored', pfn: pfn(at) });
const decrypted = (at: number, pages: number): Told => ({ type: 'pages-decrypted', pfn: pfn(at), pages });
const encrypted = (at: number, pages: number): Told => ({ type: 'pages-encrypted', pfn: pfn(at), pages });
const leaked = (at: number, pages: number): Told => ({
  type: 'pages-leaked',
  pfn: pfn(at),
  pages,
  owner: 0,
});
const failed = (at: number, pages: number, direction: 'decrypt' | 'encrypt'): Told => ({
  type: 'conversion-failed',
  pfn: pfn(at),
  pages,
  direction,
});
const netvsc: Told = { type: 'owner-registered', owner: 0, name: 'netvsc' };
const requested = (id: number, pages: number, request: number): Told => ({
  type: 'allocation-requested',
  allocation: allocationId(id),
  api: 'vmalloc',
  pages,
  bytes: pages * 4096,
  owner: 0,
  request,
});
const allocated = (id: number, at: number, pages: number): Told => ({
  type: 'pages-allocated',
  allocation: allocationId(id),
  pfn: pfn(at),
  pages,
});
const freeRequested = (id: number, request: number): Told => ({
  type: 'free-requested',
  allocation: allocationId(id),
  request,
});
const freed = (id: number, at: number, pages: number, request = 0): Told => ({
  type: 'pages-freed',
  allocation: allocationId(id),
  pfn: pfn(at),
  pages,
  request,
});
const refused = (id: number, pages: number): Told => ({
  type: 'allocation-failed',
  allocation: allocationId(id),
  pages,
  reason: 'out-of-memory',
});

/** 4 GiB of page frames, of which the first two have RAM: 4K and 2M entries, then one 1G entry. */
class Given {
  readonly columns: Columns;
  readonly view;

  constructor(platform: PlatformName, restore: boolean, events: readonly Told[]) {
    const frame = { geometry: x86Geometry(4 * GIB), platform: { ...platformNamed(platform), restore } };
    this.columns = new Columns(frame, MAP);
    this.view = this.columns.view();
    this.columns.fold(batchOf(events));
  }

  /** Folds events; gives the counters that changed and by how much, without `events`. */
  when(...events: Told[]): Partial<Counters> {
    const before = this.columns.publishCounters();
    this.columns.fold(batchOf(events));
    const after = this.columns.publishCounters();
    expect(brokenInvariants(this.view)).toEqual([]);
    return Object.fromEntries(
      COUNTER_NAMES.filter((name) => name !== 'events' && after[name] !== before[name]).map((name) => [
        name,
        after[name] - before[name],
      ]),
    );
  }

  /** The event cannot have happened: it throws, and nothing changes. */
  refuses(event: Told, why: string): void {
    const hash = this.columns.hash();
    const counters = this.columns.publishCounters();
    let error: unknown;
    try {
      this.columns.fold(batchOf([event]));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvariantError);
    expect((error as Error).message).toContain(why);
    expect((error as Error).message).toContain(event.type);
    expect(this.columns.hash()).toBe(hash);
    expect(this.columns.publishCounters()).toEqual(counters);
  }
}

const given = (...events: Told[]) => new Given('snp', false, events);
const givenOn = (platform: PlatformName, ...events: Told[]) => new Given(platform, false, events);
const givenRestoring = (...events: Told[]) => new Given('snp', true, events);

describe('at the start', () => {
  it('the direct map is as it was given, and nothing has happened', () => {
    const { columns } = given();
    const counters = columns.publishCounters();
    expect(counters.mapped4KPages).toBe(512);
    expect(counters.mapped2MPages).toBe(GIB - 512);
    expect(counters.mapped1GPages).toBe(GIB);
    expect(counters.events).toBe(0);
  });
});

describe('pages claimed', () => {
  it('belong to the pool', () => {
    const memory = given();
    expect(memory.when(claimed(100, 8))).toEqual({ claimedPages: 8 });
    expect(memory.view.is('claimed', pfn(107))).toBe(true);
    expect(memory.view.is('claimed', pfn(108))).toBe(false);
  });

  it('are refused when one of them is claimed already', () => {
    given(claimed(100, 8)).refuses(claimed(104, 8), 'page 104 is already claimed');
  });

  it('are refused outside memory, in a hole, and when there are none', () => {
    given().refuses(claimed(4 * GIB - 1, 2), 'not inside');
    given().refuses(claimed(3 * GIB, 1), 'page 786432 is in a hole');
    given().refuses(claimed(1, 0), 'not inside');
  });

  it('are refused when only the last of them lies in a hole', () => {
    given().refuses(claimed(2 * GIB - 512, 1024), 'page 524288 is in a hole');
  });
});

describe('pages returned', () => {
  it('are the page allocator’s again', () => {
    expect(given(claimed(100, 8)).when(returned(102, 2))).toEqual({ claimedPages: -2 });
  });

  it('are refused when not claimed, shared, allocated, unknown or leaked', () => {
    given(claimed(100, 8)).refuses(returned(104, 8), 'page 108 is not claimed');
    given(claimed(100, 8), decrypted(103, 1)).refuses(returned(100, 8), 'page 103 is shared');
    given(claimed(100, 8), failed(103, 1, 'decrypt')).refuses(returned(100, 8), 'page 103 is in an unknown');
    given(claimed(100, 8), failed(103, 1, 'decrypt'), leaked(103, 1)).refuses(returned(103, 1), 'page 103');
    givenOn('none', netvsc, claimed(100, 8), requested(1, 1, 1), allocated(1, 105, 1)).refuses(
      returned(100, 8),
      'page 105 is in an allocation',
    );
  });
});

describe('a large page split', () => {
  it('of level 2 moves 2 MiB from DirectMap2M to DirectMap4k, with one page-table page and one full flush', () => {
    expect(given().when(split(512, 2))).toEqual({
      mapped4KPages: 512,
      mapped2MPages: -512,
      splits2M: 1,
      pageTablePages: 1,
      fullFlushes: 1,
    });
  });

  it('of level 3 moves 1 GiB from DirectMap1G to DirectMap2M', () => {
    const memory = given();
    expect(memory.when(split(GIB, 3))).toEqual({
      mapped2MPages: GIB,
      mapped1GPages: -GIB,
      splits1G: 1,
      pageTablePages: 1,
      fullFlushes: 1,
    });
    expect(memory.view.levelAt(pfn(2 * GIB - 1))).toBe(2);
  });

  it('is refused where no such page is', () => {
    given().refuses(split(513, 2), 'no 2M page begins at page 513');
    given().refuses(split(512, 3), 'no 1G page begins at page 512');
    given().refuses(split(0, 2), 'page 0 is mapped at level 1, not 2');
    given().refuses(split(GIB, 2), 'mapped at level 3, not 2');
    given(split(512, 2)).refuses(split(512, 2), 'mapped at level 1, not 2');
    given().refuses(split(3 * GIB, 2), 'mapped at level 0, not 2');
  });

  it('is refused for any other level', () => {
    const memory = given();
    const rows = new EventRows(1);
    rows.append(5, 0, 0, 0, 0, 0, 1);
    expect(() => memory.columns.fold(rows.seal(0))).toThrow('level 1 is neither 2 (2M) nor 3 (1G)');
  });
});

describe('a large page restored', () => {
  it('moves 2 MiB back to DirectMap2M, where the platform restores', () => {
    expect(givenRestoring(split(512, 2)).when(restored(512))).toEqual({
      mapped4KPages: -512,
      mapped2MPages: 512,
      restores2M: 1,
      pageTablePages: -1,
      fullFlushes: 1,
    });
  });

  it('is refused where the platform does not, where nothing was split, and while a page is not private', () => {
    given(split(512, 2)).refuses(restored(512), "platform 'snp' restores no large page");
    givenRestoring().refuses(restored(512), 'page 512 is not mapped at level 1');
    givenRestoring(split(512, 2)).refuses(restored(513), 'no 2M page begins at page 513');
    givenRestoring(split(512, 2), claimed(600, 1), decrypted(600, 1)).refuses(
      restored(512),
      'has pages not private',
    );
    givenRestoring(split(512, 2), claimed(600, 1), failed(600, 1, 'decrypt')).refuses(
      restored(512),
      'has pages not private',
    );
  });
});

describe('pages decrypted', () => {
  it('in the middle of a split block: shared, mixed, one border, one call, two ranged flushes', () => {
    expect(given(claimed(100, 8)).when(decrypted(102, 2))).toEqual({
      sharedPages: 2,
      conversions: 1,
      convertedPages: 2,
      hostCalls: 1,
      pageTablePasses: 1,
      rangedFlushes: 2,
      sharedBlocks: 1,
      touchedBlocks: 1,
      mixedBlocks: 1,
      borders: 1,
    });
  });

  it('an aligned 2 MiB run: one call, two full flushes, not mixed, and the 2M page stays', () => {
    const memory = given(claimed(1024, 512));
    expect(memory.when(decrypted(1024, 512))).toEqual({
      sharedPages: 512,
      conversions: 1,
      convertedPages: 512,
      hostCalls: 1,
      pageTablePasses: 1,
      fullFlushes: 2,
      sharedBlocks: 1,
      touchedBlocks: 1,
      borders: 1,
    });
    expect(memory.view.block(blockIndex(2)).level).toBe(2);
  });

  it('over three blocks, the first of them in part', () => {
    const memory = given(claimed(512, 1536), split(512, 2));
    expect(memory.when(decrypted(1000, 1048))).toEqual({
      sharedPages: 1048,
      conversions: 1,
      convertedPages: 1048,
      hostCalls: 1,
      pageTablePasses: 1,
      fullFlushes: 2,
      sharedBlocks: 3,
      touchedBlocks: 3,
      mixedBlocks: 1,
      borders: 1,
    });
  });

  it('are refused when not claimed, shared already, unknown or leaked', () => {
    given(claimed(100, 8)).refuses(decrypted(104, 8), 'page 108 is not claimed');
    given(claimed(100, 8), decrypted(104, 1)).refuses(decrypted(100, 8), 'page 104 is shared');
    given(claimed(100, 8), failed(104, 1, 'decrypt')).refuses(decrypted(100, 8), 'page 104 is in an unknown');
  });

  it('are refused when a large page that cannot stay was not split before', () => {
    given(claimed(512, 512)).refuses(decrypted(512, 511), 'the 2M page at 512 was not split before');
    given(claimed(GIB, 512)).refuses(decrypted(GIB, 512), 'the 1G page at 262144 was not split before');
    given(claimed(GIB, 512), split(GIB, 3)).when(decrypted(GIB, 512));
  });

  it('are refused outside a confidential VM', () => {
    givenOn('none', claimed(100, 1)).refuses(decrypted(100, 1), "on platform 'none' a conversion is a no-op");
  });
});

describe('pages encrypted', () => {
  it('are private again; the block stays touched and split', () => {
    const memory = given(claimed(512, 8), split(512, 2), decrypted(512, 2));
    expect(memory.when(encrypted(512, 2))).toEqual({
      sharedPages: -2,
      conversions: 1,
      convertedPages: 2,
      hostCalls: 1,
      pageTablePasses: 1,
      rangedFlushes: 2,
      sharedBlocks: -1,
      mixedBlocks: -1,
      borders: -1,
    });
    expect(memory.view.block(blockIndex(1))).toMatchObject({ level: 1, touched: true, shared: 0 });
  });

  it('on tdx are flushed after the change only', () => {
    expect(givenOn('tdx', claimed(100, 2), decrypted(100, 2)).when(encrypted(100, 2))).toMatchObject({
      rangedFlushes: 1,
    });
  });

  it('one page of a wholly shared block: the block becomes mixed, and a border appears behind the page', () => {
    expect(
      given(claimed(512, 512), decrypted(512, 512), split(512, 2)).when(encrypted(700, 1)),
    ).toMatchObject({ mixedBlocks: 1, borders: 1, sharedPages: -1 });
  });

  it('may be unknown ones: that is how they become usable again', () => {
    const memory = given(claimed(100, 4), decrypted(100, 4), failed(100, 4, 'encrypt'));
    expect(memory.when(encrypted(100, 4))).toMatchObject({ unknownPages: -4, sharedBlocks: -1 });
    expect(memory.when(returned(100, 4))).toEqual({ claimedPages: -4 });
  });

  it('are refused when private already, allocated, or leaked', () => {
    given(claimed(100, 4), decrypted(100, 3)).refuses(encrypted(100, 4), 'page 103 is already private');
    given(netvsc, claimed(100, 4), decrypted(100, 4), requested(1, 1, 1), allocated(1, 102, 1)).refuses(
      encrypted(100, 4),
      'page 102 is in an allocation',
    );
    given(claimed(100, 4), failed(100, 2, 'decrypt'), leaked(101, 1)).refuses(
      encrypted(100, 2),
      'page 101 was leaked',
    );
  });

  it('are refused when part of a large page that is wholly unknown was not split before', () => {
    given(claimed(512, 512), failed(512, 512, 'decrypt')).refuses(
      encrypted(512, 8),
      'the 2M page at 512 was not split before',
    );
  });
});

describe('a failed conversion', () => {
  it('leaves its pages unknown: neither shared nor private, but mixed and a border all the same', () => {
    expect(given(claimed(100, 4)).when(failed(100, 4, 'decrypt'))).toEqual({
      unknownPages: 4,
      failedConversions: 1,
      sharedBlocks: 1,
      touchedBlocks: 1,
      mixedBlocks: 1,
      borders: 1,
    });
    expect(given(claimed(100, 4), decrypted(100, 4)).when(failed(100, 2, 'encrypt'))).toEqual({
      sharedPages: -2,
      unknownPages: 2,
      failedConversions: 1,
    });
  });

  it('needs what a successful one needs: pages to convert, and the splits before it', () => {
    given(claimed(100, 4)).refuses(failed(100, 5, 'decrypt'), 'page 104 is not claimed');
    given(claimed(100, 4), decrypted(101, 1)).refuses(failed(100, 4, 'decrypt'), 'page 101 is shared');
    given(claimed(100, 4)).refuses(failed(100, 4, 'encrypt'), 'page 100 is already private');
    given(claimed(512, 4)).refuses(failed(512, 4, 'decrypt'), 'the 2M page at 512 was not split before');
    givenOn('none', claimed(100, 4)).refuses(failed(100, 4, 'decrypt'), 'a conversion is a no-op');
    given(netvsc, claimed(100, 1), decrypted(100, 1), requested(1, 1, 1), allocated(1, 100, 1)).refuses(
      failed(100, 1, 'encrypt'),
      'page 100 is in an allocation',
    );
  });
});

describe('pages leaked', () => {
  it('are counted, and stay claimed and unknown', () => {
    const memory = given(claimed(100, 4), failed(100, 4, 'decrypt'));
    expect(memory.when(leaked(100, 2))).toEqual({ leakedPages: 2 });
    expect(memory.view.is('claimed', pfn(100))).toBe(true);
  });

  it('are refused when their state is known, and a second time', () => {
    given(claimed(100, 4), failed(100, 2, 'decrypt')).refuses(
      leaked(100, 4),
      'page 102 is not in an unknown',
    );
    given(claimed(100, 4), failed(100, 2, 'decrypt'), leaked(100, 1)).refuses(
      leaked(100, 2),
      'page 100 was leaked',
    );
    given().refuses(leaked(100, 1), 'page 100 is not');
  });

  it('are never handed out or converted again', () => {
    const memory = given(
      netvsc,
      claimed(100, 1),
      failed(100, 1, 'decrypt'),
      leaked(100, 1),
      requested(1, 1, 1),
    );
    memory.refuses(allocated(1, 100, 1), 'page 100 is in an unknown state');
    memory.refuses(encrypted(100, 1), 'page 100 was leaked');
    memory.refuses(returned(100, 1), 'page 100 is in an unknown state');
  });
});

describe('an owner registered', () => {
  it('gets the next number', () => {
    const memory = given(netvsc);
    expect(memory.when({ type: 'owner-registered', owner: 1, name: 'nvme' })).toEqual({ owners: 1 });
    expect(memory.view.owners).toEqual(['netvsc', 'nvme']);
    memory.refuses({ type: 'owner-registered', owner: 3, name: 'x' }, 'owner 3 comes where 2 is next');
  });
});

describe('an allocation requested', () => {
  it('has its owner and size, and holds nothing yet', () => {
    const memory = given(netvsc);
    expect(memory.when(requested(1, 3, 1))).toEqual({ requests: 1, lastAllocation: 1 });
    expect(memory.view.allocation(allocationId(1))).toEqual({
      status: 'requested',
      owner: 'netvsc',
      request: 1,
      bytes: 3 * 4096,
      pages: 3,
      extents: [],
    });
  });

  it('is refused for an unknown owner, a wrong number, or more bytes than its pages hold', () => {
    given().refuses(requested(1, 1, 1), 'owner 0 was never registered');
    given(netvsc).refuses(requested(2, 1, 1), 'allocation 2 comes where 1 is next');
    given(netvsc, requested(1, 1, 1)).refuses(requested(1, 1, 2), 'allocation 1 comes where 2 is next');
    given(netvsc).refuses(requested(1, 1, 2), 'request 2 comes where 1 is next');
    given(netvsc).refuses({ ...requested(1, 1, 1), bytes: 4097 } as Told, '4097 bytes do not fit in 1 pages');
    given(netvsc).refuses(requested(1, 0, 1), 'do not fit in 0 pages');
  });
});

describe('pages allocated', () => {
  const ready = () => given(netvsc, claimed(100, 8), decrypted(100, 8), requested(1, 3, 1));

  it('make the allocation live, extent by extent', () => {
    const memory = ready();
    expect(memory.when(allocated(1, 104, 2))).toEqual({
      extents: 1,
      liveAllocations: 1,
      liveBytes: 3 * 4096,
      livePages: 2,
    });
    expect(memory.when(allocated(1, 100, 1))).toEqual({ extents: 1, livePages: 1 });
    expect(memory.view.allocation(allocationId(1)).extents).toEqual([
      { pfn: 104, pages: 2 },
      { pfn: 100, pages: 1 },
    ]);
  });

  it('are refused for an allocation that nobody requested, or that is over', () => {
    given(claimed(100, 8), decrypted(100, 8)).refuses(
      allocated(1, 100, 1),
      'allocation 1 was never requested',
    );
    const memory = ready();
    memory.when(refused(1, 3));
    memory.refuses(allocated(1, 100, 1), 'allocation 1 was not requested');
  });

  it('are refused when a page is not claimed, in another allocation, or private', () => {
    ready().refuses(allocated(1, 106, 4), 'page 108 is not claimed');
    const memory = ready();
    memory.when(allocated(1, 100, 3), requested(2, 1, 2));
    memory.refuses(allocated(2, 102, 1), 'page 102 is in an allocation');
    given(netvsc, claimed(100, 8), requested(1, 1, 1)).refuses(allocated(1, 100, 1), 'page 100 is private');
  });

  it('need not be shared outside a confidential VM', () => {
    expect(
      givenOn('none', netvsc, claimed(100, 1), requested(1, 1, 1)).when(allocated(1, 100, 1)),
    ).toMatchObject({
      livePages: 1,
    });
  });

  it('are refused once another allocation has got pages in between', () => {
    const memory = ready();
    memory.when(allocated(1, 100, 1), requested(2, 1, 2), allocated(2, 101, 1));
    memory.refuses(allocated(1, 102, 1), 'gets an extent after another allocation did');
  });
});

describe('an allocation freed', () => {
  const live = () =>
    given(
      netvsc,
      claimed(100, 8),
      decrypted(100, 8),
      requested(1, 3, 1),
      allocated(1, 104, 2),
      allocated(1, 100, 1),
    );

  it('gives its extents back in the order it got them, and is over with the last', () => {
    const memory = live();
    expect(memory.when(freeRequested(1, 2))).toEqual({ requests: 1 });
    expect(memory.when(freed(1, 104, 2))).toEqual({ livePages: -2 });
    expect(memory.when(freed(1, 100, 1))).toEqual({
      livePages: -1,
      liveAllocations: -1,
      liveBytes: -3 * 4096,
    });
    expect(memory.view.allocation(allocationId(1))).toMatchObject({ status: 'freed', extents: [] });
    memory.refuses(freeRequested(1, 3), 'allocation 1 is not live');
    memory.refuses(freed(1, 100, 1), 'nobody asked to free allocation 1');
  });

  it('is refused when nobody asked, when not the next extent, and when not live', () => {
    live().refuses(freed(1, 104, 2), 'nobody asked to free allocation 1');
    const memory = live();
    memory.when(freeRequested(1, 2));
    memory.refuses(freed(1, 100, 1), 'the next extent of allocation 1 is 2 pages at 104, not 1 at 100');
    memory.refuses(freeRequested(1, 3), 'allocation 1 is not live');
    memory.refuses(freeRequested(2, 3), 'allocation 2 was never requested');
    memory.refuses(freeRequested(1, 2), 'request 2 comes where 3 is next');
  });

  it('never takes the extent of another allocation', () => {
    const memory = live();
    memory.when(freed(1, 104, 2, 1), freed(1, 100, 1, 1), requested(2, 1, 2), allocated(2, 101, 1));
    memory.refuses(freeRequested(1, 3), 'allocation 1');
    memory.refuses(freed(1, 101, 1, 1), 'allocation 1');
  });
});

describe('an allocation failed', () => {
  it('counts as refused', () => {
    const memory = given(netvsc, requested(1, 1, 1));
    expect(memory.when(refused(1, 1))).toEqual({ failedRequests: 1 });
    expect(memory.view.isRefused(allocationId(1))).toBe(true);
  });

  it('may be one that had pages, once they are taken back within its own request', () => {
    const memory = given(
      netvsc,
      claimed(100, 2),
      decrypted(100, 2),
      requested(1, 2, 1),
      allocated(1, 100, 1),
    );
    memory.refuses(refused(1, 2), 'or holds pages');
    memory.when(freed(1, 100, 1, 1));
    expect(memory.when(refused(1, 2))).toEqual({
      failedRequests: 1,
      liveAllocations: -1,
      liveBytes: -2 * 4096,
    });
  });

  it('is refused for one that failed before or was never requested', () => {
    given(netvsc, requested(1, 1, 1), refused(1, 1)).refuses(refused(1, 1), 'was not requested');
    given().refuses(refused(1, 1), 'was never requested');
  });
});

describe('borders', () => {
  const borders = (...events: Told[]) => given(...events).columns.publishCounters().borders;

  it('one for each run of shared pages behind a private page', () => {
    expect(borders(claimed(100, 16), decrypted(101, 1), decrypted(103, 1), decrypted(105, 2))).toBe(3);
  });

  it('go when the gap between two runs is filled, and come back when it opens', () => {
    const memory = given(claimed(100, 16), decrypted(101, 1), decrypted(103, 1));
    expect(memory.when(decrypted(102, 1)).borders).toBe(-1);
    expect(memory.when(encrypted(102, 1)).borders).toBe(1);
  });

  it('none before the very first page of memory, and none from a hole', () => {
    expect(borders(claimed(0, 8), decrypted(0, 8))).toBe(0);
    const afterHole = new Columns({ geometry: x86Geometry(4 * 512), platform: platformNamed('snp') }, [
      [1024, 1024, 2],
    ]);
    afterHole.fold(batchOf([claimed(1024, 512), decrypted(1024, 512)]));
    expect(afterHole.publishCounters().borders).toBe(0);
  });

  it('are counted over block ends, and at the end of memory', () => {
    expect(borders(claimed(512, 1024), decrypted(1024, 512))).toBe(1);
    const last = new Columns({ geometry: x86Geometry(1024), platform: platformNamed('snp') }, [[0, 1024, 1]]);
    last.fold(batchOf([claimed(1023, 1), decrypted(1023, 1)]));
    expect(last.publishCounters().borders).toBe(1);
  });

  it('do not lie between shared and unknown pages', () => {
    expect(borders(claimed(100, 4), decrypted(100, 4), failed(101, 2, 'encrypt'))).toBe(1);
  });
});

describe('on a platform whose direct map is not split', () => {
  it('cca maps everything by pages from boot', () => {
    const { columns } = givenOn('cca');
    expect(columns.publishCounters()).toMatchObject({
      mapped4KPages: 2 * GIB,
      mapped2MPages: 0,
      mapped1GPages: 0,
    });
    givenOn('cca', claimed(700, 1)).when(decrypted(700, 1));
    givenOn('cca').refuses(split(512, 2), "platform 'cca' splits no large page");
  });

  it('pkvm leaves the mapping as it is, and the range is mixed all the same', () => {
    const { columns } = givenOn('pkvm', claimed(700, 1), decrypted(700, 1));
    expect(columns.publishCounters()).toMatchObject({
      splits2M: 0,
      mixedBlocks: 1,
      hostCalls: 1,
      fullFlushes: 0,
    });
    expect(columns.view().levelAt(pfn(700))).toBe(2);
    givenOn('pkvm').refuses(split(512, 2), "platform 'pkvm' splits no large page");
  });

  it('hyperv-vtom splits as other x86, and walks the entries three times', () => {
    givenOn('hyperv-vtom', claimed(700, 1)).refuses(decrypted(700, 1), 'was not split before');
    const { columns } = givenOn('hyperv-vtom', claimed(700, 1), split(512, 2), decrypted(700, 1));
    expect(columns.publishCounters()).toMatchObject({ pageTablePasses: 3, hostCalls: 1, rangedFlushes: 1 });
  });
});

describe('time', () => {
  it('never goes back', () => {
    const memory = given({ ...netvsc, time: 10 });
    memory.refuses({ ...claimed(1, 1), time: 9 }, 'time goes back from 10 ns to 9 ns');
    expect(memory.when({ ...claimed(1, 1), time: 10 })).toEqual({ claimedPages: 1 });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 10.5, 2 ** 53])('is whole ns, and not %d', (time) => {
    const memory = given();
    const rows = new EventRows(1);
    rows.append(TYPE.pagesClaimed, time, 0, 0, 1, 1, 0);
    expect(() => memory.columns.fold(rows.seal(0))).toThrow(InvariantError);
  });
});
