/** What became of the mutants of a module. */
import { changeText } from './equivalent.ts';
import type { Mutant } from './mutants.ts';

export interface Outcome {
  readonly module: string;
  readonly mutants: readonly Mutant[];
  /** No spec that was run comes by them. */
  readonly unreached: readonly Mutant[];
  /** Left out, with a reason in equivalent.ts. */
  readonly equivalent: readonly Mutant[];
  readonly survivors: readonly Mutant[];
  readonly found: number;
  /** Not found, and not tried with all tests that reach them, for want of time. */
  readonly untried: readonly Mutant[];
  readonly seconds: number;
}

const COLUMNS = [
  'module',
  'mutants',
  'equivalent',
  'not reached',
  'found',
  'survived',
  'not tried to the end',
  'found of reached',
  'seconds',
];

/** A mutant that was not tried to the end counts as one that no spec finds. */
const share = ({ found, survivors, untried }: Outcome): number => {
  const reached = found + survivors.length + untried.length;
  return reached === 0 ? 1 : found / reached;
};

export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) =>
    [
      outcome.module,
      outcome.mutants.length,
      outcome.equivalent.length,
      outcome.unreached.length,
      outcome.found,
      outcome.survivors.length,
      outcome.untried.length,
      `${(100 * share(outcome)).toFixed(1)} %`,
      outcome.seconds.toFixed(0),
    ].map(String),
  );
  const all = [COLUMNS, COLUMNS.map((_, at) => (at === 0 ? '---' : '---:')), ...rows];
  return all.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

export const mutantText = (mutant: Mutant): string =>
  `${mutant.file}:${mutant.line}  ${changeText(mutant)}\n    ${mutant.text}`;
