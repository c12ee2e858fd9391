import { describe, expect, it } from 'vitest';
import { splitAtBoundaries } from '../../direct-map.ts';
import { InvariantError } from '../../errors.ts';
import { EventRows } from '../../events/batch.ts';
import { TYPE } from '../../events/schema.ts';
import { checkGeometry, x86Geometry } from '../../geometry.ts';
import type { MappingRun } from '../../memory-state.ts';
import type { Direction, GranulePages, Platform } from '../../platform.ts';
import { PLATFORM_NAMES, type PlatformName, platformNamed } from '../../platforms/all.ts';
import { ANY_NODE, GFP, GFP_KERNEL } from '../../requests.ts';
import { batchOf, Given, type Told } from '../../testing.ts';
import { allocationId, blockIndex, pfn } from '../../units.ts';
import { Columns } from '../columns.ts';
import type { Counters } from '../counters.ts';

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
const memoryOn = (platform: Platform, events: readonly Told[]) =>
  new Given({ geometry: x86Geometry(4 * GIB), platform }, MAP, events);

const given = (...events: Told[]) => memoryOn(platformNamed('snp'), events);
const givenOn = (platform: PlatformName, ...events: Told[]) => memoryOn(platformNamed(platform), events);
const givenRestoring = (...events: Told[]) => memoryOn({ ...platformNamed('snp'), restore: true }, events);
const givenGranules = (granulePages: GranulePages, ...events: Told[]) =>
  memoryOn({ ...platformNamed('snp'), granulePages }, events);

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
    given(netvsc, claimed(100, 8), failed(103, 1, 'decrypt'), leaked(103, 1)).refuses(
      returned(103, 1),
      'page 103',
    );
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

  it('is refused where the block began with 4K entries: they may have holes, and no page table is freed', () => {
    const why = 'the block at page 0 began with 4K entries';
    givenRestoring().refuses(restored(0), why);
    givenRestoring(claimed(0, 512), decrypted(0, 512), encrypted(0, 512)).refuses(restored(0), why);
  });

  it('can be split and restored again, and only its own block is', () => {
    const memory = givenRestoring(split(GIB, 3), split(GIB, 2), split(GIB + 512, 2));
    const wasSplit = () =>
      [GIB, GIB + 512, GIB + 1024].map((at) => memory.view.wasSplit(blockIndex(at / 512)));
    expect(wasSplit()).toEqual([true, true, false]);
    memory.when(restored(GIB));
    expect(wasSplit()).toEqual([false, true, false]);
    memory.refuses(restored(GIB), `page ${GIB} is not mapped at level 1`);
    memory.when(split(GIB, 2));
    expect(wasSplit()).toEqual([true, true, false]);
    expect(memory.when(restored(GIB))).toMatchObject({ pageTablePages: -1 });
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
      mappingChanges: 2,
      zeroedPages: 2,
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
      mappingChanges: 1,
      zeroedPages: 512,
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
      // 24 entries of 4K, two of 2M.
      mappingChanges: 26,
      zeroedPages: 1048,
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
      mappingChanges: 2,
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
    given(netvsc, claimed(100, 4), failed(100, 2, 'decrypt'), leaked(101, 1)).refuses(
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
  const attempt = { failedConversions: 1, hostCalls: 1, pageTablePasses: 1, rangedFlushes: 2 };

  it('leaves its pages unknown: neither shared nor private, but mixed and a border all the same', () => {
    expect(given(claimed(100, 4)).when(failed(100, 4, 'decrypt'))).toEqual({
      ...attempt,
      unknownPages: 4,
      sharedBlocks: 1,
      touchedBlocks: 1,
      mixedBlocks: 1,
      borders: 1,
    });
    expect(given(claimed(100, 4), decrypted(100, 4)).when(failed(100, 2, 'encrypt'))).toEqual({
      ...attempt,
      sharedPages: -2,
      unknownPages: 2,
    });
  });

  it.each(PLATFORM_NAMES.filter((name) => name !== 'none'))(
    'costs on %s the calls, passes and flushes of one that worked, and changes nothing else',
    (platform) => {
      const costs = ({ hostCalls, pageTablePasses, fullFlushes, rangedFlushes }: Partial<Counters>) => {
        return { hostCalls, pageTablePasses, fullFlushes, rangedFlushes };
      };
      for (const pages of [1, 33, 34, 512]) {
        const before = [claimed(0, 512)];
        const shared = [...before, decrypted(0, pages)];
        const failures = [
          givenOn(platform, ...before).when(failed(0, pages, 'decrypt')),
          givenOn(platform, ...shared).when(failed(0, pages, 'encrypt')),
        ];
        const successes = [
          givenOn(platform, ...before).when(decrypted(0, pages)),
          givenOn(platform, ...shared).when(encrypted(0, pages)),
        ];
        expect(failures.map(costs)).toEqual(successes.map(costs));
        for (const failure of failures) {
          expect(failure.failedConversions).toBe(1);
          for (const counter of ['conversions', 'convertedPages', 'mappingChanges', 'zeroedPages']) {
            expect(failure).not.toHaveProperty(counter);
          }
        }
      }
    },
  );

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
    const memory = given(netvsc, claimed(100, 4), failed(100, 4, 'decrypt'));
    expect(memory.when(leaked(100, 2))).toEqual({ leakedPages: 2 });
    expect(memory.view.is('claimed', pfn(100))).toBe(true);
  });

  it('are refused when their state is known, and a second time', () => {
    given(claimed(100, 4), failed(100, 2, 'decrypt')).refuses(
      leaked(100, 4),
      'page 102 is not in an unknown',
    );
    given(netvsc, claimed(100, 4), failed(100, 2, 'decrypt'), leaked(100, 1)).refuses(
      leaked(100, 2),
      'page 100 was leaked',
    );
    given(netvsc).refuses(leaked(100, 1), 'page 100 is not');
  });

  it('are on somebody’s account: an owner that was registered', () => {
    const memory = given(netvsc, claimed(100, 4), failed(100, 4, 'decrypt'));
    memory.refuses({ ...leaked(100, 1), owner: 1 } as Told, 'owner 1 was never registered');
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
      api: 'vmalloc',
      gfp: GFP_KERNEL,
      node: ANY_NODE,
      cpu: 0,
      userMappings: 0,
      isMapped: false,
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
    memory.refuses(freed(1, 100, 1), 'no request frees allocation 1');
  });

  it('is refused when nobody asked, when not the next extent, and when not live', () => {
    live().refuses(freed(1, 104, 2), 'no request frees allocation 1');
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
    expect(columns.publishCounters()).toMatchObject({ pageTablePasses: 3, hostCalls: 1, rangedFlushes: 3 });
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

const areaDecrypted = (at: number, pages: number, offset: number): Told => ({
  type: 'vm-area-decrypted',
  pfn: pfn(at),
  pages,
  offset,
});
const areaEncrypted = (at: number, pages: number, offset: number): Told => ({
  type: 'vm-area-encrypted',
  pfn: pfn(at),
  pages,
  offset,
});

describe('pages decrypted by their vmalloc address', () => {
  const splits = Array.from({ length: 8 }, (_, block) => split(512 + block * 512, 2));

  it.each([
    // 64 entries a call, each a page though the pages are eight aligned 2 MiB runs; flushed before and after.
    ['snp', { hostCalls: 64, fullFlushes: 2, pageTablePasses: 1 }],
    // 510 pages a call.
    ['hyperv-vtom', { hostCalls: 9, fullFlushes: 3, pageTablePasses: 3 }],
  ] as const)('on %s: 4,096 pages are one conversion, and 4,096 entries change', (platform, counts) => {
    const memory = givenOn(platform, claimed(512, 4096), ...splits);
    expect(memory.when(areaDecrypted(512, 4096, 0))).toEqual({
      ...counts,
      sharedPages: 4096,
      conversions: 1,
      convertedPages: 4096,
      mappingChanges: 4096,
      zeroedPages: 4096,
      sharedBlocks: 8,
      touchedBlocks: 8,
      borders: 1,
    });
  });

  it('count the same in however many runs the pages lie', () => {
    const one = givenOn('hyperv-vtom', claimed(512, 4096), ...splits);
    one.when(areaDecrypted(512, 4096, 0));
    const many = givenOn('hyperv-vtom', claimed(512, 4096), ...splits);
    many.when(areaDecrypted(4000, 608, 0), areaDecrypted(512, 1, 608), areaDecrypted(513, 3487, 609));
    const { events: _, ...counters } = one.columns.publishCounters();
    expect(many.columns.publishCounters()).toMatchObject(counters);
  });

  it('end in full flushes, however few they are, and encryption zeroes nothing', () => {
    const memory = given(claimed(100, 2));
    const decryption = memory.when(areaDecrypted(100, 1, 0));
    expect(decryption).toMatchObject({ fullFlushes: 2, zeroedPages: 1 });
    expect(decryption).not.toHaveProperty('rangedFlushes');
    expect(memory.when(areaEncrypted(100, 1, 0))).toEqual({
      sharedPages: -1,
      conversions: 1,
      convertedPages: 1,
      hostCalls: 1,
      pageTablePasses: 1,
      fullFlushes: 2,
      mappingChanges: 1,
      sharedBlocks: -1,
      mixedBlocks: -1,
      borders: -1,
    });
  });

  it('split even a 2M page that they cover', () => {
    const memory = given(claimed(512, 512));
    memory.refuses(areaDecrypted(512, 512, 0), 'page 512 is mapped at level 2: not split before');
    memory.refuses(areaDecrypted(512, 8, 0), 'the 2M page at 512 was not split before');
    memory.when(decrypted(512, 512));
    memory.refuses(areaEncrypted(512, 512, 0), 'page 512 is mapped at level 2: not split before');
    memory.when(split(512, 2), areaEncrypted(512, 512, 0));
  });

  it.each(['tdx', 'cca', 'cca-bbml3', 'pkvm'] as const)('are refused on %s', (platform) => {
    const why = `platform '${platform}' converts nothing by its vmalloc address`;
    const memory = givenOn(platform, claimed(100, 8), decrypted(104, 4));
    memory.refuses(areaDecrypted(100, 4, 0), why);
    memory.refuses(areaEncrypted(104, 4, 0), why);
  });

  it('are refused as any conversion is: outside a confidential VM, not claimed, shared, private', () => {
    givenOn('none', claimed(100, 1)).refuses(areaDecrypted(100, 1, 0), 'a conversion is a no-op');
    const memory = given(claimed(100, 4), decrypted(100, 2));
    memory.refuses(areaDecrypted(103, 2, 0), 'page 104 is not claimed');
    memory.refuses(areaDecrypted(101, 2, 0), 'page 101 is shared');
    memory.refuses(areaEncrypted(101, 2, 0), 'page 102 is already private');
    memory.refuses(areaDecrypted(100, 0, 0), 'are not inside');
  });
});

describe('a failed call on a vmalloc address', () => {
  const areaFailed = (at: number, pages: number, offset: number, direction: Direction = 'decrypt'): Told => ({
    type: 'conversion-failed',
    pfn: pfn(at),
    pages,
    direction,
    offset,
  });
  const splits = Array.from({ length: 8 }, (_, block) => split(512 + block * 512, 2));

  it.each([
    ['snp', { hostCalls: 64, fullFlushes: 2, pageTablePasses: 1 }],
    ['hyperv-vtom', { hostCalls: 9, fullFlushes: 3, pageTablePasses: 3 }],
  ] as const)('on %s is one failure and the costs of one call, in however many runs', (platform, costs) => {
    const one = givenOn(platform, claimed(512, 4096), ...splits);
    expect(one.when(areaFailed(512, 4096, 0))).toEqual({
      ...costs,
      failedConversions: 1,
      unknownPages: 4096,
      sharedBlocks: 8,
      touchedBlocks: 8,
      borders: 1,
    });
    const many = givenOn(platform, claimed(512, 4096), ...splits);
    many.when(areaFailed(4000, 608, 0), areaFailed(512, 1, 608), areaFailed(513, 3487, 609));
    const { events: _, ...counters } = one.columns.publishCounters();
    expect(many.columns.publishCounters()).toMatchObject(counters);
  });

  it('can be retried as a whole', () => {
    const memory = given(claimed(100, 4), areaFailed(100, 1, 0), areaFailed(102, 2, 1));
    expect(memory.when(areaFailed(100, 1, 0, 'encrypt'), areaFailed(102, 2, 1, 'encrypt'))).toEqual({
      failedConversions: 1,
      hostCalls: 1,
      pageTablePasses: 1,
      fullFlushes: 2,
    });
    const retried = memory.when(areaEncrypted(100, 1, 0), areaEncrypted(102, 2, 1));
    expect(retried).toMatchObject({ unknownPages: -3, conversions: 1, convertedPages: 3 });
  });

  it('needs what a successful one needs: a platform that does that, and 4K entries', () => {
    const why = "platform 'tdx' converts nothing by its vmalloc address";
    givenOn('tdx', claimed(100, 8)).refuses(areaFailed(100, 4, 0), why);
    const memory = given(claimed(512, 512));
    memory.refuses(areaFailed(512, 512, 0), 'page 512 is mapped at level 2: not split before');
    memory.refuses(areaFailed(100, 1, 0), 'page 100 is not claimed');
  });
});

describe('a conversion that failed though the host converted', () => {
  it('is to the guest like any that failed', () => {
    const event = failed(100, 4, 'decrypt');
    const plain = given(claimed(100, 4), event);
    const converted = given(claimed(100, 4), { ...event, converted: true } as Told);
    expect(converted.columns.hash()).toBe(plain.columns.hash());
    expect(converted.view.is('unknown', pfn(103))).toBe(true);
  });
});

describe('where the host’s pages are larger', () => {
  it.each([4, 16] as const)(
    'conversions of whole granules of %i pages happen, all others are refused',
    (size) => {
      const why = `the host converts whole granules of ${size} pages`;
      const memory = givenGranules(size, claimed(96, 64));
      memory.refuses(decrypted(98, size), why);
      memory.refuses(decrypted(96, size - 1), why);
      memory.refuses(failed(97, size, 'decrypt'), why);
      memory.refuses(areaDecrypted(96, 1, 0), why);
      expect(memory.when(decrypted(96, size))).toMatchObject({ sharedPages: size });
      memory.refuses(encrypted(96, 1), why);
      memory.refuses(areaEncrypted(97, size, 0), why);
      memory.refuses(failed(96, 2, 'encrypt'), why);
      expect(memory.when(areaEncrypted(96, size, 0))).toMatchObject({ sharedPages: -size });
    },
  );

  it('a policy may claim and return single pages all the same', () => {
    expect(givenGranules(16).when(claimed(97, 1), returned(97, 1))).toEqual({});
  });
});

describe('an allocation requested with more than a size', () => {
  it('has its flags and its node', () => {
    const memory = given(netvsc, {
      ...requested(1, 1, 1),
      gfp: 'GFP_ATOMIC|__GFP_DMA32',
      node: 0,
      align: 64,
    } as Told);
    expect(memory.view.allocation(allocationId(1))).toMatchObject({
      gfp: GFP.GFP_ATOMIC | GFP.__GFP_DMA32,
      node: 0,
    });
  });
});

const backgroundAllocated = (at: number, pages: number): Told => ({
  type: 'background-allocated',
  pfn: pfn(at),
  pages,
  migratetype: 'Movable',
});
const backgroundFreed = (at: number, pages: number): Told => ({
  type: 'background-freed',
  pfn: pfn(at),
  pages,
});

describe('pages that others take', () => {
  it('are counted until they give them back', () => {
    const memory = given();
    expect(memory.when(backgroundAllocated(1024, 8))).toEqual({ backgroundPages: 8 });
    expect(memory.when(backgroundFreed(1028, 4))).toEqual({ backgroundPages: -4 });
    memory.refuses(backgroundFreed(1024, 8), 'others hold 4 pages only');
  });

  it('are refused when the policy has them, outside memory, and in a hole', () => {
    const memory = given(claimed(104, 1), backgroundAllocated(512, 8));
    memory.refuses(backgroundAllocated(100, 8), 'page 104 is already claimed');
    memory.refuses(backgroundFreed(104, 1), 'page 104 is already claimed');
    memory.refuses(backgroundAllocated(4 * GIB, 1), 'are not inside');
    memory.refuses(backgroundAllocated(100, 0), 'are not inside');
    memory.refuses(backgroundAllocated(3 * GIB, 1), 'page 786432 is in a hole');
  });
});

describe('what the page allocator and the worker do beside', () => {
  it('a reserve refilled is counted', () => {
    expect(given().when({ type: 'reserve-refilled', pages: 64 })).toEqual({ refills: 1 });
  });

  it('a block compacted is counted, and the pages moved for it', () => {
    const compacted = (at: number, pages: number): Told => ({ type: 'block-compacted', pfn: pfn(at), pages });
    expect(given().when(compacted(512, 37))).toEqual({ compactions: 1, movedPages: 37 });
    given().refuses(compacted(4 * GIB - 1, 2), 'are not inside');
    given().refuses(compacted(512, 0), 'are not inside');
  });
});

const SIZES = new Map([
  [GIB, '1G'],
  [16 * 512, '32M'],
  [512, '2M'],
  [16, '64K'],
]);

/** Makes the splits that a conversion needs, and gives them as `size at page`. */
function splitFor(memory: Given, start: number, pages: number): string[] {
  const splits: string[] = [];
  splitAtBoundaries(
    memory.view.geometry,
    {
      entryPagesAt: (page) => memory.view.entryPagesAt(page),
      splitEntry: (base, size) => {
        splits.push(`${SIZES.get(size)} at ${base}`);
        const isContiguous = size === 16 * 512 || size === 16;
        const large: Told = split(base, size === GIB ? 3 : 2);
        memory.when(isContiguous ? contiguousSplit(base, size === 16 ? 1 : 2) : large);
      },
    },
    pfn(start),
    pages,
  );
  return splits;
}

const contiguousSplit = (at: number, level: 1 | 2): Told => ({
  type: 'contiguous-split',
  pfn: pfn(at),
  level,
});

describe('on cca-bbml3', () => {
  const bbml3 = (...events: Told[]) => givenOn('cca-bbml3', ...events);
  const M32 = 16 * 512;

  it('one page in a 1G page: 32M, 2M, 64K, 4K, step by step', () => {
    const [m32, m2, k64] = [GIB + 3 * M32, GIB + 3 * M32 + 5 * 512, GIB + 3 * M32 + 5 * 512 + 7 * 16];
    const page = k64 + 3;
    const memory = bbml3(claimed(page, 1));
    const notSplit = (pages: number, base: number) =>
      memory.refuses(decrypted(page, 1), `the entry for the ${pages} pages at ${base} was not split before`);
    notSplit(GIB, GIB);
    expect(memory.when(split(GIB, 3))).toEqual({
      mapped2MPages: GIB,
      mapped1GPages: -GIB,
      splits1G: 1,
      pageTablePages: 1,
    });
    notSplit(M32, m32);
    expect(memory.when(contiguousSplit(m32, 2))).toEqual({ splits32M: 1 });
    notSplit(512, m2);
    expect(memory.when(split(m2, 2))).toEqual({
      mapped4KPages: 512,
      mapped2MPages: -512,
      splits2M: 1,
      pageTablePages: 1,
    });
    notSplit(16, k64);
    expect(memory.when(contiguousSplit(k64, 1))).toEqual({ splits64K: 1 });
    expect(memory.when(decrypted(page, 1))).toMatchObject({
      hostCalls: 1,
      pageTablePasses: 2,
      mappingChanges: 1,
      rangedFlushes: 1,
    });
    expect([page, k64 - 1, m2 - 1, m32 - 1].map((at) => memory.view.entryPagesAt(pfn(at)))).toEqual([
      1,
      16,
      512,
      M32,
    ]);
  });

  it('a split in a log of an older version was followed by a flush', () => {
    const { flushesSplits: _, ...older } = platformNamed('cca-bbml3');
    const memory = memoryOn(older, []);
    expect(memory.when(split(GIB, 3))).toMatchObject({ splits1G: 1, fullFlushes: 1 });
    expect(memory.when(contiguousSplit(GIB, 2))).toMatchObject({ splits32M: 1, rangedFlushes: 1 });
  });

  it.each([
    ['2 MiB', GIB + 512, 512, [`1G at ${GIB}`, `32M at ${GIB}`]],
    ['2 MiB at the start of a 32M', GIB + M32, 512, [`1G at ${GIB}`, `32M at ${GIB + M32}`]],
    [
      '4 MiB over the end of a 32M',
      GIB + M32 - 512,
      1024,
      [`1G at ${GIB}`, `32M at ${GIB}`, `32M at ${GIB + M32}`],
    ],
    ['32 MiB', GIB + M32, M32, [`1G at ${GIB}`]],
    ['1 GiB', GIB, GIB, []],
    ['64 KiB', GIB + 16, 16, [`1G at ${GIB}`, `32M at ${GIB}`, `2M at ${GIB}`]],
  ])(
    'an aligned %s in a 1G page splits no entry that it covers, and no smaller one',
    (_, at, pages, splits) => {
      const memory = bbml3(claimed(at, pages));
      expect(splitFor(memory, at, pages)).toEqual(splits);
      expect(memory.when(decrypted(at, pages))).toMatchObject({ sharedPages: pages, conversions: 1 });
    },
  );

  it('a long range is split at its two ends, and nothing between them', () => {
    const [start, pages] = [GIB + M32 + 5, 4 * M32];
    const memory = bbml3(claimed(start, pages));
    const end = start + pages - 5;
    expect(splitFor(memory, start, pages)).toEqual([
      `1G at ${GIB}`,
      ...['32M', '2M', '64K'].map((size) => `${size} at ${GIB + M32}`),
      ...['32M', '2M', '64K'].map((size) => `${size} at ${end}`),
    ]);
    memory.when(decrypted(start, pages));
    expect(memory.view.entryPagesAt(pfn(GIB + 3 * M32))).toBe(M32);
    expect(memory.view.entryPagesAt(pfn(GIB + M32 + 16))).toBe(16);
  });

  it('a range that is private again in the middle of a shared one splits at its ends', () => {
    const memory = bbml3(claimed(GIB, GIB), decrypted(GIB, GIB));
    memory.refuses(encrypted(GIB + 1024, 512), `the entry for the ${GIB} pages at ${GIB}`);
    expect(splitFor(memory, GIB + 1024, 512)).toEqual([`1G at ${GIB}`, `32M at ${GIB}`]);
    expect(memory.when(encrypted(GIB + 1024, 512))).toMatchObject({ sharedPages: -512, mappingChanges: 1 });
    expect(splitFor(memory, GIB + 1024, 512)).toEqual([]);
    expect(memory.when(decrypted(GIB + 1024, 512))).toMatchObject({ sharedPages: 512 });
  });

  it('a range over what is shared in part needs its ends split, whatever it changes', () => {
    const memory = bbml3(claimed(GIB, M32));
    splitFor(memory, GIB + 512, 512);
    memory.when(decrypted(GIB + 512, 512), encrypted(GIB + 512, 512));
    memory.refuses(failed(GIB + 512 + 16, 16, 'decrypt'), `the entry for the 512 pages at ${GIB + 512}`);
    expect(splitFor(memory, GIB + 512 + 16, 16)).toEqual([`2M at ${GIB + 512}`]);
    memory.when(failed(GIB + 512 + 16, 16, 'decrypt'));
  });

  it('an entry changed counts as one, 16 of them in a contiguous run', () => {
    const memory = bbml3(claimed(GIB, M32));
    splitFor(memory, GIB, M32);
    expect(memory.when(decrypted(GIB, M32))).toMatchObject({ mappingChanges: 16, rangedFlushes: 1 });
  });

  it('at the start whole aligned 32M are contiguous, and 4K entries never are', () => {
    const { view } = bbml3();
    const entries = [0, 512, M32 - 512, M32, GIB - 1, GIB].map((at) => view.entryPagesAt(pfn(at)));
    expect(entries).toEqual([1, 512, 512, M32, M32, GIB]);
  });

  it('refuses the split of what is not there', () => {
    const no32M = (at: number) => `no contiguous 32M begins at page ${at}`;
    bbml3().refuses(contiguousSplit(512, 2), no32M(512));
    bbml3().refuses(contiguousSplit(0, 2), no32M(0));
    bbml3().refuses(contiguousSplit(M32 + 512, 2), no32M(M32 + 512));
    bbml3().refuses(contiguousSplit(GIB, 2), no32M(GIB));
    bbml3().refuses(contiguousSplit(4 * GIB, 2), no32M(4 * GIB));
    bbml3(contiguousSplit(M32, 2)).refuses(contiguousSplit(M32, 2), no32M(M32));
    bbml3().refuses(contiguousSplit(0, 1), 'no contiguous 64K begins at page 0');
    bbml3(split(512, 2), contiguousSplit(512, 1)).refuses(
      contiguousSplit(512, 1),
      'no contiguous 64K begins at page 512',
    );
    bbml3(split(512, 2)).refuses(contiguousSplit(520, 1), 'no contiguous 64K begins at page 520');
    bbml3().refuses(split(M32, 2), `the 2M page at ${M32} is part of a contiguous 32M`);
  });

  it.each(['snp', 'cca', 'pkvm', 'none'] as const)('%s has nothing of it', (platform) => {
    givenOn(platform).refuses(contiguousSplit(M32, 2), `platform '${platform}' has no contiguous entries`);
  });

  it('what is restored is one 2M entry, and is split as any other later', () => {
    const memory = memoryOn({ ...platformNamed('cca-bbml3'), restore: true }, [
      split(512, 2),
      contiguousSplit(512, 1),
      restored(512),
    ]);
    expect(memory.view.entryPagesAt(pfn(512))).toBe(512);
    memory.when(split(512, 2));
    expect(memory.view.entryPagesAt(pfn(512))).toBe(16);
  });

  it('what is restored has no memory of where it was split', () => {
    const restoring = { ...platformNamed('cca-bbml3'), restore: true };
    const hashAfter = (first: readonly Told[], second: readonly Told[]) =>
      memoryOn(restoring, [
        split(512, 2),
        ...first,
        restored(512),
        split(1024, 2),
        ...second,
        restored(1024),
      ]).columns.hash();
    expect(hashAfter([contiguousSplit(512, 1)], [])).toBe(hashAfter([], [contiguousSplit(1024, 1)]));
  });

  it('regions too small to hold two contiguous runs of 2M have none', () => {
    const geometry = checkGeometry({ pageShift: 12, pagesPerBlock: 32, blocksPerRegion: 2, spanPages: 64 });
    const platform = platformNamed('cca-bbml3');
    const memory = new Given({ geometry, platform }, [[0, 64, 3]], [split(0, 3)]);
    expect(memory.view.entryPagesAt(pfn(0))).toBe(32);
    memory.refuses(contiguousSplit(0, 2), 'no contiguous 32M begins at page 0');
  });
});
