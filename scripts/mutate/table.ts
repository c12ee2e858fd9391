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
  /** Not tried for want of time. */
  readonly untried: number;
  readonly seconds: number;
}

const COLUMNS = [
  'module',
  'mutants',
  'tried',
  'not reached',
  'equivalent',
  'found',
  'survived',
  'found of tried',
  'seconds',
];

const share = ({ found, survivors }: Outcome): number =>
  found + survivors.length === 0 ? 1 : found / (found + survivors.length);

export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) =>
    [
      outcome.module,
      outcome.mutants.length,
      outcome.found + outcome.survivors.length,
      outcome.unreached.length,
      outcome.equivalent.length,
      outcome.found,
      outcome.survivors.length,
      `${(100 * share(outcome)).toFixed(1)} %`,
      outcome.seconds.toFixed(0),
    ].map(String),
  );
  const all = [COLUMNS, COLUMNS.map((_, at) => (at === 0 ? '---' : '---:')), ...rows];
  return all.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

export const mutantText = (mutant: Mutant): string =>
  `${mutant.file}:${mutant.line}  ${changeText(mutant)}\n    ${mutant.text}`;
