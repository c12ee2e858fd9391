import { PLACEMENTS } from '@decpool/pool/internal';
import { expect, it } from 'vitest';
import { worstCaseOf } from './worst-case.ts';

it('knows the worst cases that theory knows, with where they were shown', () => {
  const firstFit = worstCaseOf('first-fit+block+immediate', 7);
  expect(firstFit.blockSeconds.value).toBe(10);
  expect(firstFit.blocksPeak.value).toBe(2.4942);
  for (const supply of ['never-return', 'hysteresis:2']) {
    expect(worstCaseOf(`first-fit+block+${supply}`, 7).blockSeconds.formula).toBe('none known');
  }
  expect(worstCaseOf('first-fit+page+immediate', undefined).blockSeconds.value).toBeUndefined();
  expect(worstCaseOf('best-fit+block+immediate', 7).blockSeconds.formula).toBe('unbounded');
  for (const placement of ['best-fit', 'worst-fit'])
    expect(worstCaseOf(`${placement}+block+immediate`, 7).blocksPeak.value).toBe(3);
  // 1 + r/2 for the order of a block.
  expect(worstCaseOf('buddy+block+immediate', 7).blocksPeak).toMatchObject({
    formula: '1 + r/2, r = 9',
    value: 5.5,
  });
});

it('claims nothing without a source, and nothing of the baselines', () => {
  for (const placement of Object.keys(PLACEMENTS)) {
    const { blocksPeak, blockSeconds } = worstCaseOf(`${placement}+block+immediate`, 2);
    for (const { formula, source } of [blocksPeak, blockSeconds]) {
      expect(source === undefined).toBe(formula === 'none known');
    }
  }
  for (const policy of ['linux-6.12', 'first-fit']) {
    expect(worstCaseOf(policy, 2).blocksPeak.formula).toBe('none known');
  }
});
