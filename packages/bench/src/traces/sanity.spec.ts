import { expect, it } from 'vitest';
import { excerpt, type SanityReport, sanityLines } from './sanity.ts';

const CLEAN: SanityReport = {
  linesRead: 10,
  requests: 6,
  frees: 4,
  background: { allocations: 0, frees: 0, liveAtEnd: 0 },
  failedAllocations: 0,
  freesWithoutAlloc: 0,
  doubleAllocs: 0,
  assumedFrees: 0,
  groupedFrees: 0,
  lostEvents: 0,
  liveAtEnd: 2,
  unparsed: { count: 0, first: [] },
  ignored: {},
};

const READ = 'Lines read: 10. Requests: 6 allocations, 4 frees; 2 never freed.';

it('counts everything, also what did not occur', () => {
  expect(sanityLines(CLEAN)).toEqual([
    READ,
    'Failed in the recorded kernel: 0. Frees without an allocation: 0. Allocated twice: 0. Not understood: 0.',
  ]);
});

it('has added frees, ignored lines, and the first lines that were not understood', () => {
  const lines = sanityLines({
    ...CLEAN,
    freesWithoutAlloc: 3,
    doubleAllocs: 2,
    ignored: { swiotlb_bounced: 17, cohfree: 1 },
    unparsed: { count: 9, first: [{ line: 4, text: `x\u001b[31m${'y'.repeat(200)}`, reason: 'not a line' }] },
  });
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(/ allocation: 3\. Allocated twice: 2 \(.* added\)\. Not understood: 9\.$/),
    expect.stringMatching(/not requests: 17 swiotlb_bounced, 1 cohfree\.$/),
    `Line 4: not a line: x.[31m${'y'.repeat(94)}...`,
  ]);
});

it('counts the background and assumed frees, if there are any', () => {
  const lines = sanityLines({
    ...CLEAN,
    background: { allocations: 30, frees: 20, liveAtEnd: 10 },
    assumedFrees: 4,
  });
  expect(lines).toEqual([
    READ,
    expect.stringMatching(/^Background .* 30 allocations, 20 frees; 10 never freed\.$/),
    expect.stringMatching(/^Failed in the recorded kernel: 0\./),
    expect.stringMatching(/^Frees assumed .*: 4\.$/),
  ]);
});

it('counts a single lost event, a single free that was added, a single assumed one, and a single kind of other lines', () => {
  const lines = sanityLines({
    ...{ ...CLEAN, lostEvents: 1, doubleAllocs: 1, assumedFrees: 1, ignored: { comments: 1 } },
    background: { allocations: 1, frees: 0, liveAtEnd: 1 },
  });
  expect(lines).toEqual([
    READ,
    'Background (pages of other users): 1 allocations, 0 frees; 1 never freed.',
    'Failed in the recorded kernel: 0. Frees without an allocation: 0. Allocated twice: 1 (the missing frees were added). Not understood: 0.',
    'Lost while recording: 1 events.',
    'Frees assumed because the trace records none: 1.',
    'Lines that are not requests: 1 comments.',
  ]);
});

it('shows the first 100 characters of a line, with dots for what a terminal would obey', () => {
  expect(excerpt('x'.repeat(100))).toBe('x'.repeat(100));
  expect(excerpt('x'.repeat(101))).toBe(`${'x'.repeat(100)}...`);
  expect(excerpt('a\tb\0c\u009bd\uFFFDe')).toBe('a.b.c.d.e');
});
