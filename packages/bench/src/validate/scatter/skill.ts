/**
 * Whether the model knows more of a run than chance does. Its error is compared with that of two predictors that know less:
 * uniform placement, and a constant. A band around the kernel's number would not tell them apart: on fragmented memory uniform
 * placement lies within 25 % of it, on fresh memory a constant does.
 */
import { spreadOf } from '../../compare/spread.ts';
import type { ScatterResult } from './scatter.ts';

/** Splits of 2M entries by a predictor, and the model's skill against it. */
interface Predictor {
  readonly splits2M: number;
  /** Undefined: both are right, so that the run does not tell them apart. */
  readonly skill: number | undefined;
}

/**
 * - `skill`: the model is off by at most half as much as the better predictor.
 * - `weak`: by less than that predictor.
 * - `none`: by as much, or more.
 * - `undecided`: model and predictor are both right.
 */
export type Verdict = 'skill' | 'weak' | 'none' | 'undecided';

export interface JudgedRun extends ScatterResult {
  /** The median of its seeds. */
  readonly uniform: Predictor;
  /** Undefined for the only run. */
  readonly constant: Predictor | undefined;
  /** Of the kernel's number among the model's seeds; seeds with the same number count by half. */
  readonly percentile: number;
  readonly verdict: Verdict;
}

/**
 * The skill score of forecast verification with the absolute error: 1 - |forecast - observed| / |reference - observed|. 1: the
 * forecast is right; 0: it is off by as much as the reference; below 0: by more. Murphy, Monthly Weather Review 116 (1988) p. 2417;
 * https://glossary.ametsoc.org/wiki/Skill
 */
export function skillScore(error: number, referenceError: number): number | undefined {
  if (error === 0 && referenceError === 0) return undefined;
  return 1 - error / referenceError;
}

/** From this skill on a verdict is `skill`. */
const CLEAR_SKILL = 0.5;

/** The constant of a run is the median of the other runs: of all constants the one with the smallest sum of absolute errors there. */
export function judge(results: readonly ScatterResult[]): JudgedRun[] {
  return results.map((result) => {
    const { kernel2M, model2M, uniform2M } = result;
    const against = (splits2M: number): Predictor => ({
      splits2M,
      skill: skillScore(Math.abs(model2M.median - kernel2M), Math.abs(splits2M - kernel2M)),
    });
    const others = results.filter((other) => other !== result).map((other) => other.kernel2M);
    const uniform = against(uniform2M.median);
    const constant = others.length === 0 ? undefined : against(spreadOf(others).median);
    return {
      ...result,
      uniform,
      constant,
      percentile: percentileOf(kernel2M, model2M.values),
      verdict: verdictOf([uniform, ...(constant === undefined ? [] : [constant])]),
    };
  });
}

function percentileOf(value: number, values: readonly number[]): number {
  const below = values.filter((each) => each < value).length;
  const same = values.filter((each) => each === value).length;
  return (100 * (below + same / 2)) / values.length;
}

function verdictOf(predictors: readonly Predictor[]): Verdict {
  const skills = predictors.flatMap(({ skill }) => skill ?? []);
  if (skills.length < predictors.length) return 'undecided';
  const least = Math.min(...skills);
  if (least <= 0) return 'none';
  return least < CLEAR_SKILL ? 'weak' : 'skill';
}

/** Skill over all runs: errors are summed before they are compared. Undefined if no error is left, or a run lacks the predictor. */
export function skillOver(
  runs: readonly JudgedRun[],
  predictor: (run: JudgedRun) => Predictor | undefined,
): number | undefined {
  const errors = runs.map((run) => {
    const reference = predictor(run)?.splits2M;
    return reference === undefined ? Number.NaN : Math.abs(reference - run.kernel2M);
  });
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const model = sum(runs.map(({ model2M, kernel2M }) => Math.abs(model2M.median - kernel2M)));
  return Number.isNaN(sum(errors)) ? undefined : skillScore(model, sum(errors));
}
