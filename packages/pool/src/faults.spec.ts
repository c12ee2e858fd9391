import type { Faults } from '@decpool/model';
import {
  type BlockIndex,
  InputError,
  type Pfn,
  type PlatformName,
  type PoolEvent,
  pfn,
  platformNamed,
} from '@decpool/model';
import { describe, expect, it } from 'vitest';
import type { PolicyFactory } from './policy.ts';
import { eventsOf, lastRefusal, SOME_POLICIES, type Watched, watched } from './testing.ts';

const owner = 'eth0';
const NO_FAULTS: Faults = { seed: 1, decrypt: 0, encrypt: 0, converted: 0, retries: 0 };
const withFaults = (policy: string, faults: Partial<Faults>): Watched =>
  watched(policy, { faults: { ...NO_FAULTS, ...faults } });

/** Types and pages of what a request or a free did to pages. */
const deeds = (events: readonly PoolEvent[]) =>
  events.flatMap((event) => ('pfn' in event && 'pages' in event ? [`${event.type} ${event.pages}`] : []));

const isLost = ({ pool }: Watched, page: Pfn) =>
  pool.view.is('unknown', page) && pool.view.is('leaked', page);

describe('a decryption that fails', () => {
  it('leaves pages that nobody knows the state of: leaked, with their owner, and never freed', () => {
    const run = withFaults('first-fit+page+immediate', { decrypt: 1 });
    expect(run.pool.alloc_pages(2, { owner }).ok).toBe(false);
    expect(lastRefusal(run.events)).toBe('conversion-failed');
    // On other pages it is tried a second time.
    expect(deeds(run.events)).toEqual([
      'pages-claimed 512',
      'page-table-allocated 1',
      'conversion-failed 4',
      'pages-leaked 4',
      'conversion-failed 4',
      'pages-leaked 4',
    ]);
    const leaks = eventsOf(run.events, 'pages-leaked');
    expect(leaks.map((leak) => run.pool.view.owners[leak.owner])).toEqual([owner, owner]);
    for (const { pfn } of leaks) expect(isLost(run, pfn)).toBe(true);
    expect(run.pool.counters).toMatchObject({
      leakedPages: 8,
      unknownPages: 8,
      failedConversions: 2,
      conversions: 0,
      failedRequests: 1,
      livePages: 0,
    });
  });

  it('is overcome on other pages, when it works there', () => {
    const runs = Array.from({ length: 20 }, (_, seed) =>
      withFaults('first-fit+page+immediate', { seed, decrypt: 0.5 }),
    );
    const outcomes = runs.map((run) => {
      const result = run.pool.alloc_pages(0, { owner });
      const [leak] = eventsOf(run.events, 'pages-leaked');
      if (result.ok && leak !== undefined) expect(result.extents[0].pfn).toBe(leak.pfn + 1);
      return `${result.ok ? 'served' : 'refused'} after ${eventsOf(run.events, 'conversion-failed').length}`;
    });
    expect(new Set(outcomes)).toEqual(new Set(['served after 0', 'served after 1', 'refused after 2']));
  });

  it('of a whole block costs the whole block, 512 pages', () => {
    const run = withFaults('first-fit+block+immediate', { decrypt: 1 });
    expect(run.pool.alloc_pages(0, { owner }).ok).toBe(false);
    expect(lastRefusal(run.events)).toBe('conversion-failed');
    expect(deeds(run.events)).toEqual([
      'pages-claimed 512',
      'conversion-failed 512',
      'pages-leaked 512',
      'pages-claimed 512',
      'conversion-failed 512',
      'pages-leaked 512',
    ]);
    expect(run.pool.counters).toMatchObject({ leakedPages: 1024, claimedPages: 1024, sharedPages: 0 });
  });

  it('for vmalloc gives up all that the request had got', () => {
    const run = withFaults('first-fit+page+immediate', { decrypt: 1 });
    expect(run.pool.vmalloc(700, { owner }).ok).toBe(false);
    expect(run.pool.counters).toMatchObject({ livePages: 0, liveAllocations: 0, vmAreaPages: 0 });
    expect(run.pool.counters.leakedPages).toBeGreaterThan(0);
  });

  it('tells whether the host converted all the same, which changes nothing for the guest', () => {
    for (const [converted, told] of [
      [0, undefined],
      [1, true],
    ] as const) {
      const run = withFaults('first-fit+page+immediate', { decrypt: 1, converted });
      run.pool.alloc_pages(0, { owner });
      const failures = eventsOf(run.events, 'conversion-failed');
      expect(failures.map((failure) => failure.converted)).toEqual([told, told]);
      expect(run.pool.counters.leakedPages).toBe(2);
    }
  });
});

