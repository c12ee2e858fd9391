import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demand } from './demand.ts';
import { hysteresis } from './hysteresis.ts';
import { AT_ONCE } from './supply.ts';

const EPOCHS = 16;

interface Use {
  readonly time: number;
  readonly pages: number;
}

/** The peak by looking through all uses again: the most in this epoch and the 15 before it, and the last epoch that had as much. */
function peakOf(uses: readonly Use[], now: number, epochNs: number) {
  const epochOf = (time: number) => Math.floor(time / epochNs);
  const last = epochOf(now);
  const usedPages = uses.at(-1)?.pages ?? 0;
  let [pages, epoch] = [usedPages, last];
  for (let at = last; at > last - EPOCHS; at--) {
    const before = uses.findLast(({ time }) => epochOf(time) < at)?.pages ?? 0;
    const within = uses.filter(({ time }) => epochOf(time) === at).map((use) => use.pages);
    // What was in use when the epoch began counts as used in it.
    const most = Math.max(before, ...within);
    if (most > pages) [pages, epoch] = [most, at];
  }
  return { pages, usedPages, until: (epoch + EPOCHS) * epochNs };
}

describe('supply demand', () => {
  const steps = fc.array(fc.record({ after: fc.nat(12), pages: fc.nat(4) }), { maxLength: 40 });

  it.each([
    ['0.000000016', 1],
    // The part of an ns that is over is left out.
    ['0.00000005', 3],
    // Fewer ns than epochs.
    ['0.000000009', 1],
  ])(
    'of %s s keeps free pages for the peak of 16 epochs of %d ns, and gives back what is more',
    (seconds, epochNs) => {
      fc.assert(
        fc.property(steps, fc.nat(60), fc.nat(6), (some, later, freePages) => {
          const supply = demand(seconds)();
          const uses: Use[] = [];
          let time = 0;
          for (const { after, pages } of some) {
            time += after;
            uses.push({ time, pages });
            supply.used?.(time, pages);
          }
          const now = time + later;
          const peak = peakOf(uses, now, epochNs);
          // One page of those that are free is the block's.
          const isEnough = freePages - 1 >= peak.pages - peak.usedPages;
          expect(supply.returnsAt({ now, since: now, freePages, blockPages: 1 })).toBe(
            isEnough ? AT_ONCE : peak.until,
          );
        }),
        { numRuns: 300 },
      );
    },
  );
});

describe('the seconds of a supply', () => {
  it('are 10 for demand and 2 for hysteresis by default', () => {
    expect(demand()().name).toBe('demand:10');
    expect(hysteresis()().name).toBe('hysteresis:2');
  });

  it.each(['0.000000001', '1', '86400'])('may be %s', (seconds) => {
    expect(hysteresis(seconds)().name).toBe(`hysteresis:${Number(seconds)}`);
  });

  it.each([
    [['0']],
    [['0.0000000004']],
    [['86401']],
    [['86400.1']],
    [['-1']],
    [['1e3']],
    [['x']],
    [['']],
    [['1', '2']],
  ])('cannot be %j', (parameters) => {
    expect(() => hysteresis(...parameters)).toThrow(
      `supply 'hysteresis:${parameters.join(':')}': expected hysteresis:SECONDS, up to 86400, as in hysteresis:2`,
    );
  });
});
