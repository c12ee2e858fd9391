import { type Pfn, type PlatformName, pfn, type StateView } from '@decpool/model';
import { holdings } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate, free, requestLists } from '../bounds/testing.ts';
import { metricsOfRun } from '../metrics/metric.ts';
import { BlocksAt } from './blocks-at.ts';
import { blocksOf, foldToFrames, type Run, recordedRun } from './testing.ts';
import { BLOCK_MAPPINGS, BLOCK_STATES, HISTOGRAM_BARS, type RunHistory } from './types.ts';

/** The rows of one block as words: from which frame on it is what, mapped how, with how many shared and used pages. */
const told = ({ blocks }: RunHistory, block: number) =>
  blocks.block.flatMap((of, row) =>
    of === block
      ? [
          `${blocks.frame[row]}: ${BLOCK_STATES[blocks.state[row]]} ${BLOCK_MAPPINGS[blocks.mapping[row]]} ` +
            `${blocks.sharedPages[row]} shared ${blocks.usedPages[row]} used since ${blocks.since[row]}`,
        ]
      : [],
  );
const pinsOf = ({ blocks, owners }: RunHistory, row: number) =>
  Array.from({ length: blocks.pinStart[row + 1] - blocks.pinStart[row] }, (_, index) => {
    const pin = blocks.pinStart[row] + index;
    return [owners[blocks.pinOwner[pin]], blocks.pinPages[pin], blocks.pinSince[pin]];
  });

