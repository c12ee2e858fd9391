import { describe, expect, it } from 'vitest';
import type { KnownAnswer } from '../workloads/known-answer.ts';
import { isOff, type MeasuredAnswer } from './measure.ts';
import { answersText, curvesText } from './report.ts';

const answer = (parts: Partial<KnownAnswer>): KnownAnswer => ({
  policy: 'p',
  figure: 'blocks',
  expected: 5.5,
  tolerance: 0,
  source: 'a book',
  ...parts,
});
const measured = (value: number, parts: Partial<KnownAnswer> = {}): MeasuredAnswer => ({
  workload: 'w',
  answer: answer(parts),
  measured: value,
});

describe('a figure is off', () => {
  it.each([
    [5.5, 0, false],
    [5.5 + 1e-12, 0, false],
    [5.5001, 0, true],
    [5.4999, 0, true],
    [5.9, 0.5, false],
    [6.1, 0.5, true],
    [4.9, 0.5, true],
    [Number.NaN, 1, true],
  ])('when %d is measured where 5.5 is expected and %d allowed: %j', (value, tolerance, off) => {
    expect(isOff(measured(value, { tolerance }))).toBe(off);
  });
});

it('the table has expected and measured side by side, how far they are apart, and the sources once', () => {
  const text = answersText([
    measured(5.5),
    measured(5.25, { policy: 'q' }),
    measured(20, { figure: 'llfree-score', expected: 15.1, tolerance: 6, source: 'a paper' }),
  ]);
  expect(text).toMatch(
    /w +│ p +│ blocks at peak \/ lower bound +│ +5\.5000 │ +5\.5000 │ +\+0\.0000 │ rounding │ ok/,
  );
  expect(text).toMatch(
    /q +│ blocks at peak \/ lower bound +│ +5\.5000 │ +5\.2500 │ +-0\.2500 │ rounding │ OFF/,
  );
  expect(text).toMatch(/p +│ LLFree score at the end, % +│ +15\.1 │ +20\.0 │ +\+4\.9 │ +±6\.0 │ ok/);
  expect(text.match(/a book/g)).toHaveLength(1);
});

it('the curves stand beside the published end points, every tenth round', () => {
  const curve = Array.from({ length: 101 }, (_, round) => round / 2);
  const lines = curvesText([{ ...measured(50, { figure: 'llfree-score' }), curve }, measured(1)]).split('\n');
  const row = (round: number) => lines.find((line) => line.startsWith(`│ ${String(round).padStart(5)} │`));
  expect(row(0)).toMatch(/ 0\.0 │ +15\.1 │ +14\.8 │/);
  expect(row(40)).toMatch(/ 20\.0 │ +│ +│/);
  expect(row(100)).toMatch(/ 50\.0 │ +15\.1 │ +94\.3 │/);
  expect(row(5)).toBeUndefined();
});