describe('an encryption that fails', () => {
  it('leaks the pages, and their block never goes back', () => {
    for (const [policy, pages] of [
      ['first-fit+page+immediate', 1],
      ['first-fit+block+immediate', 512],
    ] as const) {
      const run = withFaults(policy, { encrypt: 1 });
      const { pool, events } = run;
      const { allocation } = pool.alloc_pages(0, { owner });
      const page = pool.view.extentPfn(allocation);
      pool.free(allocation);
      expect(eventsOf(events, 'pages-leaked')).toMatchObject([{ pages }]);
      expect(isLost(run, page)).toBe(true);
      const again = pool.alloc_pages(0, { owner });
      expect(again.ok && again.extents[0].pfn).not.toBe(page);
      pool.free(again.allocation);
      expect(eventsOf(events, 'pages-returned')).toEqual([]);
      expect(pool.view.pagesOf('claimed', Math.floor(page / 512) as BlockIndex)).toBe(512);
    }
  });

  it('keeps the block also when the last of its other pages becomes private', () => {
    const outcomes = Array.from({ length: 20 }, (_, seed) => {
      const { pool, events } = withFaults('first-fit+page+immediate', { seed, encrypt: 0.5 });
      const both = [pool.alloc_pages(0, { owner }), pool.alloc_pages(0, { owner })];
      for (const { allocation } of both) pool.free(allocation);
      const { leakedPages, claimedPages, sharedPages } = pool.counters;
      expect(sharedPages).toBe(0);
      expect(claimedPages).toBe(leakedPages === 0 ? 0 : 512);
      expect(eventsOf(events, 'pages-returned')).toHaveLength(leakedPages === 0 ? 1 : 0);
      return leakedPages;
    });
    expect(new Set(outcomes)).toEqual(new Set([0, 1, 2]));
  });
});

describe('a retry', () => {
  it('makes the pages private again when it works, and then nothing is lost', () => {
    for (const retries of [1, 2]) {
      const run = withFaults('first-fit+page+immediate', { decrypt: 1, retries });
      expect(run.pool.alloc_pages(0, { owner }).ok).toBe(false);
      expect(deeds(run.events)).toEqual([
        'pages-claimed 512',
        'page-table-allocated 1',
        'conversion-failed 1',
        'pages-encrypted 1',
        'conversion-failed 1',
        'pages-encrypted 1',
      ]);
      expect(run.pool.counters).toMatchObject({ leakedPages: 0, unknownPages: 0, sharedPages: 0 });
    }
  });

  it('of a whole block gives it back', () => {
    const run = withFaults('first-fit+block+immediate', { decrypt: 1, retries: 1 });
    expect(run.pool.alloc_pages(0, { owner }).ok).toBe(false);
    expect(eventsOf(run.events, 'pages-returned')).toMatchObject([{ pages: 512 }, { pages: 512 }]);
    expect(run.pool.counters).toMatchObject({ claimedPages: 0, leakedPages: 0 });
  });

  it.each([0, 1, 2])('is made %d times at the most before the pages are leaked', (retries) => {
    const run = withFaults('first-fit+page+immediate', { encrypt: 1, retries });
    run.pool.free(run.pool.alloc_pages(0, { owner }).allocation);
    const failures = eventsOf(run.events, 'conversion-failed');
    expect(failures.map(({ direction }) => direction)).toEqual(Array(1 + retries).fill('encrypt'));
    expect(eventsOf(run.events, 'pages-leaked')).toMatchObject([{ pages: 1 }]);
  });

  it('that works lets a free go on as if nothing had happened', () => {
    const outcomes = Array.from({ length: 20 }, (_, seed) => {
      const { pool, events } = withFaults('first-fit+page+immediate', { seed, encrypt: 0.5, retries: 1 });
      pool.free(pool.alloc_pages(0, { owner }).allocation);
      const failures = eventsOf(events, 'conversion-failed').length;
      expect(pool.counters.claimedPages).toBe(failures === 2 ? 512 : 0);
      return failures;
    });
    expect(new Set(outcomes)).toEqual(new Set([0, 1, 2]));
  });
});

