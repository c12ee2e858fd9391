/**
 * Where a kernel's allocations land, kernel against model: the requests of a recorded run are given to the page
 * source, from the free lists that were recorded before it, and the splits are compared. Free lists are counts; where the
 * chunks lie is guessed, so the model runs with several seeds. What "right" means depends on how quiet the machine was.
 */
import { InputError } from '@decpool/model';
import { type Spread, spreadOf } from '../../compare/spread.ts';
import { readRecording } from '../recording.ts';
import { type BufferStory, explainBuffers } from './buffers.ts';
import { csvFilesOf, runFiles } from './files.ts';
import { type Interval, type ScatterIntervals, scatterIntervals } from './interval.ts';
import { type ModelRun, runModel } from './model.ts';
import { isOfBuffers, isScatter } from './requests.ts';
import { readRun, type ScatterRun } from './run.ts';
import { perCpuPages } from './traffic.ts';

/**
 * - `quiet`: hardly anybody else allocated, so the state determines the number; the model's median must be near it.
 * - `churned`: others allocated more than was asked for; the kernel must lie in the interval of interval.ts.
 * - `buffers`: chunks of buffers, most of them whole blocks; the rows must explain the number, and it must be possible.
 */
export type ScatterKind = 'quiet' | 'churned' | 'buffers';

export interface ScatterResult {
  /** The folder as given. */
  readonly name: string;
  /** `6.1.192-2`. */
  readonly kernel: string;
  readonly kind: ScatterKind;
  /** Allocations asked for, and their pages. */
  readonly requests: number;
  readonly pages: number;
  /** Pages that others allocated meanwhile. */
  readonly pagesByOthers: number;
  /** Pages that reclaim freed meanwhile. */
  readonly pagesReclaimed: number;
  /** Pages that compaction moved meanwhile. */
  readonly pagesMoved: number;
  /** Pages in per-CPU lists, at the moment that zoneinfo was read. */
  readonly pagesPerCpu: number;
  /** What the kernel split. */
  readonly kernel2M: number;
  readonly kernel1G: number;
  /** What the model split, over the seeds. */
  readonly model2M: Spread;
  readonly model1G: Spread;
  /** Requests that the model could not serve, at most. */
  readonly refused: number;
  readonly intervals: ScatterIntervals;
  /** Where the kernel's 2M splits must lie unless the run is quiet: the interval, or for `buffers` all that is possible. */
  readonly band2M: Interval;
  /** Of `buffers` only. */
  readonly story: BufferStory | undefined;
  readonly passes: boolean;
  readonly warnings: readonly string[];
}

/**
 * Others' pages per page asked for, above which a run is churned. Below, they take at most as much out of the lists as
 * the run itself. (In the recorded runs: 0.2 to 0.5 on a quiet machine, 3 to 82 on a busy one.)
 */
export const CHURNED_ABOVE = 1;

/** Placement seeds: enough for a median that one odd guess does not move. */
export const SCATTER_SEEDS: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1);

/** A quiet run passes when the median is this near the kernel's 2M splits, in parts of them or in splits. */
const QUIET_BAND = 0.25;
const QUIET_SPLITS = 3;

/**
 * Every scatter recording that `dir` stands for. Throws InputError when there is none, or when a file that it needs
 * is missing or malformed.
 */
export function validateScatter(dir: string, seeds: readonly number[]): ScatterResult[] {
  const files = csvFilesOf(dir);
  const recordings = files.map(readRecording).filter(isScatter);
  if (recordings.length === 0) {
    throw new InputError(
      `${dir}: ${files.length === 1 ? files[0] : `${files.length} recordings`} without allocations; expected rows that convert ` +
        'after an allocation (x, vb) and before a free (y, vbf), and no other conversions',
    );
  }
  return recordings.map((recording) => {
    const files = runFiles(recording.file);
    const run = readRun(recording, files);
    const { memory, geometry, levels, requests } = run;
    const runs = seeds.map((seed) => runModel(memory, geometry, levels, requests, recording.kernel, seed));
    const story = isOfBuffers(recording) ? explainBuffers(recording, levels) : undefined;
    const result = {
      name: files.name,
      kernel: recording.kernel.version,
      pagesPerCpu: perCpuPages(files.proc),
      ...comparisonOf(run, runs, story),
    };
    return { ...result, passes: passes(result) };
  });
}

/** What is told of a run apart from its name, and before the verdict. */
function comparisonOf(run: ScatterRun, runs: readonly ModelRun[], story: BufferStory | undefined) {
  const { pages, pagesByOthers, traffic, kernel2M, kernel1G } = run;
  const intervals = scatterIntervals(run);
  const { low } = intervals.splits2M;
  const kind: ScatterKind =
    story !== undefined ? 'buffers' : pagesByOthers > CHURNED_ABOVE * pages ? 'churned' : 'quiet';
  return {
    kind,
    requests: run.allocations,
    pages,
    pagesByOthers,
    pagesReclaimed: traffic.reclaimed,
    pagesMoved: traffic.moved,
    kernel2M,
    kernel1G,
    model2M: spreadOf(runs.map(({ splits2M }) => splits2M)),
    model1G: spreadOf(runs.map(({ splits1G }) => splits1G)),
    refused: Math.max(...runs.map(({ refused }) => refused)),
    intervals,
    band2M: kind === 'buffers' ? { low, high: intervals.possible2M } : intervals.splits2M,
    story,
    warnings: [...run.warnings, ...modelWarnings(runs)],
  };
}

function passes(result: Omit<ScatterResult, 'passes'>): boolean {
  const { kind, kernel2M, kernel1G, model2M, intervals, band2M, story } = result;
  if (kind === 'quiet') {
    return Math.abs(model2M.median - kernel2M) <= Math.max(QUIET_SPLITS, QUIET_BAND * kernel2M);
  }
  return isIn(band2M, kernel2M) && isIn(intervals.splits1G, kernel1G) && (story === undefined || story.holds);
}

const isIn = ({ low, high }: Interval, value: number) => value >= low && value <= high;

function modelWarnings(runs: readonly ModelRun[]): string[] {
  const most = (pick: (run: ModelRun) => number) => Math.max(...runs.map(pick));
  const [misplaced, dropped, refused] = [
    most((run) => run.misplaced),
    most((run) => run.dropped),
    most((run) => run.refused),
  ];
  const warnings: string[] = [];
  if (misplaced > 0) {
    warnings.push(`${misplaced} free chunks were placed in pageblocks of another migratetype than theirs`);
  }
  if (dropped > 0) warnings.push(`${dropped} free chunks fit nowhere and were left out`);
  if (refused > 0) {
    warnings.push(
      `the model found no chunk for ${refused} requests; a kernel makes room by reclaim and compaction`,
    );
  }
  return warnings;
}
