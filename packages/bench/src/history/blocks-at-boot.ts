/** What is RAM, and how the direct map maps it at boot, by block; read from the state before the first event. */

import type { MappingLevel } from '@decpool/model';
import { blockIndex, type StateView } from '@decpool/model';
import { BLOCK_MAPPINGS, type InputHistory } from './types.ts';

const levelsOf = (view: StateView): MappingLevel[] =>
  Array.from({ length: view.blocks }, (_, block) => view.block(blockIndex(block)).level);

/** First block and number of blocks of each run of blocks whose mapping level is one of these. */
export function blockRuns(view: StateView, levels: readonly MappingLevel[]): InputHistory['ram'] {
  const runs: [number, number][] = [];
  for (const [block, level] of levelsOf(view).entries()) {
    if (!levels.includes(level)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === block) last[1]++;
    else runs.push([block, 1]);
  }
  return runs;
}

/** Mapping of each block, as an index of BLOCK_MAPPINGS. */
export const mappingsAtBoot = (view: StateView): Uint8Array =>
  Uint8Array.from(levelsOf(view), (level) => BLOCK_MAPPINGS.indexOf(level === 1 ? 'boot' : 'large'));