describe('one buffer of 8 pages, later another, that are freed again', () => {
  const requests = [
    allocate(1, 8, { time: 1000, owner: 'ring' }),
    allocate(2, 4, { time: 2000, owner: 'buffer' }),
    free(1, 3000),
    free(2, 4000),
  ];

  it('splits and mixes a block under gfp-decrypted, until the last page is private', () => {
    const { run, history } = recordedRun({ policy: 'gfp-decrypted', requests });
    const block = run.blocks.block[0];
    expect(history.frames).toEqual({ requests: [0, 1, 2, 3, 4], times: [0, 1000, 2000, 3000, 4000] });
    expect(told(run, block)).toEqual([
      '1: mixed split 8 shared 8 used since 1000',
      '2: mixed split 12 shared 12 used since 1000',
      '3: mixed split 4 shared 4 used since 1000',
      '4: private split 0 shared 0 used since -1',
    ]);
    expect(run.series.splits2M).toEqual([0, 1, 1, 1, 1]);
    expect(run.series.sharedIdleBytes).toEqual([0, 0, 0, 0, 0]);
    expect(run.series.liveBytes).toEqual([0, 8, 12, 4, 0].map((pages) => pages * 4096));
  });

  it('fills a block with what nobody uses under a pool that keeps it', () => {
    const { run, history } = recordedRun({ policy: 'first-fit+block+never-return', requests });
    const block = run.blocks.block[0];
    expect(told(run, block)).toEqual([
      '1: used large 512 shared 8 used since 1000',
      '2: used large 512 shared 12 used since 1000',
      '3: used large 512 shared 4 used since 1000',
      '4: idle large 512 shared 0 used since 1000',
    ]);
    expect(run.series.sharedIdleBytes).toEqual([0, 504, 500, 508, 512].map((pages) => pages * 4096));
    expect([0, 1, 2, 3].map((row) => pinsOf(run, row))).toEqual([
      [['ring', 8, 1000]],
      [
        ['ring', 8, 1000],
        ['buffer', 4, 2000],
      ],
      [['buffer', 4, 2000]],
      [],
    ]);
    // 12 pages used; 500 free behind them: 4 + 16 + 32 + 64 + 128 + 256.
    expect(run.freeByOrder[2]).toEqual([0, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0]);
    expect(run.freeByOrder[4]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(run.occupancy.map((bars) => bars.indexOf(1))).toEqual([-1, 0, 0, 0, 0]);
    expect(run.longestFree.map((bars) => bars.indexOf(1))).toEqual([-1, 15, 15, 15, HISTOGRAM_BARS - 1]);
    expect(history.peakFrame).toBe(2);
    expect(run.ownerRows.map(({ owner, atPeak, atEnd }) => [owner, atPeak, atEnd])).toEqual([
      ['ring', { pages: 8, blocks: 1, alone: 0 }, { pages: 0, blocks: 0, alone: 0 }],
      ['buffer', { pages: 4, blocks: 1, alone: 0 }, { pages: 0, blocks: 0, alone: 0 }],
    ]);
  });
});

it('has two blocks beside each other that are free as one chunk of order 10', () => {
  const { run } = recordedRun({
    policy: 'first-fit+block+never-return',
    requests: [allocate(1, 1024), free(1, 10)],
  });
  expect(run.freeByOrder[2].slice(9)).toEqual([0, 1]);
});

it('says of four owners in a block who the three with most pages are, and that there is one more', () => {
  const requests = [1, 4, 2, 3].map((pages, index) =>
    allocate(index + 1, pages, { owner: `owner ${pages}`, time: index }),
  );
  const { run } = recordedRun({ policy: 'first-fit+block+immediate', requests });
  const last = run.blocks.block.length - 1;
  expect(pinsOf(run, last)).toEqual([
    ['owner 4', 4, 1],
    ['owner 3', 3, 3],
    ['owner 2', 2, 2],
  ]);
  expect(run.blocks.morePins[last]).toBe(1);
});

it('pins a slab by its cache, and the bounce buffers by theirs though no allocation has them', () => {
  const small = allocate(1, 1, { api: 'kmalloc', bytes: 200, owner: 'desc', time: 5 });
  const { run, counters } = recordedRun({
    policy: 'first-fit+block+immediate',
    requests: [small],
    hasBounceBuffers: true,
  });
  const names = run.ownerRows.map(({ owner, atEnd }) => [owner, atEnd.pages]);
  expect(names).toContainEqual(['kmalloc-decrypted-256', 2]);
  expect(names).toContainEqual(['swiotlb', 512]);
  expect(counters.slabPages).toBe(514);
  const atBoot = run.blocks.frame.indexOf(0);
  expect(told(run, run.blocks.block[atBoot])).toEqual(['0: used large 512 shared 512 used since 0']);
  expect(pinsOf(run, atBoot)).toEqual([['swiotlb', 512, 0]]);
});

it('has a block of which nobody knows as unknown, and what was leaked in it is nobody’s and not free', () => {
  const { run } = recordedRun({
    policy: 'first-fit+block+immediate',
    requests: [allocate(1, 8, { time: 10 })],
    faults: { seed: 1, decrypt: 1, encrypt: 1, converted: 0, retries: 0 },
  });
  const { blocks, series, freeByOrder, ownerRows } = run;
  expect(blocks.state.map((state) => BLOCK_STATES[state])).toContain('unknown');
  expect(series.failedRequests).toEqual([0, 1]);
  expect(series.sharedBlocks[1]).toBeGreaterThan(0);
  expect(freeByOrder[1].every((count) => count === 0)).toBe(true);
  expect(ownerRows[0].leakedPages).toBeGreaterThan(0);
});

it('tells requests that were refused under one policy as requests, so that policies stay in step', () => {
  const requests = [allocate(1, 1025, { time: 1 }), free(1, 2), allocate(2, 1, { time: 3 })];
  const { run, history } = recordedRun({ policy: 'gfp-decrypted', requests });
  expect(history.frames.times).toEqual([0, 1, 2, 3]);
  expect(run.series.failedRequests).toEqual([0, 1, 1, 1]);
  expect(run.series.sharedBlocks).toEqual([0, 0, 0, 1]);
  expect(history.askedBytes).toEqual([0, 0, 0, 4096]);
});

describe('of any run, at every frame', () => {
  const runs = fc
    .record({
      policy: fc.constantFrom(
        'gfp-decrypted',
        'linux-6.12',
        'linux-7.3',
        'first-fit+page+immediate',
        'first-fit+block+never-return',
        'best-fit+page+reserve:20:100+immediate',
        'buddy+granule:64+hysteresis:0.001',
        'longest-free-range+block+immediate',
      ),
      platform: fc.constantFrom<PlatformName>('snp', 'hyperv-vtom', 'cca', 'cca-bbml3', 'pkvm', 'none'),
      restore: fc.boolean(),
      requests: requestLists('atomic'),
      hasBounceBuffers: fc.boolean(),
      faultSeed: fc.option(fc.nat(99)),
    })
    .map(({ faultSeed, ...told }) =>
      recordedRun({
        ...told,
        ...(faultSeed === null
          ? {}
          : { faults: { seed: faultSeed, decrypt: 0.15, encrypt: 0.15, converted: 0.5, retries: 1 } }),
      }),
    );

  it('the history has the counts, blocks and pins of the state that the events fold to', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const { series } = run.run;
        const atBoot = bootPoolBlocks(run);
        const index = new BlocksAt(run.run.blocks);
        let frames = 0;
        foldToFrames(run, (view, frame) => {
          frames++;
          expect(series.splits2M[frame]).toBe(view.counter('splits2M'));
          expect(series.splits1G[frame]).toBe(view.counter('splits1G'));
          expect(series.failedRequests[frame]).toBe(view.counter('failedRequests'));
          expect(series.directMap4k[frame]).toBe(view.counter('mapped4KPages') * 4096);
          expect(series.directMap2M[frame]).toBe(view.counter('mapped2MPages') * 4096);
          expect(series.directMap1G[frame]).toBe(view.counter('mapped1GPages') * 4096);
          expect(series.sharedBlocks[frame]).toBeGreaterThanOrEqual(view.counter('sharedBlocks') - atBoot);
          expect(series.mixedBlocks[frame]).toBeGreaterThanOrEqual(view.counter('mixedBlocks'));
          expectBlocks(run, view, frame, index);
        });
        expect(frames).toBe(run.history.frames.requests.length);
      }),
      { numRuns: 8 },
    );
  });

  it('live memory is what allocations and slabs have, and peaks are those that the metrics count', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const { series } = run.run;
        const metrics = metricsOfRun(run.header);
        for (const batch of run.batches) metrics.observe(batch);
        const values = new Map(metrics.values(run.counters).map(({ id, value }) => [id, value]));
        expect(Math.max(...series.sharedIdleBytes)).toBe(values.get('shared-idle-peak'));
        expect(Math.max(...series.sharedBlocks)).toBe(values.get('blocks-peak'));
        expect(Math.max(...series.mixedBlocks)).toBe(values.get('mixed-peak'));
        const bounce = values.get('bounce-bytes') ?? 0;
        foldToFrames(run, (view, frame) => {
          const pages = view.counter('livePages') + view.counter('slabPages');
          expect(series.liveBytes[frame]).toBe(pages * 4096 - bounce);
        });
      }),
      { numRuns: 8 },
    );
  });

  it('free chunks are what a buddy allocator would make of the pages that nobody has', () => {
    fc.assert(
      fc.property(runs, (run) => {
        foldToFrames(run, (view, frame) => {
          if (frame !== run.history.peakFrame) return;
          const { freeByOrder, longestFree, occupancy } = run.run;
          expect(freeByOrder[frame]).toEqual(chunksOf(view));
          const shared = blocksOf(view).filter((block) => isShared(view, block));
          expect(longestFree[frame].reduce((a, b) => a + b)).toBe(shared.length);
          const bars = new Array(HISTOGRAM_BARS).fill(0);
          for (const block of shared) bars[Math.floor(view.block(block).allocated / 32)]++;
          expect(occupancy[frame]).toEqual(bars);
        });
      }),
      { numRuns: 6 },
    );
  });
});

