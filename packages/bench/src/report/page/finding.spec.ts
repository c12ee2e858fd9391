import { expect, it } from 'vitest';
import { findingOf, phraseText } from './finding.ts';
import { type Made, madeResults } from './testing.ts';

const MIB = 2 ** 20;
const told = (made: Made) => {
  const { lead, also } = findingOf(madeResults(made));
  return [lead, ...also].map(phraseText);
};

it('the best ranked policy is told against the baseline, with what it costs more of', () => {
  expect(
    told({ policies: { kernel: [44, MIB, 6600], pool: [0, 64 * MIB, 44] }, ranked: [['pool'], ['kernel']] }),
  ).toEqual([
    'Against kernel, pool, which is ranked first (on the Pareto front, with the best mean place), has no 2M splits instead of 44 and 44 host calls instead of 6,600 (\u00f7150), at the price of 64 MiB.s of shared-idle memory over time instead of 1 MiB.s (\u00d764).',
  ]);
});

it('what stays the same is told, and that the ranges over the seeds overlap', () => {
  expect(
    told({
      policies: { kernel: [10, MIB, 7], pool: [9, MIB, 7] },
      ranked: [['pool'], ['kernel']],
      spread: 2,
    }),
  ).toEqual([
    'Against kernel, pool, which is ranked first (on the Pareto front, with the best mean place), has 9 2M splits instead of 10 (\u00f71.1), the same shared-idle memory over time and host calls.',
    'In 2M splits the ranges of the two policies over the seeds overlap.',
  ]);
});

it('a baseline that is ranked first is told, and who ties with it', () => {
  expect(
    told({
      policies: { kernel: [1, 1, 1], twin: [1, 1, 1], other: [2, 2, 2] },
      ranked: [['kernel', 'twin'], ['other']],
    }),
  ).toEqual([
    'The baseline kernel is ranked first, on the Pareto front, with the best mean place: no other policy is better in 2M splits, shared-idle memory over time and host calls together.',
    'twin has the same 2M splits, shared-idle memory over time and host calls as kernel.',
  ]);
});

it('policies that tie with the best are named', () => {
  expect(
    told({
      policies: { kernel: [2, 1, 1], a: [0, 1, 1], b: [0, 1, 1] },
      ranked: [['a', 'b'], ['kernel']],
    })[1],
  ).toBe('b has the same 2M splits, shared-idle memory over time and host calls as a.');
});

it('who refused requests is not ranked, and that is told', () => {
  const policies = { kernel: [0, 0, 0, 6], pool: [3, 0, 5] };
  expect(told({ policies, ranked: [['pool']] })).toEqual([
    'Of the policies that serve every request, pool is ranked first (on the Pareto front, with the best mean place), with 3 2M splits, 0 B.s of shared-idle memory over time and 5 host calls; the baseline refused some.',
    'kernel refused requests, up to 6 under a seed: the other figures of such a policy are of less work, and it is not ranked.',
  ]);
});

it('one of a thing is told as one, and none as none', () => {
  const policies = { kernel: [0, 0, 0, 6], pool: [0, MIB, 1] };
  expect(told({ policies, ranked: [['pool']] })[0]).toContain(
    'with no 2M splits, 1 MiB.s of shared-idle memory over time and 1 host call;',
  );
});

it('where the ranked figures are the same, that is the finding', () => {
  expect(told({ policies: { a: [1, 1, 1], b: [1, 1, 1] }, ranked: [['a', 'b']] })).toEqual([
    'All 2 policies have the same 2M splits, shared-idle memory over time and host calls: the ranking tells none from another.',
  ]);
});

it('one policy alone is compared with nothing, and outside a confidential VM nothing is shared', () => {
  expect(told({ policies: { a: [1, 1, 1] }, ranked: [['a']] })[0]).toContain('nothing to compare it with');
  const results = madeResults({ policies: { a: [1, 1, 1], b: [1, 1, 1] }, ranked: [['a', 'b']] });
  const outside = findingOf({ ...results, platform: { name: 'none', confidential: false } });
  expect(phraseText(outside.lead)).toContain('nothing is shared');
  expect(outside.also).toEqual([]);
  const refusing = madeResults({ policies: { a: [0, 0, 0, 1], b: [0, 0, 0] }, ranked: [['b']] });
  expect(
    findingOf({ ...refusing, platform: { name: 'none', confidential: false } }).also.map(phraseText),
  ).toEqual([expect.stringContaining('a refused requests, up to 1 under a seed')]);
});