describe('a call on a vmalloc address that fails', () => {
  /** Serves every request with an area of two runs, of 1 and of 3 pages, of a 2 MiB chunk of its own. */
  const inAreas: PolicyFactory = () => ({
    name: 'in areas',
    allocate: (_request, view, record) => {
      const chunk = record.claim(9);
      if (chunk === -1) throw new Error('no chunk');
      const runs = [
        { pfn: pfn(chunk + 8), pages: 1 },
        { pfn: pfn(chunk + 2), pages: 3 },
      ];
      const outcome = record.decryptArea(runs);
      if (outcome === 'converted') for (const run of runs) record.allocate(run.pfn, run.pages);
      else record.fail('conversion-failed');
      if (outcome === 'private') record.giveBack(chunk, view.geometry.pagesPerBlock);
    },
    free: ({ allocation }, view, record) => {
      const { extents } = view.allocation(allocation);
      for (const extent of extents) record.free(extent.pfn, extent.pages);
      if (record.encryptArea(extents) === 'leaked') return;
      const chunk = extents[0].pfn - (extents[0].pfn % view.geometry.pagesPerBlock);
      record.giveBack(pfn(chunk), view.geometry.pagesPerBlock);
    },
  });
  const withAreas = (faults: Partial<Faults>, platform: PlatformName = 'hyperv-vtom', restore = false) =>
    watched(inAreas, {
      platform: { ...platformNamed(platform), restore },
      faults: { ...NO_FAULTS, ...faults },
    });
  const AREA = ['conversion-failed', 'vm-area-decrypted', 'vm-area-encrypted', 'pages-leaked'];
  /** What happened to the area, each call's rows with their pages and their offsets. */
  const areaDeeds = (events: readonly PoolEvent[]) =>
    events.flatMap((event) => {
      if (!AREA.includes(event.type) || !('pages' in event)) return [];
      const offset = 'offset' in event ? ` +${event.offset}` : '';
      return [`${'direction' in event ? event.direction : event.type} ${event.pages}${offset}`];
    });

  it.each(['snp', 'hyperv-vtom'] as const)(
    'on %s is told run by run and counted once, with the costs of one that works',
    (platform) => {
      const [failing, working] = [{ decrypt: 1 }, {}].map((faults) => withAreas(faults, platform));
      for (const { pool } of [failing, working]) pool.vmalloc(4, { owner });
      expect(areaDeeds(failing.events)).toEqual([
        'decrypt 1 +0',
        'decrypt 3 +1',
        'pages-leaked 1',
        'pages-leaked 3',
      ]);
      const { hostCalls, pageTablePasses, fullFlushes, rangedFlushes } = working.pool.counters;
      expect(hostCalls).toBeGreaterThan(0);
      expect(failing.pool.counters).toMatchObject({
        ...{ hostCalls, pageTablePasses, fullFlushes, rangedFlushes },
        failedConversions: 1,
        conversions: 0,
        leakedPages: 4,
      });
    },
  );

  it('is retried with one call on the whole area, and when that works all of it is private', () => {
    const { pool, events } = withAreas({ decrypt: 1, retries: 2 });
    expect(pool.vmalloc(4, { owner }).ok).toBe(false);
    expect(areaDeeds(events)).toEqual([
      'decrypt 1 +0',
      'decrypt 3 +1',
      'vm-area-encrypted 1 +0',
      'vm-area-encrypted 3 +1',
    ]);
    expect(pool.counters).toMatchObject({
      ...{ failedConversions: 1, conversions: 1, convertedPages: 4 },
      ...{ leakedPages: 0, unknownPages: 0, claimedPages: 0 },
    });
  });

  it.each([0, 1, 2])('is retried %d times at the most before each of its runs is leaked', (retries) => {
    const { pool, events } = withAreas({ encrypt: 1, retries });
    pool.free(pool.vmalloc(4, { owner }).allocation);
    expect(areaDeeds(events)).toEqual([
      ...['vm-area-decrypted 1 +0', 'vm-area-decrypted 3 +1'],
      ...Array.from({ length: 1 + retries }, () => ['encrypt 1 +0', 'encrypt 3 +1']).flat(),
      ...['pages-leaked 1', 'pages-leaked 3'],
    ]);
    expect(pool.counters).toMatchObject({ failedConversions: 1 + retries, leakedPages: 4 });
    expect(pool.counters.claimedPages).toBe(512);
  });

  it('restores the large page, where the platform does that, once a retry has worked', () => {
    const { pool, events } = withAreas({ decrypt: 1, retries: 1 }, 'hyperv-vtom', true);
    pool.vmalloc(4, { owner });
    expect(eventsOf(events, 'large-page-split')).toHaveLength(1);
    expect(eventsOf(events, 'large-page-restored')).toHaveLength(1);
    expect(pool.counters.pageTablePages).toBe(0);
  });

  it('may have been done by the host all the same, all of it', () => {
    const { pool, events } = withAreas({ decrypt: 1, converted: 1 });
    pool.vmalloc(4, { owner });
    expect(eventsOf(events, 'conversion-failed').map(({ converted }) => converted)).toEqual([true, true]);
  });
});

