/**
 * Where allocations land: the page source serves the requests of a recorded run, and the splits are counted. Free lists have
 * no positions, so the model runs with several placement seeds. Beside it runs placement by chance, from the same seeds.
 */
import { InputError } from '@decpool/model';
import { type Spread, spreadOf } from '../../compare/spread.ts';
import { attempt } from '../attempt.ts';
import { isUnknown } from '../kernel.ts';
import { readRecording } from '../recording.ts';
import { type BufferStory, explainBuffers } from './buffers.ts';
import { csvFilesOf, runFiles } from './files.ts';
import { type ModelRun, runModel, runUniform } from './model.ts';
import { possibleSplits, type Range } from './possible.ts';
import { isScatter, readRun, type ScatterRun } from './run.ts';

/**
 * - `quiet`: other tasks allocated few pages, so the memory state determines the number.
 * - `churned`: other tasks allocated more pages than the run.
 * - `buffers`: chunks of buffers, most of them whole blocks. Their rows explain the number.
 */
type ScatterKind = 'quiet' | 'churned' | 'buffers';

export interface ScatterResult
  extends Pick<ScatterRun, 'pages' | 'pagesByOthers' | 'kernel2M' | 'kernel1G' | 'warnings'> {
  /** The folder as the user gave it. */
  readonly name: string;
  /** `6.1.192-2`. */
  readonly kernel: string;
  readonly kind: ScatterKind;
  /** Pages that reclaim freed meanwhile. */
  readonly pagesReclaimed: number;
  /** Pages that compaction moved meanwhile. */
  readonly pagesMoved: number;
  /** Entries that the model split, over the seeds. */
  readonly model2M: Spread;
  readonly model1G: Spread;
  /** Requests that the model could not serve; the most of all seeds. */
  readonly refused: number;
  /** 2M entries that chance split, over the seeds. */
  readonly uniform2M: Spread;
  /** What any placement can cause. */
  readonly possible2M: Range;
  readonly possible1G: Range;
  /** Of `buffers` only. */
  readonly story: BufferStory | undefined;
  /** Whether the kernel's numbers keep to the rules of splits. */
  readonly isPossible: boolean;
}

const isIn = ({ low, high }: Range, value: number) => value >= low && value <= high;

/**
 * Pages of other tasks per page of the run, above which a run is churned. Recorded: 0.2 to 0.5 on a quiet machine, 3 to 82 on
 * a busy one.
 */
export const CHURNED_ABOVE = 1;

/** Placement seeds: enough for a median that one odd placement does not move. */
export const SCATTER_SEEDS: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1);

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
  const possible = possibleSplits(run);
  const quietKind = pagesByOthers > CHURNED_ABOVE * pages ? 'churned' : 'quiet';
  return {
    name: files.name,
    kernel: recording.kernel.version,
    kind: story === undefined ? quietKind : 'buffers',
    pages,
    pagesByOthers,
    pagesReclaimed: traffic.reclaimed,
    pagesMoved: traffic.moved,
    kernel2M,
    kernel1G,
    model2M: spreadOf(runs.map(({ splits2M }) => splits2M)),
    model1G: spreadOf(runs.map(({ splits1G }) => splits1G)),
    refused: Math.max(...runs.map(({ refused }) => refused)),
    uniform2M: spreadOf(seeds.map((seed) => runUniform(run, seed).splits2M)),
    possible2M: possible.splits2M,
    possible1G: possible.splits1G,
    story,
    isPossible:
      isIn(possible.splits2M, kernel2M) && isIn(possible.splits1G, kernel1G) && story?.holds !== false,
    warnings: [...(isUnknown(recording.kernel) ? [NO_KERNEL] : []), ...run.warnings, ...modelWarnings(runs)],
  };
}

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
