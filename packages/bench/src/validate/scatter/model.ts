/**
 * A recorded run as the model does it: its requests go to the page source one by one, each conversion to the direct
 * map. That is policy gfp-decrypted stripped to what can split a mapping, and without the pool's events: a run takes
 * milliseconds. The page-table page that a split needs comes out of the same free lists, as in the kernel
 * (split_large_page, arch/x86/mm/pat/set_memory.c), and stays.
 */
import { DirectMap, type Geometry, type MappingRun, type MemoryState, type Pfn } from '@decpool/model';
import { createPageSource } from '@decpool/pool';
import type { Kernel } from '../kernel.ts';
import type { ScatterRequest } from './requests.ts';

export interface ModelRun {
  readonly splits2M: number;
  readonly splits1G: number;
  /** Requests for which no zone had a chunk. */
  readonly refused: number;
  /** Chunks of the memory state that the placement guess put into a pageblock of another migratetype. */
  readonly misplaced: number;
  /** Chunks of the memory state that it could not place. */
  readonly dropped: number;
}

/** The page allocator of a kernel. Its compaction is left out: requests that find no chunk are told as refused. */
function pageSourceOf({ major, minor }: Kernel) {
  const claimsPageblocks = major > 6 || (major === 6 && minor >= 15);
  return { kernel: claimsPageblocks ? '7.x' : '6.x', perCpuLists: true, compaction: false } as const;
}

const DECRYPTED = { mask: 1, set: true };
const ENCRYPTED = { mask: 1, set: false };

/** `seed` places the free chunks of `memory`; `levels` are the mapping levels at the start. */
export function runModel(
  memory: MemoryState,
  geometry: Geometry,
  levels: readonly MappingRun[],
  requests: readonly ScatterRequest[],
  kernel: Kernel,
  seed: number,
): ModelRun {
  const source = createPageSource(memory, geometry, seed, pageSourceOf(kernel));
  const map = new DirectMap(geometry, levels);
  const held = new Map<string, { readonly pfn: Pfn; readonly order: number }>();
  let [splits2M, splits1G, refused] = [0, 0, 0];
  for (const request of requests) {
    if (request.kind === 'free') {
      const chunk = held.get(request.key);
      // What was refused has nothing to free.
      if (chunk === undefined) continue;
      held.delete(request.key);
      map.change(chunk.pfn, 1 << chunk.order, ENCRYPTED);
      source.giveBack(chunk.pfn, chunk.order);
      continue;
    }
    const pfn = source.claim(request.order, 'Unmovable');
    if (pfn === -1) {
      refused++;
      continue;
    }
    held.set(request.key, { pfn, order: request.order });
    const change = map.change(pfn, 1 << request.order, DECRYPTED);
    splits2M += change.splits2M;
    splits1G += change.splits1G;
    for (let pages = change.splits2M + change.splits1G; pages > 0; pages--) source.claim(0, 'Unmovable');
  }
  return { splits2M, splits1G, refused, misplaced: source.misplaced, dropped: source.dropped };
}
