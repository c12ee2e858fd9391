import { describe, expect, it } from 'vitest';
import { type Figures, resultsWith } from './testing.ts';
import { phraseText, verdictOf } from './verdict.ts';

const MIB = 2 ** 20;

/** A verdict in short: how it came out, and the metrics that it names. */
function told(figures: Figures, options: { spread?: number } = {}) {
  const { outcome, best, gains, prices, also } = verdictOf(resultsWith(figures, options));
  const ids = (differences: typeof gains) => differences.map(({ metric }) => metric.id);
  return { outcome, best, gains: ids(gains), prices: ids(prices), also: also.length };
}
const leadOf = (figures: Figures) => verdictOf(resultsWith(figures)).lead.map(phraseText).join(' ');

const KERNEL = {
  'splits-2m': 44,
  'host-calls': 6600,
  'shared-idle-byte-seconds': 1,
  'shared-idle-mean': MIB,
};
const POOL = {
  'splits-2m': 0,
  'host-calls': 44,
  'shared-idle-byte-seconds': 64,
  'shared-idle-mean': 64 * MIB,
};

describe('the verdict names the best policy, one gain and one price of a kind', () => {
  it('if the best gains in splits and calls, and pays in idle memory', () => {
    expect(told({ kernel: KERNEL, pool: POOL })).toEqual({
      outcome: 'best',
      best: 'pool',
      gains: ['splits-2m', 'host-calls'],
      prices: ['shared-idle-mean'],
      also: 0,
    });
  });

  it('with both values, in the units of the metric', () => {
    const lead = leadOf({ kernel: KERNEL, pool: POOL });
    for (const figure of ['no 2M splits instead of 44', '44 host calls instead of 6,600']) {
      expect(lead).toContain(figure);
    }
    expect(lead).toMatch(/Price: 64 MiB .* instead of 1 MiB/);
    expect(lead).not.toMatch(/[×÷]/);
  });

  it('if everything is better, there is no price', () => {
    expect(
      told({ kernel: { ...KERNEL, 'shared-idle-byte-seconds': 99 }, pool: { ...KERNEL, 'splits-2m': 1 } }),
    ).toMatchObject({ best: 'pool', gains: ['splits-2m'], prices: [] });
  });

  it('if some of a kind are better and some worse, both are told', () => {
    const mixed = { kernel: { ...KERNEL, 'full-flushes': 5 }, pool: { ...POOL, 'full-flushes': 9 } };
    expect(told(mixed)).toMatchObject({
      gains: ['splits-2m', 'host-calls'],
      prices: ['full-flushes', 'shared-idle-mean'],
    });
  });

  it('a difference within the spread over the seeds is neither gain nor price, and is said', () => {
    const near = { kernel: { 'splits-2m': 10, 'host-calls': 99 }, pool: { 'splits-2m': 9, 'host-calls': 5 } };
    expect(told(near, { spread: 4 })).toMatchObject({ gains: ['host-calls'], prices: [], also: 1 });
  });

  it('a difference of less than half a percent is neither', () => {
    const near = {
      kernel: { ...KERNEL, 'host-calls': 1000 },
      pool: { ...KERNEL, 'splits-2m': 0, 'host-calls': 998 },
    };
    expect(told(near)).toMatchObject({ gains: ['splits-2m'], prices: [] });
  });

  it('one of a thing is one, none is none', () => {
    const lead = leadOf({ kernel: KERNEL, pool: { ...POOL, 'host-calls': 1 } });
    expect(lead).toContain('1 host call instead');
    expect(lead).toContain('no 2M splits');
  });
});

describe('other outcomes', () => {
  it('the baseline is ranked first, and ties are named', () => {
    const verdict = told({ kernel: { 'splits-2m': 1 }, twin: { 'splits-2m': 1 }, other: { 'splits-2m': 2 } });
    expect(verdict).toEqual({ outcome: 'baseline', best: 'kernel', gains: [], prices: [], also: 1 });
  });

  it('the baseline is the only one that serves every request', () => {
    const figures = { kernel: { 'splits-2m': 9 }, pool: { 'splits-2m': 0, failures: 1 } };
    expect(told(figures)).toMatchObject({ outcome: 'baseline', best: 'kernel', also: 0 });
    expect(leadOf(figures)).toContain('serve every request');
  });

  it('policies that tie with the best are named, many are counted', () => {
    expect(leadOf({ kernel: KERNEL, a: POOL, b: POOL })).toMatch(/^Best: a, tied with b\. /);
    expect(leadOf({ kernel: KERNEL, a: POOL, b: POOL, c: POOL, d: POOL })).toMatch(
      /^Best: a, tied with 3 others\. /,
    );
  });

  it('all policies are equal', () => {
    expect(told({ a: { 'splits-2m': 1 }, b: { 'splits-2m': 1 } })).toMatchObject({ outcome: 'same' });
  });

  it('a policy that refused requests is not ranked, however good its figures are', () => {
    const verdict = told({ kernel: KERNEL, pool: POOL, refuser: { 'splits-2m': 0, failures: 3 } });
    expect(verdict).toMatchObject({ best: 'pool', also: 0 });
  });

  it('the baseline refused requests: the best is not compared with it', () => {
    const figures = { kernel: { ...KERNEL, failures: 6 }, pool: POOL };
    expect(told(figures)).toMatchObject({ outcome: 'best', best: 'pool', gains: [], prices: [] });
    expect(leadOf(figures)).toMatch(/44 host calls.*kernel refused 6 requests/);
  });

  it('every policy refused requests: the best refused the fewest', () => {
    const figures = { a: { 'splits-2m': 0, failures: 2 }, b: { 'splits-2m': 9, failures: 1 } };
    expect(told(figures)).toMatchObject({ outcome: 'best', best: 'b', gains: [] });
    expect(leadOf(figures)).toMatch(/refuse the fewest requests \(1\): b/);
  });

  it('a policy that splits most is not best, however little it keeps idle and however few calls it makes', () => {
    const scatter = { 'splits-2m': 99, 'host-calls': 1, 'shared-idle-byte-seconds': 0 };
    expect(told({ kernel: KERNEL, scatter, pool: POOL })).toMatchObject({ best: 'pool' });
  });

  it('one policy alone, and no confidential VM', () => {
    expect(told({ a: KERNEL })).toMatchObject({ outcome: 'alone' });
    const results = resultsWith({ kernel: KERNEL, pool: POOL });
    const outside = verdictOf({ ...results, platform: { name: 'none', confidential: false } });
    expect(outside).toMatchObject({ outcome: 'nothing shared', also: [] });
  });
});
