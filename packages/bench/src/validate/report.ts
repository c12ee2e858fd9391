/** The output of `decpool validate`: a table of recordings or scatter runs, then everything that does not agree. */
import { type CellColumns, numberColumn, tableOf, textColumn } from '../text/table.ts';
import type { ValidationResult } from './replay.ts';
import type { Interval } from './scatter/interval.ts';
import { CHURNED_ABOVE, SCATTER_SEEDS, type ScatterResult } from './scatter/scatter.ts';

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

const range = ({ low, high }: Interval) => `${low}..${high}`;

const SCATTER_COLUMNS: CellColumns<ScatterResult> = [
  [textColumn('run'), ({ name }) => name],
  [textColumn('kernel'), ({ kernel }) => kernel],
  [textColumn('kind'), ({ kind }) => kind],
  [numberColumn('requests'), ({ requests }) => requests],
  [numberColumn('pages'), ({ pages }) => pages],
  [numberColumn('by others'), ({ pagesByOthers }) => pagesByOthers],
  [numberColumn('reclaimed'), ({ pagesReclaimed }) => pagesReclaimed],
  [numberColumn('per-CPU'), ({ pagesPerCpu }) => pagesPerCpu],
  [numberColumn('kernel 2M/1G'), ({ kernel2M, kernel1G }) => `${kernel2M}/${kernel1G}`],
  [numberColumn('model 2M/1G'), ({ model2M, model1G }) => `${model2M.median}/${model1G.median}`],
  [numberColumn('min..max'), ({ model2M }) => `${model2M.min}..${model2M.max}`],
  [numberColumn('interval 2M'), ({ band2M }) => range(band2M)],
  [numberColumn('interval 1G'), ({ intervals }) => range(intervals.splits1G)],
  [numberColumn('possible'), ({ intervals }) => intervals.possible2M],
  [textColumn('verdict'), verdictOf],
];

function verdictOf({ passes, kind }: ScatterResult): string {
  if (!passes) return 'OUTSIDE';
  return kind === 'buffers' ? 'explained' : 'inside';
}

const SCATTER_LEGEND = `model: median and min..max over ${SCATTER_SEEDS.length} placement seeds
quiet: other tasks allocated at most ${CHURNED_ABOVE} page for each page of the run; the model's median must be within 25 % of the kernel's 2M splits, or within 3
churned: other tasks allocated more; the kernel must lie in the intervals, from the most clustered to the most spread placement
buffers: chunks of whole blocks and a remainder; the rows must explain the splits, and the number must be possible
possible: the most 2M splits that any placement can cause, without the assumption behind the interval
by others, reclaimed: pages, between the two copies of /proc/vmstat; per-CPU: pages in no free list when /proc/zoneinfo was read
`;

/** The table of runs, what explains the splits of buffers, and why runs fail. */
export function scatterReport(results: readonly ScatterResult[]): ValidationReport {
  const explanations = results.flatMap(({ name, story, pagesReclaimed, pagesMoved }) =>
    story === undefined
      ? []
      : [
          `\n${name}, explained:\n${story.lines.map((line) => `  ${line}\n`).join('')}`,
          `  during the run reclaim freed ${pagesReclaimed} pages and compaction moved ${pagesMoved}\n`,
        ],
  );
  const failing = results.filter(({ passes }) => !passes);
  const failures = failing.map((result) => `\n${result.name}: ${whyOutside(result)}\n`);
  const text = [
    tableOf(SCATTER_COLUMNS, results),
    SCATTER_LEGEND,
    ...explanations,
    ...warningsOf(results),
    ...failures,
  ];
  return { text: text.join(''), passes: failing.length === 0 };
}

function whyOutside({ kind, kernel2M, kernel1G, model2M, intervals, band2M, story }: ScatterResult): string {
  if (kind === 'quiet') {
    return `the kernel split ${kernel2M} 2M entries, the model's median is ${model2M.median}; expected it within 25 % or 3`;
  }
  if (story?.holds === false) return 'the rows do not explain the splits; see above';
  return (
    `the kernel split ${kernel2M} 2M and ${kernel1G} 1G entries; expected ${range(band2M)} and ${range(intervals.splits1G)}; ` +
    `no placement can split more than ${intervals.possible2M} 2M entries`
  );
}
