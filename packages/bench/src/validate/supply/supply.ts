/** `decpool validate --supply`: how many whole blocks a kernel gave, beside the page source started from the same counts. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PageSourceSettings } from '@decpool/model';
import { InputError, type MemoryState, spanOf, x86Geometry } from '@decpool/model';
import { PageSource } from '@decpool/pool/internal';
import { attempt } from '../attempt.ts';
import { isFrom, type Kernel } from '../kernel.ts';
import { KNOWN_DIFFERENCES } from './known.ts';
import { memoryBefore } from './memory.ts';
import { kernelOfFolder, readSupplyRows, type Supply, type SupplyRow } from './rows.ts';

export const SUPPLY_SEEDS = [1, 2, 3] as const;
/** How far the model's number of blocks may be from the kernel's. */
export const TOLERANCE = 0.15;

export interface SupplyResult extends SupplyRow {
  readonly version: string;
  /** Of each seed. */
  readonly model: readonly Supply[];
  /** Whether the seeds' median of blocks is within the tolerance. */
  readonly isWithin: boolean;
  /** Why the numbers differ, if that is known. */
  readonly knownReason: string | undefined;
  readonly passes: boolean;
}

/** All rows of a folder with blocksupply.csv. Those without their memory state are errors of their own. */
export function validateSupply(folder: string): (SupplyResult | InputError)[] {
  const csv = join(folder, 'blocksupply.csv');
  if (!existsSync(csv)) {
    throw new InputError(`${folder}: no blocksupply.csv in it; expected a folder of whole-block runs`);
  }
  const kernel = kernelOfFolder(folder);
  return readSupplyRows(csv).map((row) => attempt(() => validateRow(folder, kernel, row)));
}

function validateRow(folder: string, kernel: Kernel, row: SupplyRow): SupplyResult {
  const { state, flags } = row;
  const before = join(folder, 'supply', `${state}-${flags}`, 'before');
  const memory = memoryBefore(before, `${state} ${flags}`);
  const model = SUPPLY_SEEDS.map((seed) => supplyOf(memory, kernel, row, seed));
  const difference = Math.abs(medianOf(model, ({ got }) => got) - row.kernel.got);
  const isWithin = difference <= row.kernel.got * TOLERANCE;
  const knownReason = KNOWN_DIFFERENCES[`${kernel.major}.${kernel.minor} ${state} ${flags}`];
  return {
    ...row,
    version: kernel.version,
    model,
    isWithin,
    knownReason,
    passes: isWithin || knownReason !== undefined,
  };
}

const rulesOf = (kernel: Kernel): PageSourceSettings['kernel'] => {
  if (isFrom(kernel, 7, 0)) return '7.x';
  return isFrom(kernel, 6, 10) ? '6.12' : '6.x';
};

/** The requests of a row in the model. GFP_TRANSHUGE_LIGHT is movable, and neither wakes kswapd nor waits. */
function supplyOf(memory: MemoryState, kernel: Kernel, row: SupplyRow, seed: number): Supply {
  const isLight = row.flags === 'thp';
  const effort = row.flags === 'noretry' ? 'noretry' : 'reclaim';
  const source = new PageSource(memory, x86Geometry(spanOf(memory)), seed, {
    kernel: rulesOf(kernel),
    perCpuLists: true,
    compaction: !isLight,
    reclaim: !isLight,
  });
  let [got, reclaimed, directly, migrated, stalls] = [0, 0, 0, 0, 0];
  for (let request = 0; request < row.wanted; request++) {
    if (source.claim(row.order, isLight ? 'Movable' : 'Unmovable', undefined, effort) !== -1) got++;
    reclaimed += source.takeReclaimed().reduce((sum, { pages }) => sum + pages, 0);
    directly += source.directPages;
    migrated += source.takeCompacted().reduce((sum, { movedPages }) => sum + movedPages, 0);
    stalls += source.stalls;
  }
  return { got, byKswapd: reclaimed - directly, directly, migrated, stalls };
}

export function medianOf(supplies: readonly Supply[], numberOf: (supply: Supply) => number): number {
  return supplies.map(numberOf).sort((a, b) => a - b)[supplies.length >> 1];
}