/** The block of the boot pool, if it was shared: no curve has it. */
const bootPoolBlocks = ({ header, batches }: Run): number =>
  Number(
    header.platform.confidential &&
      batches.some((batch) =>
        [...batch].some(({ type, request }) => type === 'slab-created' && request === 0),
      ),
  );

const isShared = (view: StateView, block: Parameters<StateView['block']>[0]) => {
  const { shared, unknown } = view.block(block);
  return shared + unknown > 0;
};

function expectBlocks({ run }: Run, view: StateView, frame: number, index: BlocksAt): void {
  const { blocks, owners } = run;
  const held = new Map<number, Map<string, number>>();
  for (const { kind, owner, pfn: start, pages } of holdings(view)) {
    for (let page: number = start; kind !== 'object' && page < start + pages; page++) {
      const block = Math.floor(page / 512);
      const byOwner = held.get(block) ?? new Map<string, number>();
      held.set(block, byOwner.set(owner, (byOwner.get(owner) ?? 0) + 1));
    }
  }
  for (const block of blocksOf(view)) {
    const row = index.rowAt(block, frame);
    const { shared, unknown, leaked, allocated } = view.block(block);
    const state =
      unknown + leaked > 0
        ? 'unknown'
        : shared === 0
          ? 'private'
          : shared < 512
            ? 'mixed'
            : allocated > 0
              ? 'used'
              : 'idle';
    const expected = { state, shared: shared + unknown, used: allocated, isSplit: view.wasSplit(block) };
    const found =
      row === -1
        ? { state: 'private', shared: 0, used: 0, isSplit: false }
        : {
            state: BLOCK_STATES[blocks.state[row]],
            shared: blocks.sharedPages[row],
            used: blocks.usedPages[row],
            isSplit: BLOCK_MAPPINGS[blocks.mapping[row]] === 'split',
          };
    expect(found).toEqual(expected);
    if (row === -1) continue;
    expect(blocks.since[row] === -1).toBe(shared + unknown === 0);
    const byOwner = held.get(block) ?? new Map<string, number>();
    const pins = Array.from({ length: blocks.pinStart[row + 1] - blocks.pinStart[row] }, (_, pin) => [
      owners[blocks.pinOwner[blocks.pinStart[row] + pin]],
      blocks.pinPages[blocks.pinStart[row] + pin],
    ]);
    for (const [owner, pages] of pins) expect(byOwner.get(String(owner))).toBe(pages);
    expect(pins.map(([, pages]) => pages)).toEqual(
      [...byOwner.values()].sort((a, b) => b - a).slice(0, pins.length),
    );
    expect(pins.length + blocks.morePins[row]).toBe(byOwner.size);
  }
}

/** From page to page: whatever starts a free chunk that is aligned to its size, as large as it can be. */
function chunksOf(view: StateView): number[] {
  const counts = new Array(11).fill(0);
  const isFree = (page: Pfn) =>
    view.is('claimed', page) &&
    !view.is('allocated', page) &&
    !view.is('unknown', page) &&
    !view.is('leaked', page);
  const free = Array.from({ length: view.geometry.spanPages }, (_, page) => isFree(pfn(page)));
  for (let page = 0; page < free.length; ) {
    if (!free[page]) {
      page++;
      continue;
    }
    let order = 10;
    while (page % 2 ** order !== 0 || !free.slice(page, page + 2 ** order).every(Boolean)) order--;
    counts[order]++;
    page += 2 ** order;
  }
  return counts;
}
