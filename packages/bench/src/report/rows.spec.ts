import { beforeAll, describe, expect, it } from 'vitest';
import { spreadOf } from '../compare/spread.ts';
import type { MetricId } from '../metrics/metric.ts';
import { isWithinNoise } from './noise.ts';
import { type Results, resultsOf } from './results.ts';
import { allRowsOf, chosenRowsOf, foldedRows } from './rows.ts';
import { tinyComparison, withValues } from './testing.ts';

let results: Results;
beforeAll(async () => {
  results = resultsOf(await tinyComparison(), 'decpool compare');
});

const rowOf = (label: string, of = results) => allRowsOf(of).find(({ metric }) => metric.label === label)!;

describe('a row', () => {
  it('judges a change by what is better for its metric', () => {
    expect(rowOf('2M splits').cells[1]).toMatchObject({ change: '-100%', isBetter: true });
    expect(rowOf('shared-idle, end').cells[1]).toMatchObject({ change: 'new', isBetter: false });
    expect(rowOf('DirectMap2M').cells[1]).not.toHaveProperty('isBetter');
    expect(rowOf('1G splits').cells[1]).toMatchObject({ value: '0', change: '=' });
    expect(rowOf('1G splits').cells[1]).not.toHaveProperty('isBetter');
  });

  it('of a reason why requests fail is there only when one did', () => {
    expect(rowOf('failed: too-large').cells.map(({ value }) => value)).toEqual(['1', '1']);
    expect(rowOf('failed: out-of-memory')).toBeUndefined();
  });

  it('is there for each metric that was chosen, in that order, if the comparison has it', () => {
    const rows = ['llfree-score', 'of-another-version', 'splits-2m'] as MetricId[];
    const chosen = chosenRowsOf({ ...results, rows });
    expect(chosen.map(({ metric }) => metric.id)).toEqual(['llfree-score', 'splits-2m']);
  });

  it('judges no figure of less work, but for the refusals', () => {
    const refusing = withValues(results, 'failures', [
      [0, 0, 0],
      [2, 2, 2],
    ]);
    expect(rowOf('2M splits', refusing).cells[1]).toMatchObject({ change: '-100%' });
    expect(rowOf('2M splits', refusing).cells[1]).not.toHaveProperty('isBetter');
    expect(rowOf('failed requests', refusing).cells[1]).toMatchObject({ isBetter: false });
  });

  it('does not say block-seconds twice', () => {
    expect(rowOf('shared block-seconds').cells.map(({ value }) => value)).toEqual(['7', '7']);
  });

  it('has a range where seeds differ in what is printed', () => {
    const cellOf = (baseline: number[], other: number[]) =>
      rowOf('2M splits', withValues(results, 'splits-2m', [baseline, other])).cells[1];
    expect(cellOf([1, 1, 1], [9, 8, 10])).toMatchObject({ value: '9', range: '8..10', change: 'x9' });
    const same = cellOf([1, 1, 1], [1, 1.01, 1]);
    expect(same).toMatchObject({ value: '1', change: '=' });
    expect(same).not.toHaveProperty('range');
  });

  it('is the same for all only where no seed makes a difference either', () => {
    const isSame = (...values: [number[], number[]]) =>
      foldedRows([rowOf('2M splits', withValues(results, 'splits-2m', values))]).telling.length === 0;
    expect(isSame([2, 2, 2], [2, 2, 2])).toBe(true);
    expect(isSame([2, 2, 2], [3, 2, 2])).toBe(false);
    expect(isSame([2, 2, 2], [3, 3, 3])).toBe(false);
  });
});

describe('a difference', () => {
  it('is noise where the ranges over the seeds overlap, were it in one value', () => {
    expect(isWithinNoise(spreadOf([10, 11, 12]), spreadOf([12, 13, 14]))).toBe(true);
    expect(isWithinNoise(spreadOf([10, 11, 12]), spreadOf([13, 14, 15]))).toBe(false);
    expect(isWithinNoise(spreadOf([38, 38]), spreadOf([40, 44]))).toBe(false);
    expect(isWithinNoise(spreadOf([10]), spreadOf([9, 11, 20]))).toBe(true);
  });

  it('is none where no seed makes any difference, however small it is', () => {
    expect(isWithinNoise(spreadOf([10, 10]), spreadOf([11, 11]))).toBe(false);
  });

  it('that is noise is marked so, and still has its direction', () => {
    const { cells } = rowOf(
      '2M splits',
      withValues(results, 'splits-2m', [
        [10, 11, 12],
        [12, 13, 14],
      ]),
    );
    expect(cells[1]).toMatchObject({ change: '+18%', isBetter: false, isNoise: true });
  });
});
