import { expect, it } from 'vitest';
import { type SanityReport, sanityLines } from './sanity.ts';

const CLEAN: SanityReport = {
  linesRead: 10,
  requests: 6,
  frees: 4,
  failedAllocations: 0,
  freesWithoutAlloc: 0,
  doubleAllocs: 0,
  liveAtEnd: 2,
  unparsed: { count: 0, first: [] },
  ignored: {},
};

it('is one line when there is nothing to say', () => {
  expect(sanityLines(CLEAN)).toEqual(['10 lines read: 6 allocations, 4 frees, 2 live at the end']);
});

it('tells what needs attention, what was ignored, and the first lines that were not understood', () => {
  const lines = sanityLines({
    ...CLEAN,
    freesWithoutAlloc: 3,
    ignored: { swiotlb_bounced: 17 },
    unparsed: { count: 9, first: [{ line: 4, text: `x\u001b[31m${'y'.repeat(200)}`, reason: 'not a line' }] },
  });
  expect(lines.slice(1)).toEqual([
    '3 frees without an allocation (left out)',
    'not requests:',
    '  17 swiotlb_bounced',
    '9 lines not understood, the first of them:',
    `  line 4: not a line: x.[31m${'y'.repeat(94)}...`,
  ]);
});
