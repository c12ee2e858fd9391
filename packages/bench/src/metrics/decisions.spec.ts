import { pfn } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { decisionMetrics } from './decisions.ts';
import { allocated, decrypted, freed, measure } from './testing.ts';

const SECOND = 1e9;
const at = <Event extends object>(time: number, event: Event) => ({ ...event, time });
const claimed = (start: number, pages: number, time: number) => ({
  type: 'pages-claimed' as const,
  pfn: pfn(start),
  pages,
  migratetype: 'Unmovable' as const,
  time,
});
const returned = (start: number, pages: number, time: number) => ({
  ...decrypted(start, pages, time),
  type: 'pages-returned' as const,
});
/** The end of a run, when every decision is old enough to be judged. */
const LATER = claimed(1024, 1, 100 * SECOND);

describe('giving memory back', () => {
  it('was wrong when as much was claimed again within ten seconds, and right when not', () => {
    const history = [
      claimed(0, 512, 0),
      returned(0, 512, SECOND),
      claimed(0, 512, 5 * SECOND),
      returned(0, 512, 6 * SECOND),
      claimed(0, 512, 17 * SECOND),
    ];
    expect(measure(decisionMetrics, history)).toMatchObject({ 'returned-pages': 1024, 'returns-wrong': 50 });
  });

  it('is judged page by page when less is claimed than was returned', () => {
    const history = [returned(0, 400, 0), claimed(0, 100, SECOND), LATER];
    expect(measure(decisionMetrics, history)).toMatchObject({ 'returned-pages': 400, 'returns-wrong': 25 });
  });

  it('is not judged when the run ends before ten seconds are over', () => {
    const history = [returned(0, 512, 0), allocated(1, 512, 1)];
    expect(measure(decisionMetrics, history)).toMatchObject({ 'returned-pages': 0, 'returns-wrong': 0 });
  });
});

describe('ten seconds', () => {
  it('are not over before the next nanosecond', () => {
    const claimedAfter = (ns: number) =>
      measure(decisionMetrics, [returned(0, 8, SECOND), claimed(0, 8, SECOND + ns), LATER]);
    expect(claimedAfter(10e9)).toMatchObject({ 'returned-pages': 8, 'returns-wrong': 100 });
    expect(claimedAfter(10e9 + 1)).toMatchObject({ 'returned-pages': 8, 'returns-wrong': 0 });
    const usedAfter = (ns: number) =>
      measure(decisionMetrics, [
        ...[claimed(0, 512, 0), allocated(1, 0, 4), at(SECOND, freed(1, 0, 4))],
        ...[at(SECOND + ns, allocated(2, 100, 1)), LATER],
      ]);
    expect(usedAfter(10e9)).toMatchObject({ 'blocks-kept': 1, 'keeps-wrong': 0 });
    expect(usedAfter(10e9 + 1)).toMatchObject({ 'blocks-kept': 1, 'keeps-wrong': 100 });
  });

  it('are what the formulas say', () => {
    for (const { formula } of Object.values(decisionMetrics.metrics)) expect(formula).toMatch(/\b10 s/);
  });

  it('are over for what went back and ran empty until the end of the run', () => {
    // An event that these metrics do not look at.
    const end = at(12 * SECOND, { type: 'owner-registered' as const, owner: 9, name: 'late' });
    const history = [claimed(0, 512, 0), allocated(1, 0, 4), freed(1, 0, 4), returned(1024, 3, 0), end];
    expect(measure(decisionMetrics, history)).toEqual({
      'returned-pages': 3,
      'returns-wrong': 0,
      'blocks-kept': 1,
      'keeps-wrong': 100,
    });
  });

  it.each([1022, 1023, 1024, 1025, 3000])(
    'of each of %i returns are counted, and the last are claimed first',
    (count) => {
      const history = [
        ...Array.from({ length: count }, (_, index) => returned(index, 1, index * 20e6)),
        // 501 of them went back within ten seconds.
        claimed(0, 300, (count - 1) * 20e6),
        claimed(0, 900, (count - 1) * 20e6),
        LATER,
      ];
      const wrong = Math.min(count, 501);
      expect(measure(decisionMetrics, history)).toMatchObject({
        'returned-pages': count,
        'returns-wrong': (100 * wrong) / count,
      });
    },
  );
});

describe('keeping an empty block', () => {
  const emptied = [claimed(0, 512, 0), allocated(1, 0, 4), at(SECOND, freed(1, 0, 4))];

  it('was right when something was allocated in it within ten seconds', () => {
    const history = [...emptied, at(9 * SECOND, allocated(2, 100, 1)), LATER];
    expect(measure(decisionMetrics, history)).toMatchObject({ 'blocks-kept': 1, 'keeps-wrong': 0 });
  });

  it('was wrong when that came later, or never', () => {
    const later = [...emptied, at(12 * SECOND, allocated(2, 100, 1))];
    expect(measure(decisionMetrics, later)).toMatchObject({ 'blocks-kept': 1, 'keeps-wrong': 100 });
    expect(measure(decisionMetrics, [...emptied, LATER])).toMatchObject({
      'blocks-kept': 1,
      'keeps-wrong': 100,
    });
  });

  it('was wrong when the block was given back after all, unused', () => {
    const history = [...emptied, returned(0, 512, 3 * SECOND)];
    expect(measure(decisionMetrics, history)).toMatchObject({ 'blocks-kept': 1, 'keeps-wrong': 100 });
  });

  it('does not count a block that goes back as soon as it runs empty, nor one with something left in it', () => {
    const history = [...emptied, returned(0, 512, SECOND), LATER];
    expect(measure(decisionMetrics, history)).toMatchObject({ 'blocks-kept': 0 });
    const used = [allocated(1, 0, 4), allocated(2, 4, 4), at(SECOND, freed(1, 0, 4)), LATER];
    expect(measure(decisionMetrics, used)).toMatchObject({ 'blocks-kept': 0 });
  });
});