describe('large pages', () => {
  it('are restored only where one was split: a block that began with 4K entries keeps them', () => {
    const { memory } = watched('gfp-decrypted').pool.header;
    const platform = { ...platformNamed('snp'), restore: true };
    const small = { ...memory, directMap: memory.directMap.map(([at, pages]) => [at, pages, 1] as const) };
    for (const [directMap, splits] of [
      [memory, 1],
      [small, 0],
    ] as const) {
      const { pool, events } = watched('first-fit+page+immediate', { platform, memory: directMap });
      pool.free(pool.alloc_pages(0, { owner }).allocation);
      expect(eventsOf(events, 'large-page-split')).toHaveLength(splits);
      expect(eventsOf(events, 'large-page-restored')).toHaveLength(splits);
      expect(pool.counters.pageTablePages).toBe(0);
    }
  });
});

describe('a conversion that fails', () => {
  it('at boot or in the worker leaks pages that are the worker’s', () => {
    for (const policy of [
      'first-fit+block+reserve:64:700+immediate',
      'first-fit+page+reserve:64:700+immediate',
    ]) {
      const run = withFaults(policy, { decrypt: 1 });
      expect(run.pool.alloc_pages(0, { owner, at: 5 }).ok).toBe(false);
      const [leak] = eventsOf(run.events, 'pages-leaked');
      expect(leak).toMatchObject({ time: 0, request: 0 });
      expect(run.pool.view.owners[leak.owner]).toBe('kworker');
    }
  });

  it('puts back a large page where the platform does that, once a retry has worked', () => {
    const platform = { ...watched('gfp-decrypted').pool.view.platform, restore: true };
    const faults = { ...NO_FAULTS, decrypt: 1, retries: 1 };
    const { pool, events } = watched('first-fit+page+immediate', { platform, faults });
    pool.alloc_pages(0, { owner });
    expect(eventsOf(events, 'large-page-split')).toHaveLength(2);
    expect(eventsOf(events, 'large-page-restored')).toHaveLength(2);
  });

  it.each(SOME_POLICIES)('never has %s hand out a page of unknown state', (policy) => {
    const { pool, events } = watched(policy, {
      faults: { ...NO_FAULTS, decrypt: 0.2, encrypt: 0.2, retries: 1, seed: 7 },
      swiotlb: { bytes: 2 ** 21, dynamic: true },
    });
    for (let round = 0; round < 300; round++) {
      const result = pool.vmalloc(1 + (round % 9), { owner, at: round });
      if (result.ok && round % 4 !== 0) pool.free(result.allocation, round);
    }
    const lost = new Set<number>();
    const pagesOf = ({ pfn, pages }: { pfn: number; pages: number }) =>
      Array.from({ length: pages }, (_, page) => pfn + page);
    for (const event of events) {
      if (event.type === 'pages-leaked') for (const page of pagesOf(event)) lost.add(page);
      if (event.type === 'pages-allocated' || event.type === 'pages-returned') {
        expect(pagesOf(event).filter((page) => lost.has(page))).toEqual([]);
      }
    }
    expect(pool.counters.leakedPages).toBe(lost.size);
  });

  it('happens by seeded chance: the same settings, the same faults', () => {
    const hashes = [1, 1, 2].map((seed) => {
      const { pool } = withFaults('first-fit+page+immediate', { seed, decrypt: 0.3, encrypt: 0.3 });
      for (let i = 0; i < 30; i++) {
        const result = pool.alloc_pages(0, { owner });
        if (result.ok) pool.free(result.allocation);
      }
      return pool.hash();
    });
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it('is in the header, so that a log can be run again', () => {
    expect(withFaults('gfp-decrypted', { decrypt: 0.3 }).pool.header.faults).toEqual({
      ...NO_FAULTS,
      decrypt: 0.3,
    });
    expect(watched('gfp-decrypted').pool.header.faults).toBeUndefined();
  });

  it('cannot happen outside a confidential VM, where there are no conversions', () => {
    const faults = { ...NO_FAULTS, decrypt: 1, encrypt: 1 };
    const { pool } = watched('first-fit+page+immediate', { platform: 'none', faults });
    pool.free(pool.alloc_pages(0, { owner }).allocation);
    expect(pool.counters).toMatchObject({ failedConversions: 0, leakedPages: 0, claimedPages: 0 });
  });

  it('leaves what failed unusable for its caller', () => {
    const { pool } = withFaults('first-fit+page+immediate', { decrypt: 1 });
    const { allocation } = pool.alloc_pages(0, { owner });
    expect(() => pool.free(allocation)).toThrow(InputError);
  });
});
