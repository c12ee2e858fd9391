import type { Request } from '@decpool/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerBounds } from '../bounds/lower.ts';
import { allocate, free, requestLists } from '../bounds/testing.ts';
import { BlocksAt } from './blocks-at.ts';
import { type Run, recordedRun } from './testing.ts';
import { OWNERS_KEPT } from './types.ts';

/** Rings that come and go: `count` requests, one a microsecond, after so many allocations. */
const rings = (count: number, given = 0, start = 0): Request[] =>
  Array.from({ length: count }, (_, index) => {
    const turn = Math.floor(index / 2);
    const id = given + turn + 1;
    const time = start + index * 1000;
    return index % 2 === 0 ? allocate(id, 1 + (turn % 9), { time }) : free(id, time);
  });

describe('frames', () => {
  it('are all requests where there are few', () => {
    const { history } = recordedRun({ policy: 'first-fit+page+immediate', requests: rings(30) });
    expect(history.binning).toBe('30 requests, every request is a frame');
    expect(history.frames.requests).toHaveLength(31);
  });

  it('are of equally many requests where there are many; the last has what is left', () => {
    const { history } = recordedRun({ policy: 'first-fit+page+immediate', requests: rings(1030) });
    expect(history.binning).toMatch(/^1,030 requests at 344 frames: one frame stands for 3 requests;/);
    expect(history.frames.requests.slice(0, 3)).toEqual([0, 3, 6]);
    expect(history.frames.requests.slice(-2)).toEqual([1029, 1030]);
  });

  it('are merged, not below 32, where they would take too much room', () => {
    const { history } = recordedRun({ policy: 'gfp-decrypted', requests: rings(130), budget: 0 });
    expect(history.binning).toMatch(/^130 requests at 17 frames: one frame stands for 8 requests;/);
    expect(history.frames.requests.at(-1)).toBe(130);
  });

  it('are the same whether they were merged while they were recorded or afterwards', () => {
    for (const count of [65, 130]) {
      const told = { policy: 'gfp-decrypted', requests: rings(count) };
      const [early, late] = [recordedRun({ ...told, mostRows: 0 }), recordedRun({ ...told, budget: 0 })];
      expect(early.history).toEqual(late.history);
    }
  });

  it('there are for a trace without requests', () => {
    const { history, run } = recordedRun({ policy: 'gfp-decrypted', requests: [] });
    expect(history.frames).toEqual({ requests: [0], times: [0] });
    expect(history.askedBytes).toEqual([0]);
    expect(run.blocks.block).toEqual([]);
  });
});

describe('merged frames', () => {
  const some = fc.record({
    policy: fc.constantFrom('gfp-decrypted', 'first-fit+block+immediate', 'best-fit+page+never-return'),
    requests: requestLists('sleeping').map((drawn) => {
      const { length: given } = drawn.filter(({ kind }) => kind === 'allocate');
      return [...drawn, ...rings(36, given, drawn.at(-1)?.time)];
    }),
  });

  it('show blocks as the later frame does, and curves of peaks as the higher does', () => {
    fc.assert(
      fc.property(some, (told) => {
        const fine = recordedRun(told);
        const coarse = recordedRun({ ...told, budget: 0 });
        const ends = coarse.history.frames.requests;
        const [fineAt, coarseAt] = [new BlocksAt(fine.run.blocks), new BlocksAt(coarse.run.blocks)];
        for (const [frame, end] of ends.entries()) {
          expect(stateAt(coarse, coarseAt, frame)).toEqual(stateAt(fine, fineAt, end));
          expect(coarse.run.freeByOrder[frame]).toEqual(fine.run.freeByOrder[end]);
          expect(coarse.run.series.liveBytes[frame]).toBe(fine.run.series.liveBytes[end]);
          const from = frame === 0 ? 0 : ends[frame - 1] + 1;
          const most = (values: readonly number[]) => Math.max(...values.slice(from, end + 1));
          expect(coarse.run.series.sharedBlocks[frame]).toBe(most(fine.run.series.sharedBlocks));
          expect(coarse.run.series.sharedIdleBytes[frame]).toBe(most(fine.run.series.sharedIdleBytes));
          expect(coarse.history.leastBlocks[frame]).toBe(most(fine.history.leastBlocks));
        }
      }),
      { numRuns: 5 },
    );
  });

  it('have no row for a block that is what it was', () => {
    fc.assert(
      fc.property(some, (told) => {
        const { run } = recordedRun({ ...told, budget: 0 });
        const rows = run.blocks.block.map((block, row) => [block, ...rowOf(run.blocks, row)].join());
        for (let row = 1; row < rows.length; row++) expect(rows[row]).not.toBe(rows[row - 1]);
      }),
      { numRuns: 5 },
    );
  });
});

