/** Made-up recordings for the specs: a machine of 16 blocks, one zone, with the files that a probe and /proc would give. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@decpool/model';
import { type ScatterResult, validateScatter } from './scatter.ts';

/** The results of a folder without mistakes. Throws the first InputError if there is any. */
export const scatterResults = (dir: string, seeds: readonly number[]): ScatterResult[] =>
  validateScatter(dir, seeds).map((result) => {
    if (result instanceof InputError) throw result;
    return result;
  });

/** Blocks of the made-up machine. */
export const BLOCKS = 16;
const PAGES = BLOCKS * 512;

const HEADER =
  'seq,op,id,method,pfn,npages,rc,level_before,level_after,l2_split_delta,l3_split_delta,l2_collapse_delta,' +
  'l3_collapse_delta,l2_splits,l3_splits,l2_collapses,l3_collapses,dm4k_kB,dm2M_kB,dm1G_kB,ns';

export interface Row {
  readonly op: string;
  readonly id: number;
  readonly pages?: number;
  readonly pfn?: number;
  readonly rc?: number;
  readonly splits2M?: number;
  readonly splits1G?: number;
}

/** A recording of `rows` on a direct map of 2M entries, the first `blocks4K` of which are split already. */
export function csvOf(rows: readonly Row[], blocks4K = 0): string {
  const map = [
    [0, blocks4K * 512, 1],
    [blocks4K * 512, PAGES - blocks4K * 512, 2],
  ].filter(([, pages]) => pages > 0);
  const lines = rows.map((row, seq) => {
    const { op, id, pages = 1, pfn = 0, rc = 0, splits2M = 0, splits1G = 0 } = row;
    const method = op === 'mark' ? '-' : 'dec';
    return [seq, op, id, method, pfn, pages, rc, 2, 1, splits2M, splits1G, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].join(
      ',',
    );
  });
  return [
    HEADER,
    '#map,before,start_pfn,npages,level,flags',
    ...map.map((run) => `#map,before,${run.join(',')},0x0`),
    ...lines,
    '',
  ].join('\n');
}

const counts = (text: readonly number[]) =>
  Array.from({ length: 11 }, (_, order) => text[order] ?? 0).join(' ');

export const buddyinfo = (unmovable: readonly number[]) => `Node 0, zone   Normal ${counts(unmovable)}\n`;

export const pagetypeinfo = (unmovable: readonly number[], pageblocks = BLOCKS) =>
  'Page block order: 9\nPages per block:  512\n\nFree pages count per migrate type at order 0 1 2\n' +
  `Node    0, zone   Normal, type    Unmovable ${counts(unmovable)}\n\n` +
  'Number of blocks type     Unmovable      Movable\n' +
  `Node 0, zone   Normal ${pageblocks} ${BLOCKS - pageblocks}\n`;

export const zoneinfo =
  `Node 0, zone   Normal\n  pages free     1\n        low      0\n        spanned  ${PAGES}\n        present  ${PAGES}\n` +
  '        protection: (0, 0, 0, 0, 0)\n    cpu: 0\n              count: 17\n    cpu: 1\n              count: 4\n' +
  '  start_pfn:           0\n';

/** Counters since boot: pages allocated and reclaimed by anybody, 2M entries split. */
export const vmstat = (allocated: number, reclaimed = 0, splits2M = 0) =>
  `nr_free_pages 1\npgalloc_dma 0\npgalloc_normal ${allocated}\npgfree 0\npgsteal_kswapd ${reclaimed}\npgmigrate_success 5\n` +
  `direct_map_level2_splits ${splits2M}\ndirect_map_level3_splits 0\n`;

/** Writes files into `folder`, by their paths in it. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** What a folder of snapshots holds: the free chunks before, and pages that anybody allocated and 2M entries split during the run. */
export const snapshots = (
  unmovable: readonly number[],
  allocated: number,
  splits2M = 1,
): Record<string, string> => ({
  'before/buddyinfo': buddyinfo(unmovable),
  'before/pagetypeinfo': pagetypeinfo(unmovable),
  'before/vmstat': vmstat(1000),
  'held/vmstat': vmstat(1000 + allocated, 30, splits2M),
  'after/vmstat': vmstat(9000, 30, splits2M),
  'after/zoneinfo': zoneinfo,
});
