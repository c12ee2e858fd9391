/**
 * Where allocations land: the page source serves the requests of a recorded run, and the splits are compared. Free lists have
 * no positions, so the model runs with several placement seeds. How a run is judged depends on how much other tasks allocated.
 */
import { InputError } from '@decpool/model';
import { type Spread, spreadOf } from '../../compare/spread.ts';
import { attempt } from '../attempt.ts';
import { isUnknown } from '../kernel.ts';
import { readRecording } from '../recording.ts';
import { type BufferStory, explainBuffers } from './buffers.ts';
import { csvFilesOf, runFiles } from './files.ts';
import { type Interval, type ScatterIntervals, scatterIntervals } from './interval.ts';
import { type ModelRun, runModel } from './model.ts';
import { isScatter, readRun, type ScatterRun } from './run.ts';
import { perCpuPages } from './traffic.ts';

/**
 * - `quiet`: other tasks allocated few pages, so the state determines the number. The model's median must be near it.
 * - `churned`: other tasks allocated more pages than the run. The kernel must lie in the interval of interval.ts.
 * - `buffers`: chunks of buffers, most of them whole blocks. The rows must explain the number, and it must be possible.
 */
type ScatterKind = 'quiet' | 'churned' | 'buffers';

export interface ScatterResult
  extends Pick<ScatterRun, 'pages' | 'pagesByOthers' | 'kernel2M' | 'kernel1G' | 'warnings'> {
  /** The folder as the user gave it. */
  readonly name: string;
  /** `6.1.192-2`. */
  readonly kernel: string;
  readonly kind: ScatterKind;
  /** Allocations of the run. */
  readonly requests: number;
  /** Pages that reclaim freed meanwhile. */
  readonly pagesReclaimed: number;
  /** Pages that compaction moved meanwhile. */
  readonly pagesMoved: number;
  /** Pages in per-CPU lists when zoneinfo was read. */
  readonly pagesPerCpu: number;
  /** Entries that the model split, over the seeds. */
  readonly model2M: Spread;
  readonly model1G: Spread;
  /** Requests that the model could not serve; the most of all seeds. */
  readonly refused: number;
  readonly intervals: ScatterIntervals;
  /** Where the kernel's 2M splits must lie if the run is not quiet. For `buffers` it ends at all that is possible. */
  readonly band2M: Interval;
  /** Of `buffers` only. */
  readonly story: BufferStory | undefined;
  readonly passes: boolean;
}

/**
 * Pages of other tasks per page of the run, above which a run is churned. Recorded: 0.2 to 0.5 on a quiet machine, 3 to 82 on
 * a busy one.
 */
export const CHURNED_ABOVE = 1;

/** Placement seeds: enough for a median that one odd placement does not move. */
export const SCATTER_SEEDS: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1);

/** A quiet run passes if the median is this near the kernel's 2M splits, in parts of them or in splits. */
const QUIET_BAND = 0.25;
const QUIET_SPLITS = 3;

/**
 * Of each scatter recording of `dir`: the result, or what is wrong with its files. Throws InputError if there is none in a folder
 * without mistakes.
 */
export function validateScatter(dir: string, seeds: readonly number[]): (ScatterResult | InputError)[] {
  const files = csvFilesOf(dir);
  const results = files.flatMap((file) => attempt(() => scatterResult(file, seeds)) ?? []);
  if (results.length > 0) return results;
  throw new InputError(
    `${dir}: ${files.length === 1 ? files[0] : `${files.length} recordings`} without allocations; expected rows that convert ` +
      'after an allocation (x, vb) and before a free (y, vbf), and no other conversions',
  );
}

/** Undefined for a recording of something else. Throws InputError if a file is missing or malformed. */
function scatterResult(file: string, seeds: readonly number[]): ScatterResult | undefined {
  const recording = readRecording(file);
  if (!isScatter(recording)) return undefined;
  const files = runFiles(file);
  const run = readRun(recording, files);
  const runs = seeds.map((seed) => runModel(run, recording.kernel, seed));
  const { pages, pagesByOthers, traffic, kernel2M, kernel1G } = run;
  const story = run.isOfBuffers ? explainBuffers(run, recording.file) : undefined;
  const intervals = scatterIntervals(run);
  const { low } = intervals.splits2M;
  const quietKind = pagesByOthers > CHURNED_ABOVE * pages ? 'churned' : 'quiet';
  const result = {
    name: files.name,
    kernel: recording.kernel.version,
    kind: story === undefined ? quietKind : 'buffers',
    requests: run.allocations.length,
    pages,
    pagesByOthers,
    pagesReclaimed: traffic.reclaimed,
    pagesMoved: traffic.moved,
    pagesPerCpu: perCpuPages(files.proc),
    kernel2M,
    kernel1G,
    model2M: spreadOf(runs.map(({ splits2M }) => splits2M)),
    model1G: spreadOf(runs.map(({ splits1G }) => splits1G)),
    refused: Math.max(...runs.map(({ refused }) => refused)),
    intervals,
    band2M: story === undefined ? intervals.splits2M : { low, high: intervals.possible2M },
    story,
    warnings: [...(isUnknown(recording.kernel) ? [NO_KERNEL] : []), ...run.warnings, ...modelWarnings(runs)],
  } as const;
  return { ...result, passes: passes(result) };
}

function passes(result: Omit<ScatterResult, 'passes'>): boolean {
  const { kind, kernel2M, kernel1G, model2M, intervals, band2M, story } = result;
  if (kind === 'quiet') {
    return Math.abs(model2M.median - kernel2M) <= Math.max(QUIET_SPLITS, QUIET_BAND * kernel2M);
  }
  return isIn(band2M, kernel2M) && isIn(intervals.splits1G, kernel1G) && story?.holds !== false;
}

const isIn = ({ low, high }: Interval, value: number) => value >= low && value <= high;

const NO_KERNEL = `no meta.json beside it, such as {"kernel": "6.1.192"}: the page allocator of 6.1 is used`;

const MODEL_WARNINGS: readonly (readonly [keyof ModelRun, text: string])[] = [
  ['misplaced', 'N free chunks were placed in pageblocks of another migratetype than theirs'],
  ['dropped', 'N free chunks fit nowhere and were left out'],
  ['refused', 'the model found no chunk for N requests; a kernel makes room by reclaim and compaction'],
];

/** N is the most of all seeds. */
const modelWarnings = (runs: readonly ModelRun[]): string[] =>
  MODEL_WARNINGS.flatMap(([count, text]) => {
    const most = Math.max(...runs.map((run) => run[count]));
    return most > 0 ? [text.replace('N', String(most))] : [];
  });
