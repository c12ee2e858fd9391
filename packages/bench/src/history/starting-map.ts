/** What is RAM, and how the direct map maps it at boot, by block. */
import type { LogHeader, MappingRun } from '@decpool/model';
import { BLOCK_MAPPINGS, type InputHistory } from './types.ts';

type BlockRuns = InputHistory['ram'];

/** Bytes mapped by 4K, 2M and 1G entries at boot; where the platform maps by pages, all by 4K entries. */
export function mappedAtBoot({ memory, geometry, platform }: LogHeader): [number, number, number] {
  const bytes: [number, number, number] = [0, 0, 0];
  for (const [, pages, level] of memory.directMap) {
    if (level !== 0)
      bytes[(platform.directMap === 'pages' ? 1 : level) - 1] += pages * 2 ** geometry.pageShift;
  }
  return bytes;
}

/** First block and number of blocks of each run of RAM: a block with any RAM counts. */
export const ramOf = (header: LogHeader): BlockRuns => blocksOf(header, ([, , level]) => level !== 0);

/** The same of what 4K entries map at boot: a block that has any is mapped by them as a whole. */
export const boot4KOf = (header: LogHeader): BlockRuns =>
  blocksOf(header, ([, , level]) => level === 1 || (level !== 0 && header.platform.directMap === 'pages'));

function blocksOf({ memory, geometry }: LogHeader, isIn: (run: MappingRun) => boolean): BlockRuns {
  const runs: [number, number][] = [];
  for (const run of memory.directMap.filter(isIn)) {
    const first = Math.floor(run[0] / geometry.pagesPerBlock);
    const end = Math.ceil((run[0] + run[1]) / geometry.pagesPerBlock);
    const last = runs.at(-1);
    if (last !== undefined && first <= last[0] + last[1]) last[1] = Math.max(last[1], end - last[0]);
    else if (end > first) runs.push([first, end - first]);
  }
  return runs;
}

/** Mapping of each block at boot, as an index of BLOCK_MAPPINGS. */
export function mappingsAtBoot(header: LogHeader): Uint8Array {
  const mappings = new Uint8Array(header.geometry.spanPages / header.geometry.pagesPerBlock);
  const boot = BLOCK_MAPPINGS.indexOf('boot');
  for (const [first, blocks] of boot4KOf(header)) mappings.fill(boot, first, first + blocks);
  return mappings;
}
