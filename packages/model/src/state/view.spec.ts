import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolEvent } from '../events/schema.ts';
import { checkGeometry } from '../geometry.ts';
import { ANY_NODE, GFP, GFP_KERNEL } from '../requests.ts';
import { batchOf, historyOf, SMALL, SMALL_MAP, smallMachine, someChoices, type Told } from '../testing.ts';
import { allocationId, blockIndex, pfn } from '../units.ts';
import { Columns } from './columns.ts';
import { decodeState, encodeState } from './keyframe.ts';
import { BITMAP, blockLayout } from './layout.ts';
import { fillBits } from './ranges.ts';
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

it('a view of blocks of several words says of each what its pages are, whichever was looked at before', () => {
  const [BLOCK, BLOCKS] = [128, 4];
  const SPAN = BLOCK * BLOCKS;
  const geometry = checkGeometry({ ...SMALL, pagesPerBlock: BLOCK, spanPages: SPAN });
  const layout = blockLayout(geometry);
  const edge = fc.oneof(fc.nat(SPAN), fc.constantFrom(0, 31, 32, 64, 96, 127, 128, 256, SPAN));
  const fills = fc.array(
    fc.record({ fact: fc.constantFrom(...FACTS), a: edge, b: edge, set: fc.boolean() }),
    {
      minLength: 4,
      maxLength: 14,
    },
  );
  fc.assert(
    fc.property(fills, fc.subarray([0, 1, 2, 3]), (all, touched) => {
      const columns = new Columns({ ...machine, geometry }, []);
      const model = new Map(FACTS.map((fact) => [fact, new Array<boolean>(SPAN).fill(false)]));
      // All is claimed at first, so that there are free pages.
      for (const { fact, a, b, set } of [{ fact: 'claimed', a: 0, b: SPAN, set: true } as const, ...all]) {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        model.get(fact)?.fill(set, start, end);
        for (let block = 0; block < BLOCKS; block++) {
          const [from, to] = [Math.max(0, start - block * BLOCK), Math.min(BLOCK, end - block * BLOCK)];
          columns.blocks.write(block);
          if (from < to) fillBits(columns.blocks, layout, BITMAP[fact], from, to, set);
        }
      }
      for (const block of touched) {
        columns.blocks.write(block);
        columns.blocks.words[columns.blocks.base + layout.touched] = 1;
      }
      const view = columns.view();
      const has = (fact: PageFact, page: number) => model.get(fact)?.[page] === true;
      const isFree = (page: number) =>
        has('claimed', page) && !has('allocated', page) && !has('unknown', page) && !has('leaked', page);
      const expected = [3, 0, 2, 1].map((number) => {
        const pages = Array.from({ length: BLOCK }, (_, page) => number * BLOCK + page);
        const counts = Object.fromEntries(
          FACTS.map((fact) => [fact, pages.filter((page) => has(fact, page)).length]),
        );
        const free = [false, ...pages.map(isFree), false];
        const runs = free.flatMap((is, at) => (at > 0 && is !== free[at - 1] ? [at - 1] : []));
        return { number, counts, runs, touched: touched.includes(number) };
      });
      for (const { number, runs } of expected) expect(view.freeRuns(blockIndex(number))).toEqual(runs);
      for (const { number, counts, touched: isTouched } of expected)
        expect(view.block(blockIndex(number))).toEqual({ ...counts, level: 0, touched: isTouched });
      for (const fact of FACTS) {
        for (const { number, counts } of expected)
          expect(view.pagesOf(fact, blockIndex(number))).toBe(counts[fact]);
        for (const value of [true, false])
          expect(view.firstWhereNot(fact, value, pfn(0), SPAN)).toBe(model.get(fact)?.indexOf(!value));
      }
    }),
    { numRuns: 40 },
  );
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

  it('has the owners of all batches, also of one that names one alone', () => {
    let state = initialState(machine, SMALL_MAP);
    for (const [owner, name] of ['nvme', 'nic', 'gpu'].entries())
      state = foldBatch(state, batchOf([{ type: 'owner-registered', owner, name }], owner));
    expect(viewOf(state).owners).toEqual(['nvme', 'nic', 'gpu']);
    expect(viewOf(foldBatch(state, batchOf([], 3))).owners).toEqual(['nvme', 'nic', 'gpu']);
  });

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
    const statuses = (view: StateView) => [0, 1, 2, 3].map((id) => view.allocation(allocationId(id)).status);
    for (const view of bothViews(over)) expect(statuses(view)).toEqual(['unused', 'live', 'freed', 'unused']);
    // A keyframe has no record of what is over.
    const columns = new Columns(machine, SMALL_MAP);
    columns.fold(
      batchOf([
        ...over,
        { type: 'free-requested', ...first, request: 4 },
        { type: 'pages-freed', ...first, pfn: pfn(8), pages: 4, request: 4 },
        { type: 'pages-freed', ...first, pfn: pfn(16), pages: 2, request: 4 },
        { type: 'pages-freed', ...first, pfn: pfn(20), pages: 1, request: 4 },
      ]),
    );
    const read = new Columns(machine, SMALL_MAP);
    decodeState(encodeState(columns), read, columns.counters.events);
    expect(statuses(read.view())).toEqual(['unused', 'freed', 'freed', 'unused']);
  });
});
