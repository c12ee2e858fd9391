import { describe, expect, it } from 'vitest';
import { spreadOf } from '../../compare/spread.ts';
import type { ScatterResult } from './scatter.ts';
import { judge, skillOver, skillScore } from './skill.ts';

const run = (kernel2M: number, model: readonly number[], uniform: number) =>
  ({ kernel2M, model2M: spreadOf(model), uniform2M: spreadOf([uniform]) }) as ScatterResult;

describe('the skill score', () => {
  it('is 1 for a right forecast, 0 for one that is off as the reference, and below 0 for a worse one', () => {
    expect(skillScore(0, 7)).toBe(1);
    expect(skillScore(7, 7)).toBe(0);
    expect(skillScore(14, 7)).toBe(-1);
    expect(skillScore(14, 0)).toBe(Number.NEGATIVE_INFINITY);
    expect(skillScore(0, 0)).toBeUndefined();
  });
});

describe('a run', () => {
  const verdictOf = (...runs: ScatterResult[]) => judge(runs).map(({ verdict }) => verdict);

  it('shows skill if the model is off by at most half as much as chance', () => {
    expect(verdictOf(run(10, [15], 20))).toEqual(['skill']);
    expect(verdictOf(run(10, [16], 20))).toEqual(['weak']);
    expect(verdictOf(run(10, [20], 20))).toEqual(['none']);
    expect(verdictOf(run(10, [10], 10))).toEqual(['undecided']);
  });

  it('must show it against the constant as well: the median of the other runs', () => {
    const runs = judge([run(10, [14], 500), run(12, [12], 500), run(100, [90], 500), run(13, [13], 500)]);
    expect(runs.map(({ constant }) => constant?.splits2M)).toEqual([13, 13, 12, 12]);
    expect(runs.map(({ verdict }) => verdict)).toEqual(['none', 'skill', 'skill', 'skill']);
  });

  it('has no constant if it is alone', () => {
    expect(judge([run(10, [14], 500)])[0].constant).toBeUndefined();
  });

  it('has the percentile of the kernel among the seeds; equal ones count by half', () => {
    const percentile = (kernel: number) => judge([run(kernel, [3, 4, 4, 9], 0)])[0].percentile;
    expect([2, 3, 4, 5, 9, 10].map(percentile)).toEqual([0, 12.5, 50, 75, 87.5, 100]);
  });
});

describe('uniform placement and a constant in place of the model', () => {
  const kernels = [1, 4, 5, 6, 9, 21, 48, 75, 407, 425];
  const uniform = [6, 428, 172, 433, 8, 73, 55, 344, 456, 486];
  const verdictsIf = (model: (index: number) => number) =>
    judge(kernels.map((kernel, index) => run(kernel, [model(index)], uniform[index]))).map(
      ({ verdict }) => verdict,
    );

  it('do not pass', () => {
    expect(new Set(verdictsIf((index) => uniform[index]))).toEqual(new Set(['none']));
    for (let constant = 0; constant < 500; constant++) {
      expect(verdictsIf(() => constant)).toContain('none');
    }
  });

  it('have next to no skill over all runs', () => {
    const over = (model: (index: number) => number) => {
      const runs = judge(kernels.map((kernel, index) => run(kernel, [model(index)], uniform[index])));
      return [skillOver(runs, (each) => each.uniform), skillOver(runs, (each) => each.constant)];
    };
    expect(over((index) => uniform[index])[0]).toBe(0);
    for (let constant = 0; constant < 500; constant++) {
      expect(over(() => constant)[1]).toBeLessThan(0.1);
    }
  });
});
