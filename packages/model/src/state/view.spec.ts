import { describe, expect, it } from 'vitest';
import type { PoolEvent } from '../events/schema.ts';
import { ANY_NODE, GFP, GFP_KERNEL } from '../requests.ts';
import { batchOf, historyOf, SMALL, SMALL_MAP, smallMachine, someChoices, type Told } from '../testing.ts';
import { allocationId, blockIndex, pfn } from '../units.ts';
import { Columns } from './columns.ts';
import { foldBatch, initialState, viewOf } from './state.ts';
import type { PageFact, StateView } from './view.ts';

const machine = smallMachine('snp', true);
const bothViews = (events: readonly (Told | PoolEvent)[], of = machine): StateView[] => {
  const columns = new Columns(of, SMALL_MAP);
  columns.fold(batchOf(events));
  return [columns.view(), viewOf(foldBatch(initialState(of, SMALL_MAP), batchOf(events)))];
};

const HISTORY = historyOf(machine, SMALL_MAP, someChoices(900));
const FACTS: readonly PageFact[] = ['claimed', 'shared', 'unknown', 'allocated', 'leaked'];

describe('a view of a long history', () => {
  it('counts the pages of a block for which a fact holds, and lists its runs of free pages', () => {
    for (const at of [100, 400, HISTORY.length]) {
      for (const view of bothViews(HISTORY.slice(0, at))) {
        expect(view.blocks).toBe(SMALL.spanPages / SMALL.pagesPerBlock);
        for (let block = 0; block < view.blocks; block++) {
          const pages = Array.from({ length: 32 }, (_, page) => pfn(block * 32 + page));
          const counts = FACTS.map((fact) => pages.filter((page) => view.is(fact, page)).length);
          expect(FACTS.map((fact) => view.pagesOf(fact, blockIndex(block)))).toEqual(counts);
          const figures = view.block(blockIndex(block));
          expect(FACTS.map((fact) => figures[fact])).toEqual(counts);
          expect(figures.level).toBe(view.levelAt(pages[31]));
          const isFree = pages.map(
            (page) =>
              view.is('claimed', page) &&
              !(['allocated', 'unknown', 'leaked'] as const).some((fact) => view.is(fact, page)),
          );
          const edges = [...isFree, false].flatMap((is, page) =>
            is === (isFree[page - 1] ?? false) ? [] : [page],
          );
          expect(view.freeRuns(blockIndex(block))).toEqual(edges);
        }
      }
    }
  });

  it('says the same of an allocation as a whole and by its parts', () => {
    for (const view of bothViews(HISTORY.slice(0, 500))) {
      const seen = [...view.allocations()];
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      for (let number = 1; number <= view.counter('lastAllocation'); number++) {
        const id = allocationId(number);
        const whole = view.allocation(id);
        expect(view.isLive(id)).toBe(whole.status === 'live');
        expect(view.isRefused(id)).toBe(whole.status === 'failed');
        expect(view.extentCount(id)).toBe(whole.extents.length);
        expect([view.userMappings(id), view.isMapped(id), view.slabOf(id), view.apiOf(id)]).toEqual([
          whole.userMappings,
          whole.isMapped,
          whole.object?.slab ?? 0,
          whole.api,
        ]);
        if (whole.status === 'live') expect(view.owners[view.ownerOf(id)]).toBe(whole.owner);
        if (whole.extents.length > 0)
          expect([view.extentPfn(id), view.extentPages(id)]).toEqual([
            whole.extents[0].pfn,
            whole.extents[0].pages,
          ]);
        if (whole.status === 'live' || whole.status === 'failed') expect(seen).toContain(id);
        expect(['unused', 'reclaiming']).not.toContain(whole.status);
      }
    }
  });
});

