/**
 * A scatter run in the model: the policy gfp-decrypted without everything that cannot split a mapping, so that a run takes
 * milliseconds. And the same with chunks drawn by chance.
 */
import type { Pfn } from '@decpool/model';
import { DirectMap } from '@decpool/model/internal';
import { PageSource } from '@decpool/pool/internal';
import { isFrom, type Kernel } from '../kernel.ts';
import type { ScatterRun } from './run.ts';
import { UniformPlacement } from './uniform.ts';

export interface ModelRun extends PlacedRun {
  /** Chunks of the memory state that were placed in a pageblock of another migratetype. */
  readonly misplaced: number;
  /** Chunks of the memory state that fit nowhere. */
  readonly dropped: number;
}

type RunInput = Pick<ScatterRun, 'memory' | 'geometry' | 'levels' | 'requests'>;

/** `seed` places the free chunks of the memory state. */
export function runModel(run: RunInput, kernel: Kernel, seed: number): ModelRun {
  const source = new PageSource(run.memory, run.geometry, seed, {
    kernel: isFrom(kernel, 6, 15) ? '7.x' : isFrom(kernel, 6, 10) ? '6.12' : '6.x',
    perCpuLists: true,
    // Requests that find no chunk count as refused.
    compaction: false,
  });
  const placed = placeAll(run, {
    claim: (order) => source.claim(order, 'Unmovable'),
    giveBack: (pfn, order) => source.giveBack(pfn, order),
  });
  return { ...placed, misplaced: source.misplaced, dropped: source.dropped };
}

/** The run with chunks drawn uniformly from the free pages. */
export const runUniform = (run: RunInput, seed: number): PlacedRun =>
  placeAll(run, new UniformPlacement(run.memory, run.geometry, seed));

/** Where chunks come from. */
interface Placement {
  claim(order: number): Pfn | -1;
  giveBack(pfn: Pfn, order: number): void;
}

interface PlacedRun {
  readonly splits2M: number;
  readonly splits1G: number;
  /** Requests for which no zone had a chunk. */
  readonly refused: number;
}

const DECRYPTED = { mask: 1, set: true };
const ENCRYPTED = { mask: 1, set: false };

function placeAll({ geometry, levels, requests }: RunInput, placement: Placement): PlacedRun {
  const map = new DirectMap(geometry, levels);
  const held = new Map<string, { readonly pfn: Pfn; readonly order: number }>();
  let [splits2M, splits1G, refused] = [0, 0, 0];
  for (const request of requests) {
    if (request.kind === 'free') {
      const chunk = held.get(request.key);
      // A refused request has nothing to free.
      if (chunk === undefined) continue;
      held.delete(request.key);
      map.change(chunk.pfn, 1 << chunk.order, ENCRYPTED);
      placement.giveBack(chunk.pfn, chunk.order);
      continue;
    }
    const pfn = placement.claim(request.order);
    if (pfn === -1) {
      refused++;
      continue;
    }
    held.set(request.key, { pfn, order: request.order });
    const change = map.change(pfn, 1 << request.order, DECRYPTED);
    splits2M += change.splits2M;
    splits1G += change.splits1G;
    // A split takes a page for a page table out of the same free lists: split_large_page(), arch/x86/mm/pat/set_memory.c.
    for (let pages = change.splits2M + change.splits1G; pages > 0; pages--) placement.claim(0);
  }
  return { splits2M, splits1G, refused };
}
