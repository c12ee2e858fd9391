/** Runs with the place of their policy in the comparison, and those that a figure does not tell apart. */
import type { RunHistory } from '../../../history/types.ts';
import { shellWord } from '../escape.ts';
import { type PolicyStyle, policyStyle } from '../palette.ts';
import type { Told } from './figure.ts';

export interface StyledRun {
  readonly run: RunHistory;
  readonly style: PolicyStyle;
}

/** Beyond so many a chart of lines is a tangle. */
const MOST = 12;

export const styledRuns = ({ results, history }: Told): readonly StyledRun[] =>
  history.runs.slice(0, MOST).map((run) => ({
    run,
    style: policyStyle(results.policies.findIndex(({ policy }) => policy === run.policy)),
  }));

export interface Line {
  /** Policies with these very values. */
  readonly policies: readonly string[];
  readonly style: PolicyStyle;
  readonly values: readonly number[];
}

/** A line for each group of runs that coincide. */
export function linesOf(runs: readonly StyledRun[], pick: (run: RunHistory) => readonly number[]): Line[] {
  const lines = new Map<string, { policies: string[]; style: PolicyStyle; values: readonly number[] }>();
  for (const { run, style } of runs) {
    const values = pick(run);
    const key = values.join();
    const line = lines.get(key);
    if (line === undefined) lines.set(key, { policies: [run.policy], style, values });
    else line.policies.push(run.policy);
  }
  return [...lines.values()];
}

/** The log of the first run, as a command names it. */
export const logPath = ({ folder, history }: Told): string => `${folder}/${history.runs[0].log}`;

/** A command that prints all values of figures over time, by the ids of the series. */
export const printSeries = ({ folder }: Told, ...ids: readonly string[]): string =>
  `decpool report ${shellWord(folder)} --csv --series ${ids.join(',')}`;

/** A command that shows the state at the peak, below a line that says what of it to look at: a shell takes it as a comment. */
export const showPeak = (told: Told, what: string): readonly string[] => [
  `# ${what}`,
  `decpool show ${shellWord(logPath(told))} --time ${told.history.frames.times[told.history.peakFrame]} --all`,
];
