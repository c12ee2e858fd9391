/** Runs with the style of their policy, and lines that several runs share. */
import { shortPolicyName } from '@decpool/pool/policy-names';
import type { RunHistory } from '../../../history/types.ts';
import { groupedBy } from '../../../text/groups.ts';
import { chartText, shellWord } from '../escape.ts';
import { type PolicyStyle, policyStyle } from '../palette.ts';
import type { ChartOption, LoggedInput, View } from './figure.ts';

type StyledRun = ReturnType<typeof styledRuns>[number];

/** A chart with more lines cannot be read. */
const LINES_SHOWN = 12;

export const styledRuns = ({ results, history }: LoggedInput) =>
  history.runs.slice(0, LINES_SHOWN).map((run) => ({
    run,
    style: policyStyle(results.policies.findIndex(({ policy }) => policy === run.policy)),
  }));

export interface Line {
  /** Short names of the policies with these values. */
  readonly policies: readonly string[];
  readonly style: PolicyStyle;
  readonly values: readonly number[];
}

export const lineName = ({ policies }: Line): string => chartText(policies.join(' = '));

/** A line as a series, without its points. */
export const lineSeries = (line: Line, { scheme }: View, look: ChartOption): ChartOption => {
  const { colour, dash } = line.style;
  const color = colour[scheme];
  return {
    type: 'line',
    name: lineName(line),
    lineStyle: { type: dash.length === 0 ? 'solid' : [...dash], color, ...look },
    itemStyle: { color },
    emphasis: { disabled: true },
  };
};

export function linesOf(runs: readonly StyledRun[], pick: (run: RunHistory) => readonly number[]): Line[] {
  return [...groupedBy(runs, ({ run }) => pick(run).join()).values()].map((group) => ({
    policies: group.map(({ run }) => shortPolicyName(run.policy)),
    style: group[0].style,
    values: pick(group[0].run),
  }));
}

/** The log of the first run, as a command names it. */
export const logPath = ({ folder, history }: LoggedInput): string => `${folder}/${history.runs[0].log}`;

export const printSeries = ({ folder }: LoggedInput, ...ids: readonly string[]): string =>
  `decpool report ${shellWord(folder)} --csv --series ${ids.join(',')}`;

/** The commands for the values of some series, and for the state at the peak. */
export const seriesCommands = (
  logged: LoggedInput,
  ids: readonly string[],
  what: string,
): readonly string[] => [logged.results.command, printSeries(logged, ...ids), ...showPeak(logged, what)];

/** A command that shows the state at the peak, below a shell comment that says what to look at. */
export const showPeak = (logged: LoggedInput, what: string): readonly string[] => [
  `# ${what}`,
  `decpool show ${shellWord(logPath(logged))} --time ${logged.history.frames.times[logged.history.peakFrame]} --all`,
];
