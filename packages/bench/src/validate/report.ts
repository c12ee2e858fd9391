/** The output of `decpool validate`: a table of recordings or scatter runs, then everything that does not agree. */
import { countText } from '../text/counts.ts';
import { type CellColumns, numberColumn, tableOf, textColumn } from '../text/table.ts';
import type { ValidationResult } from './replay.ts';
import type { Range } from './scatter/possible.ts';
import { CHURNED_ABOVE, SCATTER_SEEDS, type ScatterResult } from './scatter/scatter.ts';
import { type JudgedRun, judge, skillOver, type Verdict } from './scatter/skill.ts';

interface ValidationReport {
  readonly text: string;
  /** Whether the model agrees with the kernel in all of it. */
  readonly passes: boolean;
}

const RECORDING_COLUMNS: CellColumns<ValidationResult> = [
  [textColumn('file'), ({ file }) => file],
  [textColumn('kernel'), ({ kernel }) => kernel],
  [numberColumn('rows'), ({ rows }) => rows],
  [numberColumn('conversions'), ({ conversions }) => conversions],
  [numberColumn('by drivers'), ({ driverConversions }) => driverConversions],
  [numberColumn('map points'), ({ mapPoints }) => mapPoints],
  [numberColumn('splits 2M/1G'), ({ changes }) => `${changes.splits2M}/${changes.splits1G}`],
  [numberColumn('collapses 2M/1G'), ({ changes }) => `${changes.collapses2M}/${changes.collapses1G}`],
  [numberColumn('compared'), ({ comparisons }) => comparisons],
  [numberColumn('mismatches'), ({ mismatches }) => mismatches],
];

/** The table of recordings, and the first mismatch of each. */
export function recordingsReport(results: readonly ValidationResult[]): ValidationReport {
  const total = (count: (notCompared: ValidationResult['notCompared']) => number) =>
    results.reduce((sum, { notCompared }) => sum + count(notCompared), 0);
  const mismatches = results.flatMap(({ file, firstMismatch: first }) =>
    first === undefined
      ? []
      : [`\n${file}:${first.line}: ${first.what}\n  kernel: ${first.kernel}\n  model:  ${first.model}\n`],
  );
  const notCompared =
    `Not compared: rows before the first #map (${total((n) => n.rowsBeforeStart)}), ` +
    `levels and changes in rows that sum up an area (${total((n) => n.rowsWithoutLevels)}), ` +
    `flags of 4K runs in #map (${total((n) => n.runsWithoutFlags)})\n`;
  const text = [tableOf(RECORDING_COLUMNS, results), notCompared, ...warningsOf(results), ...mismatches].join(
    '',
  );
  return { text, passes: mismatches.length === 0 };
}

/** `name` is of a scatter run, `file` of a recording. */
const warningsOf = (results: readonly (ValidationResult | ScatterResult)[]): string[] =>
  results.flatMap((result) =>
    result.warnings.map((text) => `warning: ${'file' in result ? result.file : result.name}: ${text}\n`),
  );

const range = ({ low, high }: Range) => `${low}..${high}`;
const skillText = (skill: number | undefined) => (skill === undefined ? '-' : skill.toFixed(2));

const VERDICTS: Readonly<Record<Verdict, string>> = {
  skill: 'skill',
  weak: 'weak skill',
  none: 'NO SKILL',
  undecided: 'undecided',
};

const SCATTER_COLUMNS: CellColumns<JudgedRun> = [
  [textColumn('run'), ({ name }) => name],
  [textColumn('kernel'), ({ kernel }) => kernel],
  [textColumn('kind'), ({ kind }) => kind],
  [numberColumn('pages'), ({ pages }) => pages],
  [numberColumn('by others'), ({ pagesByOthers }) => pagesByOthers],
  [numberColumn('kernel 2M/1G'), ({ kernel2M, kernel1G }) => `${kernel2M}/${kernel1G}`],
  [numberColumn('model 2M/1G'), ({ model2M, model1G }) => `${model2M.median}/${model1G.median}`],
  [numberColumn('min..max'), ({ model2M }) => `${model2M.min}..${model2M.max}`],
  [numberColumn('percentile'), ({ percentile }) => percentile],
  [numberColumn('uniform'), ({ uniform }) => uniform.splits2M],
  [numberColumn('skill'), ({ uniform }) => skillText(uniform.skill)],
  [numberColumn('constant'), ({ constant }) => constant?.splits2M ?? ''],
  [numberColumn('skill'), ({ constant }) => (constant === undefined ? '' : skillText(constant.skill))],
  [textColumn('verdict'), ({ isPossible, verdict }) => (isPossible ? VERDICTS[verdict] : 'IMPOSSIBLE')],
];

