import { describe, expect, it } from 'vitest';
import { firstChoices } from './block-map-choice.ts';

const results = {
  policies: [
    { policy: 'linux-6.12', isBaseline: true },
    { policy: 'gfp-decrypted', isBaseline: false },
    { policy: 'pool', isBaseline: false },
  ],
  ranking: { ranked: [{ policies: ['no-log', 'pool'] }, { policies: ['linux-6.12'] }] },
};

describe('the policies that are looked at first', () => {
  it('are the baseline, and the best ranked of the others that has a log', () => {
    expect(firstChoices(results, ['linux-6.12', 'gfp-decrypted', 'pool'])).toEqual([0, 2]);
  });

  it('are whatever has a log where baseline and ranked ones have none', () => {
    expect(firstChoices(results, ['gfp-decrypted', 'other'])).toEqual([0, 1]);
  });

  it('is one where one has a log', () => {
    expect(firstChoices(results, ['pool'])).toEqual([0]);
  });
});