describe('a view of a short one', () => {
  const first = { allocation: allocationId(1) } as const;
  const second = { allocation: allocationId(2) } as const;
  const EVENTS: readonly Told[] = [
    { type: 'owner-registered', owner: 0, name: 'nvme' },
    { type: 'owner-registered', owner: 1, name: 'nic' },
    { type: 'pages-claimed', pfn: pfn(8), pages: 24, migratetype: 'Unmovable' },
    { type: 'pages-decrypted', pfn: pfn(8), pages: 24 },
    {
      type: 'allocation-requested',
      ...first,
      api: 'dma_alloc_coherent',
      pages: 7,
      bytes: 25_000,
      owner: 1,
      gfp: 'GFP_ATOMIC',
      node: 3,
      cpu: 200,
      request: 1,
    },
    { type: 'pages-allocated', ...first, pfn: pfn(8), pages: 4, request: 1 },
    { type: 'pages-allocated', ...first, pfn: pfn(16), pages: 2, request: 1 },
    { type: 'pages-allocated', ...first, pfn: pfn(20), pages: 1, request: 1 },
    { type: 'allocation-requested', ...second, api: 'kmalloc', pages: 1, bytes: 700, owner: 0, request: 2 },
    { type: 'pages-allocated', ...second, pfn: pfn(24), pages: 2, request: 2 },
    { type: 'slab-created', ...second, pfn: pfn(24), pages: 2, unitBytes: 512, cache: 0, request: 2 },
    { type: 'object-allocated', ...second, slab: 1, unit: 8, bytes: 1024, request: 2 },
  ];

  it('tells all that was asked for, and the extents in the order in which they are freed', () => {
    const extents = [
      { pfn: 8, pages: 4 },
      { pfn: 16, pages: 2 },
      { pfn: 20, pages: 1 },
    ];
    const allocation = {
      status: 'live',
      owner: 'nic',
      request: 1,
      bytes: 25_000,
      pages: 7,
      api: 'dma_alloc_coherent',
      gfp: GFP.GFP_ATOMIC,
      node: 3,
      cpu: 200,
      userMappings: 0,
      isMapped: false,
    };
    for (const view of bothViews(EVENTS))
      expect(view.allocation(allocationId(1))).toEqual({ ...allocation, extents });
    const freeing: readonly Told[] = [
      ...EVENTS,
      { type: 'free-requested', ...first, request: 3 },
      { type: 'pages-freed', ...first, pfn: pfn(8), pages: 4, request: 3 },
    ];
    for (const view of bothViews(freeing)) {
      expect(view.allocation(allocationId(1))).toEqual({
        ...allocation,
        status: 'freeing',
        extents: extents.slice(1),
      });
      expect([view.extentPfn(allocationId(1)), view.extentPages(allocationId(1))]).toEqual([16, 2]);
    }
  });

  it('tells where an object lies, and whether it fills the pages it lies in', () => {
    for (const view of bothViews(EVENTS)) {
      expect(view.allocation(allocationId(2))).toMatchObject({
        status: 'live',
        owner: 'nvme',
        gfp: GFP_KERNEL,
        node: ANY_NODE,
        cpu: 0,
        object: { slab: 1, unit: 8, units: 2 },
      });
      expect(view.slab(1)).toEqual({
        pfn: 24,
        pages: 2,
        cache: 'nvme',
        unitBytes: 512,
        units: 16,
        usedUnits: 2,
      });
      expect([view.slab(0), view.slab(2)]).toEqual([undefined, undefined]);
      expect([1, 2].map((id) => view.isWholePages(allocationId(id)))).toEqual([true, false]);
    }
  });

  it('has an object fill its pages only if it begins and ends with one', () => {
    const isWhole = (unit: number, bytes: number) => {
      const last = { ...EVENTS[EVENTS.length - 1], unit, bytes } as Told;
      return bothViews([...EVENTS.slice(0, -1), last]).map((view) => view.isWholePages(allocationId(2)));
    };
    expect(isWhole(8, 4096)).toEqual([true, true]);
    expect(isWhole(0, 8192)).toEqual([true, true]);
    expect(isWhole(4, 4096)).toEqual([false, false]);
    expect(isWhole(8, 2048)).toEqual([false, false]);
  });

  it('tells an id that was given and is over from one that was not given', () => {
    const over: readonly Told[] = [
      ...EVENTS,
      { type: 'free-requested', ...second, request: 3 },
      { type: 'object-freed', ...second, request: 3 },
      { type: 'slab-destroyed', ...second, slab: 1, request: 3 },
      { type: 'pages-freed', ...second, pfn: pfn(24), pages: 2, request: 3 },
    ];
    for (const view of bothViews(over))
      expect([0, 1, 2, 3].map((id) => view.allocation(allocationId(id)).status)).toEqual([
        'unused',
        'live',
        'freed',
        'unused',
      ]);
  });
});