describe('what is asked for', () => {
  it('has the lower bound of the whole trace as its peak', () => {
    fc.assert(
      fc.property(requestLists('sleeping'), (requests) => {
        const { history } = recordedRun({ policy: 'gfp-decrypted', requests });
        expect(Math.max(...history.leastBlocks)).toBe(lowerBounds(requests, 512).blocksPeak);
        expect(history.askedBytes[history.peakFrame]).toBe(Math.max(...history.askedBytes));
      }),
      { numRuns: 5 },
    );
  });

  it('needs no block outside a confidential VM', () => {
    const { history } = recordedRun({ policy: 'gfp-decrypted', requests: rings(9), platform: 'none' });
    expect(history.leastBlocks.every((blocks) => blocks === 0)).toBe(true);
    expect(history.askedBytes.some((bytes) => bytes > 0)).toBe(true);
  });
});

describe('lifetimes', () => {
  it('are told by owner: smallest, quartiles, 9th decile, largest of those that ended', () => {
    const lives = [40, 10, 20, 30];
    const requests = [
      ...lives.map((_, index) => allocate(index + 1, 2, { owner: 'ring' })),
      allocate(5, 3, { owner: 'ring' }),
      ...[1, 2, 3, 0].map((index) => free(index + 1, lives[index])),
    ];
    const { history } = recordedRun({ policy: 'gfp-decrypted', requests });
    expect(history.lifetimes).toEqual([
      { owner: 'ring', allocations: 5, neverFreed: 1, quantiles: [10, 10, 20, 30, 40, 40], pages: 11 },
    ]);
  });

  it('of more owners than there is room for are together', () => {
    const requests = Array.from({ length: 15 }, (_, index) =>
      allocate(index + 1, 15 - index, { owner: `owner ${index}` }),
    );
    const { lifetimes } = recordedRun({ policy: 'gfp-decrypted', requests }).history;
    expect(lifetimes).toHaveLength(OWNERS_KEPT);
    expect(lifetimes.at(-1)).toEqual({
      owner: '4 others',
      allocations: 4,
      neverFreed: 4,
      quantiles: [],
      pages: 4 + 3 + 2 + 1,
    });
  });
});

const rowOf = (blocks: Run['run']['blocks'], row: number) => [
  blocks.state[row],
  blocks.mapping[row],
  blocks.sharedPages[row],
  blocks.usedPages[row],
  blocks.since[row],
  blocks.morePins[row],
  ...(['pinOwner', 'pinPages', 'pinSince'] as const).flatMap((name) =>
    blocks[name].slice(blocks.pinStart[row], blocks.pinStart[row + 1]),
  ),
];

/** What each block is that is not as it was at boot. */
function stateAt({ run }: Run, at: BlocksAt, frame: number): Map<number, string> {
  const rows = at.rowsAt(frame).map((row) => [run.blocks.block[row], rowOf(run.blocks, row).join()] as const);
  return new Map(rows.filter(([, row]) => !/^0,[02],0,0,-1,0$/.test(row)));
}