const SCATTER_LEGEND = `2M, 1G: entries split; model: from counts of free chunks (docs/memory-states.md), median and min..max over ${SCATTER_SEEDS.length} placement seeds
percentile: of the kernel's number among the seeds; 0 and 100: outside of them, or at their end
uniform: median over the same seeds if pages are drawn uniformly from the free ones; constant: the median of the other runs
skill: 1 - |model - kernel| / |predictor - kernel|; 1: the model is right, 0: no nearer than uniform or the constant, below: farther
verdict: skill: the model is off by at most half as much as uniform and as the constant; weak skill: by less; NO SKILL: not by less; undecided: model and predictor are right
quiet: other tasks allocated at most ${CHURNED_ABOVE} page for each page of the run; churned: more; buffers: chunks of whole blocks and a remainder
by others: pages, between the two copies of /proc/vmstat
`;

/** The table of runs, what explains the splits of buffers, and why runs fail: no skill, or a number that no placement can cause. */
export function scatterReport(results: readonly ScatterResult[]): ValidationReport {
  const runs = judge(results);
  const explanations = runs.flatMap(({ name, story, pagesReclaimed, pagesMoved }) =>
    story === undefined
      ? []
      : [
          `\n${name}, explained:\n${story.lines.map((line) => `  ${line}\n`).join('')}`,
          `  during the run reclaim freed ${pagesReclaimed} pages and compaction moved ${pagesMoved}\n`,
        ],
  );
  const failures = runs.flatMap((run) => whyFailing(run) ?? []);
  return {
    text: [
      tableOf(SCATTER_COLUMNS, runs),
      SCATTER_LEGEND,
      summaryOf(runs),
      ...explanations,
      ...warningsOf(runs),
      ...failures.map((failure) => `\n${failure}\n`),
    ].join(''),
    passes: failures.length === 0,
  };
}

function summaryOf(runs: readonly JudgedRun[]): string {
  const better = runs.filter(({ verdict }) => verdict === 'skill' || verdict === 'weak').length;
  const [uniform, constant] = [skillOver(runs, (run) => run.uniform), skillOver(runs, (run) => run.constant)];
  return `\nThe model is nearer than chance in ${better} of ${countText(runs.length, 'run')}. Skill over all: ${skillText(uniform)} against uniform, ${skillText(constant)} against the constant\n`;
}

function whyFailing(run: JudgedRun): string | undefined {
  const { name, isPossible, kernel2M, kernel1G, possible2M, possible1G, story } = run;
  if (isPossible) return run.verdict === 'none' ? noSkill(run) : undefined;
  if (story?.holds === false) return `${name}: the rows do not explain the splits; see above`;
  return (
    `${name}: the kernel split ${kernel2M} 2M and ${kernel1G} 1G entries; ` +
    `no placement can split other numbers than ${range(possible2M)} and ${range(possible1G)}`
  );
}

function noSkill({ name, kernel2M, model2M, uniform, constant }: JudgedRun): string {
  const nearer = [
    ...((uniform.skill ?? 1) <= 0 ? [`uniform placement splits ${uniform.splits2M}`] : []),
    ...((constant?.skill ?? 1) <= 0 ? [`the constant is ${constant?.splits2M}`] : []),
  ];
  return `${name}: the kernel split ${kernel2M} 2M entries, the model ${model2M.median}; ${nearer.join(', ')}: no skill`;
}
