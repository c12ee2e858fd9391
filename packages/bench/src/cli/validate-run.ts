import Table from 'cli-table3';
import { type ValidationResult, validateRecording } from '../validate/replay.ts';
import type { Interval } from '../validate/scatter/interval.ts';
import {
  CHURNED_ABOVE,
  SCATTER_SEEDS,
  type ScatterResult,
  validateScatter,
} from '../validate/scatter/scatter.ts';

/** Told of every recording, before anything is written. */
type OnDone = (done: number, all: number) => void;

/**
 * `decpool validate`: replays recordings of real kernels through the model and writes what was compared.
 * Resolves to the exit code: 0, or 1 when a kernel did otherwise than the model. Throws InputError for a file that
 * is missing or malformed.
 */
export async function validateCommand(
  files: string[],
  write: (text: string) => void,
  onDone?: OnDone,
): Promise<number> {
  const results = files.map((file, index) => {
    const result = validateRecording(file);
    onDone?.(index + 1, files.length);
    return result;
  });
  const table = new Table({
    head: [
      'file',
      'kernel',
      'rows',
      'conversions',
      'by drivers',
      'map points',
      'splits 2M/1G',
      'collapses 2M/1G',
      'compared',
      'mismatches',
    ],
    colAligns: ['left', 'left', ...Array(8).fill('right')],
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) table.push(cells(result));
  write(`${table.toString()}\n`);
  write(`${notCompared(results)}\n`);

  const failing = results.filter((result) => result.mismatches > 0);
  for (const { file, firstMismatch: first } of failing) {
    if (first === undefined) continue;
    write(`\n${file}:${first.line}: ${first.what}\n  kernel: ${first.kernel}\n  model:  ${first.model}\n`);
  }
  return failing.length === 0 ? 0 : 1;
}

function cells(result: ValidationResult): (string | number)[] {
  const { splits2M, splits1G, collapses2M, collapses1G } = result.changes;
  return [
    result.file,
    result.kernel,
    result.rows,
    result.conversions,
    result.driverConversions,
    result.mapPoints,
    `${splits2M}/${splits1G}`,
    `${collapses2M}/${collapses1G}`,
    result.comparisons,
    result.mismatches,
  ];
}

function notCompared(results: readonly ValidationResult[]): string {
  const total = (pick: (result: ValidationResult['notCompared']) => number) =>
    results.reduce((count, result) => count + pick(result.notCompared), 0);
  return (
    `Not compared: rows before the first #map (${total((n) => n.rowsBeforeStart)}), ` +
    `levels in rows that sum up an area (${total((n) => n.rowsWithoutLevels)}), ` +
    `flags of 4K runs in #map (${total((n) => n.runsWithoutFlags)})`
  );
}

/**
 * `decpool validate --scatter`: gives the requests of recorded runs to the page source and writes kernel beside model.
 * Resolves to the exit code: 0, or 1 when a run lies outside its band. Throws InputError for a folder that is no
 * recording of allocations, or lacks what was read from /proc before and after the run.
 */
export async function scatterCommand(
  dirs: string[],
  write: (text: string) => void,
  onDone?: OnDone,
): Promise<number> {
  const results = dirs.flatMap((dir, index) => {
    const found = validateScatter(dir, SCATTER_SEEDS);
    onDone?.(index + 1, dirs.length);
    return found;
  });
  const table = new Table({
    head: [
      'run',
      'kernel',
      'kind',
      'requests',
      'pages',
      'by others',
      'reclaimed',
      'per-CPU',
      'kernel 2M/1G',
      'model 2M/1G',
      'min..max',
      'interval 2M',
      'interval 1G',
      'possible',
      'verdict',
    ],
    colAligns: ['left', 'left', 'left', ...Array(11).fill('right'), 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) table.push(scatterCells(result));
  write(`${table.toString()}\n${SCATTER_LEGEND}`);

  for (const { name, story, pagesReclaimed, pagesMoved } of results) {
    if (story === undefined) continue;
    write(`\n${name}, explained:\n${story.lines.map((line) => `  ${line}\n`).join('')}`);
    write(`  meanwhile reclaim freed ${pagesReclaimed} pages and ${pagesMoved} pages were moved\n`);
  }
  for (const { name, warnings } of results) {
    for (const warning of warnings) write(`warning: ${name}: ${warning}\n`);
  }
  const failing = results.filter(({ passes }) => !passes);
  for (const result of failing) write(`\n${result.name}: ${whyOutside(result)}\n`);
  return failing.length === 0 ? 0 : 1;
}

const SCATTER_LEGEND = `model: median and min..max over ${SCATTER_SEEDS.length} placement seeds
quiet: others allocated at most ${CHURNED_ABOVE} page for each page that the run asked for; the median must be within 25 % of the kernel or within 3
churned: they allocated more; the kernel must lie in the intervals, from the most clustered to the most spread placement
buffers: chunks of whole blocks and a remainder; the rows must explain the splits, and as many must be possible
possible: 2M splits that no placement exceeds, without the placement prior that bounds the interval
by others, reclaimed: pages, between the copies of /proc/vmstat; per-CPU: pages in no free list, when /proc/zoneinfo was read
`;

const range = ({ low, high }: Interval) => `${low}..${high}`;

function scatterCells(result: ScatterResult): (string | number)[] {
  const { model2M, model1G, intervals, band2M } = result;
  return [
    result.name,
    result.kernel,
    result.kind,
    result.requests,
    result.pages,
    result.pagesByOthers,
    result.pagesReclaimed,
    result.pagesPerCpu,
    `${result.kernel2M}/${result.kernel1G}`,
    `${model2M.median}/${model1G.median}`,
    `${model2M.min}..${model2M.max}`,
    range(band2M),
    range(intervals.splits1G),
    intervals.possible2M,
    result.passes ? (result.kind === 'buffers' ? 'explained' : 'inside') : 'OUTSIDE',
  ];
}

function whyOutside({ kind, kernel2M, kernel1G, model2M, intervals, band2M, story }: ScatterResult): string {
  if (kind === 'quiet') {
    return `the kernel split ${kernel2M} 2M entries, the model's median is ${model2M.median}; expected it within 25 % or 3`;
  }
  if (story?.holds === false) return 'the rows do not explain the splits; see above';
  return (
    `the kernel split ${kernel2M} 2M and ${kernel1G} 1G entries; expected ${range(band2M)} ` +
    `and ${range(intervals.splits1G)} in the intervals, and at most ${intervals.possible2M} 2M entries wherever memory was free`
  );
}
