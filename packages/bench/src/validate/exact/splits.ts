/** Splits of a recorded sequence beside those that the model's direct map has for the same requests. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '../../files/read-text.ts';
import type { FreelistsStep, RecordedSplits } from '../../traces/memory-state/freelists-steps.ts';
import type { Conversion } from './driver.ts';

/** DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo, in kB. */
type DirectMapKb = readonly [level4K: number, level2M: number, level1G: number];

export interface SplitsResult {
  readonly kernel: RecordedSplits;
  readonly model: RecordedSplits;
  /** What direct_map_level2_splits and direct_map_level3_splits of /proc/vmstat counted; undefined if they were not recorded. */
  readonly counted: RecordedSplits | undefined;
  /** Conversions in which the kernel split more entries than the model. */
  readonly missing: number;
  /** First pages of blocks that only the model split. Unless the direct map was recorded, 4K pages may have mapped them before the dump. */
  readonly mappedBefore: readonly number[];
  readonly isDirectMapKnown: boolean;
  /** Before the run; undefined without a copy of /proc/meminfo. */
  readonly directMapKb: DirectMapKb | undefined;
}

const KB_PER_BLOCK = 2048;
const PAGES_PER_BLOCK = 512;

export function splitsOf(
  conversions: readonly Conversion[],
  steps: readonly FreelistsStep[],
  folder: string,
): Omit<SplitsResult, 'isDirectMapKnown'> {
  const kernel = { splits2M: 0, splits1G: 0 };
  const model = { splits2M: 0, splits1G: 0 };
  const mappedBefore: number[] = [];
  let missing = 0;
  for (const { step, pfn, splits } of conversions) {
    const recorded = step.splits ?? { splits2M: 0, splits1G: 0 };
    kernel.splits2M += recorded.splits2M;
    kernel.splits1G += recorded.splits1G;
    model.splits2M += splits.splits2M;
    model.splits1G += splits.splits1G;
    if (recorded.splits2M > splits.splits2M || recorded.splits1G > splits.splits1G) missing++;
    if (recorded.splits2M < splits.splits2M) mappedBefore.push(pfn - (pfn % PAGES_PER_BLOCK));
  }
  return {
    kernel,
    model,
    counted: countedBy(steps),
    missing,
    mappedBefore,
    directMapKb: directMapKb(folder),
  };
}

function countedBy(steps: readonly FreelistsStep[]): RecordedSplits | undefined {
  const risen = (name: string) => {
    const counter = steps.find((step) => step.kind === 'counter' && step.name === name);
    return counter?.kind === 'counter' ? counter.after - counter.before : undefined;
  };
  const [splits2M, splits1G] = [risen('direct_map_level2_splits'), risen('direct_map_level3_splits')];
  return splits2M === undefined || splits1G === undefined ? undefined : { splits2M, splits1G };
}

/** From the copy of /proc/meminfo in `before/`, if there is one. */
function directMapKb(folder: string): DirectMapKb | undefined {
  const path = join(folder, 'before', 'meminfo');
  if (!existsSync(path)) return undefined;
  const text = readText(path);
  const [level4K, level2M, level1G] = ['4k', '2M', '1G'].map((level) =>
    Number(new RegExp(`^DirectMap${level}: +(\\d+) kB$`, 'm').exec(text)?.[1]),
  );
  return [level4K, level2M, level1G].some(Number.isNaN) ? undefined : [level4K, level2M, level1G];
}

/** What splits change DirectMap4k, DirectMap2M and DirectMap1G by, in kB. */
export const directMapChange = ({ splits2M, splits1G }: RecordedSplits): DirectMapKb => [
  splits2M * KB_PER_BLOCK,
  (splits1G * PAGES_PER_BLOCK - splits2M) * KB_PER_BLOCK,
  -splits1G * PAGES_PER_BLOCK * KB_PER_BLOCK,
];

/** Whether each split of the kernel is the model's, and the model's others can be of blocks that were mapped by 4K pages before. */
export const areSplitsExplained = ({
  missing,
  kernel,
  model,
  mappedBefore,
  isDirectMapKnown,
  directMapKb,
}: SplitsResult): boolean =>
  missing === 0 &&
  !(isDirectMapKnown && mappedBefore.length > 0) &&
  kernel.splits1G === model.splits1G &&
  (directMapKb === undefined || mappedBefore.length * KB_PER_BLOCK <= directMapKb[0]);
