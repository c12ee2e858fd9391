/** For specs: a `freelists v1` file of one small zone, and the page flags of a dump. */
import { type MemoryState, spanOf } from '@decpool/model';
import { unpackChunks } from '@decpool/model/internal';
import type { PageFlags } from './page-flags.ts';

export const SMALL_DUMP = [
  'freelists v1 kernel=7.3.4+deb13-amd64 smp=2 cpu=0 state=made kind=mix seed=1 convert=0',
  'Z 2 name=Normal start=1024 end=4096 free=1030 min=8 low=10 high=12 boost=2 managed=2500 present=2550 flags=0x4 reserved_highatomic=1 free_highatomic=0 lowmem_reserve=0,0,3,3,3',
  'Q 2 0 count=3 high=16 batch=4 high_min=16 high_max=16 alloc_factor=0 free_count=0 flags=2 free_diff=-1',
  'Q 2 1 count=0 high=16 batch=4 high_min=16 high_max=16 alloc_factor=0 free_count=0 flags=0 free_diff=0',
  'B 2 1024 2 0',
  'B 2 2048 3 1',
  'B 2 3584 1 -1',
  'M 2 0 0 100 100 0 0',
  'L 2 0 0 1027 1025 1030',
  'L 2 1 0 1028',
  'L 2 10 1 2048',
  'P 2 0 0 1024',
  'P 2 0 3 1032',
] as const;

/** A whole file: the dump and these lines. `replaced` is a line of the dump, by its beginning, and what stands there instead. */
export function freelistsText(
  steps: readonly string[] = [],
  replaced?: readonly [begins: string, text: string],
): string {
  const dump = SMALL_DUMP.map((line) =>
    replaced !== undefined && line.startsWith(replaced[0]) ? replaced[1] : line,
  );
  return [...dump, ...steps, 'end', ''].join('\n');
}

const [LRU, BUDDY, NOPAGE] = [1 << 5, 1 << 10, 1 << 20];

/** What /proc/kpageflags shows of a memory state with every list: free pages, holes, and so many pages on LRU lists in each pageblock. */
export function pageFlagsOf(memory: MemoryState): PageFlags {
  const bits = new Uint32Array(spanOf(memory)).fill(NOPAGE);
  for (const [start, pages] of memory.zones.flatMap(({ ram }) => ram)) bits.fill(0, start, start + pages);
  for (const { lists, movable, end } of memory.exact?.zones ?? []) {
    for (const [order, , packed] of lists) {
      for (const pfn of unpackChunks(packed, end)) bits.fill(BUDDY, pfn, pfn + (1 << order));
    }
    for (const [first, blocks, pages] of movable) {
      for (let block = first; block < first + blocks * 512; block += 512) {
        for (let pfn = block, left = pages; pfn < block + 512 && left > 0; pfn++) {
          if (bits[pfn] !== 0) continue;
          bits[pfn] = LRU;
          left--;
        }
      }
    }
  }
  return { path: 'kpageflags', pages: bits.length, of: (pfn) => bits[pfn] };
}
