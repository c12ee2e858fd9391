import { describe, expect, it } from 'vitest';
import { firstChoices } from './block-map-choice.ts';
import { type Change, history, IDLE, LARGE, MIXED, run, SPLIT, USED } from './block-map-testing.ts';

const results = {
  policies: [
    { policy: 'linux-6.12', isBaseline: true },
    { policy: 'gfp-decrypted', isBaseline: false },
    { policy: 'pool', isBaseline: false },
    { policy: 'second', isBaseline: false },
  ],
  ranking: {
    ranked: [{ policies: ['no-log', 'pool'] }, { policies: ['second'] }, { policies: ['linux-6.12'] }],
  },
};
/** Pictures at the peak, which is frame 2. */
const MIXED_3: readonly Change[] = [[3, 1, MIXED, SPLIT]];
const MIXED_4: readonly Change[] = [[4, 2, MIXED, SPLIT]];
const USED_3: readonly Change[] = [[3, 1, USED, LARGE]];
const LATER: readonly Change[] = [...MIXED_3, [4, 3, IDLE, LARGE]];

const chosen = (pictures: Readonly<Record<string, readonly Change[]>>) =>
  firstChoices(
    results,
    history(Object.entries(pictures).map(([policy, changes]) => run(policy, changes))),
  ).map((place) => Object.keys(pictures)[place]);

describe('the policies that the block map shows first', () => {
  it('are the baseline and the best ranked other policy that has a log', () => {
    expect(chosen({ 'linux-6.12': MIXED_3, 'gfp-decrypted': USED_3, pool: USED_3 })).toEqual([
      'linux-6.12',
      'pool',
    ]);
  });

  it('are the baseline and the next ranked policy if the best has as many blocks in each state at the peak', () => {
    const same = { 'linux-6.12': MIXED_3, 'gfp-decrypted': USED_3, second: USED_3 };
    expect(chosen({ ...same, pool: MIXED_4 })).toEqual(['linux-6.12', 'second']);
    expect(chosen({ ...same, pool: LATER })).toEqual(['linux-6.12', 'second']);
  });

  it('include a policy that is not ranked if no ranked one has another picture', () => {
    expect(chosen({ 'linux-6.12': MIXED_3, 'gfp-decrypted': USED_3, pool: MIXED_4, second: LATER })).toEqual([
      'linux-6.12',
      'gfp-decrypted',
    ]);
  });

  it('are the baseline and the best ranked policy if all have the same picture', () => {
    expect(chosen({ 'linux-6.12': MIXED_3, second: MIXED_4, pool: LATER })).toEqual(['linux-6.12', 'pool']);
  });

  it('are the first policies with a log if neither the baseline nor a ranked policy has one', () => {
    expect(chosen({ 'gfp-decrypted': [], other: [] })).toEqual(['gfp-decrypted', 'other']);
  });

  it('is one policy if only one has a log', () => {
    expect(chosen({ pool: USED_3 })).toEqual(['pool']);
  });
});
