import { expect, it } from 'vitest';
import { type SanityReport, sanityLines } from './sanity.ts';

const CLEAN: SanityReport = {
  linesRead: 10,
  requests: 6,
  frees: 4,
  background: { allocations: 0, frees: 0, liveAtEnd: 0 },
  failedAllocations: 0,
  freesWithoutAlloc: 0,
  doubleAllocs: 0,
  assumedFrees: 0,
  liveAtEnd: 2,
  unparsed: { count: 0, first: [] },
  ignored: {},
};

it('counts everything, also what did not occur', () => {
  expect(sanityLines(CLEAN)).toEqual([
    '10 lines read; allocations 6, frees 4, live at the end 2',
    'failed in the recorded kernel 0, frees without an allocation 0, allocated twice 0, not understood 0',
  ]);
});

it('tells what was added, what was ignored, and the first lines that were not understood', () => {
  const lines = sanityLines({
    ...CLEAN,
    freesWithoutAlloc: 3,
    doubleAllocs: 2,
    ignored: { swiotlb_bounced: 17, cohfree: 1 },
    unparsed: { count: 9, first: [{ line: 4, text: `x\u001b[31m${'y'.repeat(200)}`, reason: 'not a line' }] },
  });
  expect(lines.slice(1)).toEqual([
    'failed in the recorded kernel 0, frees without an allocation 3, allocated twice 2 (the missing frees were added), not understood 9',
    'no requests: 17 swiotlb_bounced, 1 cohfree',
    `line 4: not a line: x.[31m${'y'.repeat(94)}...`,
  ]);
});

it('tells of the background and of assumed frees, where there are any', () => {
  const lines = sanityLines({
    ...CLEAN,
    background: { allocations: 30, frees: 20, liveAtEnd: 10 },
    assumedFrees: 4,
  });
  expect(lines).toEqual([
    '10 lines read; allocations 6, frees 4, live at the end 2',
    'background (pages of others): allocations 30, frees 20, live at the end 10',
    expect.stringContaining('failed in the recorded kernel 0'),
    'frees assumed, as the trace records none: 4',
  ]);
});
