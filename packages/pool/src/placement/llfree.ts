import { InputError, type Pfn } from '@decpool/model';
import type { BlockRange } from '../policy.ts';
import type { FreeMap } from './free-map.ts';
import type { Placement, PlacementFactory } from './placement.ts';

/** Blocks in a tree, and the default CPUs, as in the figures of the paper. */
const TREE_BLOCKS = 8;
const CPUS = 8;
const MAX_CPUS = 4096;

/**
 * LLFree (USENIX ATC 2023): blocks are grouped in trees of eight. Each CPU reserves one tree and takes the lowest place in the
 * block where it allocated last, until nothing in the tree fits. Then it reserves another: the nearest that is between a
 * sixteenth and a half free, then one that is more free, then an empty one, then any that fits, and last one that another
 * CPU has reserved. So holes are used up tree by tree, and the rest of memory becomes empty.
 *
 * Few requests name a CPU, so none is looked at: the n-th owner stands for CPU n modulo their number. Nor does a CPU reserve the
 * tree in which it frees (four times in a row). `parameters` are the CPUs. Throws InputError for invalid ones.
 */
export function llfree(...parameters: readonly (number | string)[]): PlacementFactory {
  const [cpus = CPUS] = parameters.map(Number);
  if (parameters.length > 1 || !Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
    throw new InputError(
      `placement 'llfree:${parameters.join(':')}': expected llfree:CPUS, 1 <= CPUS <= ${MAX_CPUS}, as in llfree:${CPUS}`,
    );
  }
  return (map) => new LlFree(map, cpus);
}

/** No tree. */
const NONE = -1;

class LlFree implements Placement {
  readonly name: string;
  readonly #map: FreeMap;
  readonly #treePages: number;
  readonly #trees: number;
  /** Free pages of each tree. */
  readonly #free: Uint16Array;
  /** The tree that each CPU has reserved, and the block in which it allocated last. */
  readonly #treeOf: Int32Array;
  readonly #blockOf: Int32Array;
  readonly #isReserved: Uint8Array;
  readonly #cpuOf = new Map<string, number>();

  constructor(map: FreeMap, cpus: number) {
    this.name = `llfree:${cpus}`;
    this.#map = map;
    this.#treePages = TREE_BLOCKS * map.geometry.pagesPerBlock;
    this.#trees = Math.ceil(map.blocks / TREE_BLOCKS);
    this.#free = new Uint16Array(this.#trees);
    this.#treeOf = new Int32Array(cpus).fill(NONE);
    // CPUs begin far from each other.
    this.#blockOf = Int32Array.from({ length: cpus }, (_, cpu) =>
      Math.min(map.blocks - 1, Math.floor((cpu * this.#trees) / cpus) * TREE_BLOCKS),
    );
    this.#isReserved = new Uint8Array(this.#trees);
    const treeAt = (start: number) => Math.floor(start / this.#treePages);
    map.listen({
      put: (start, pages) => {
        this.#free[treeAt(start)] += pages;
      },
      taken: (start, pages) => {
        this.#free[treeAt(start)] -= pages;
      },
    });
  }

  place(
    pages: number,
    align: number,
    range: BlockRange,
    asker: { readonly owner: string } | undefined,
  ): Pfn | -1 {
    const cpu = this.#cpuFor(asker?.owner ?? '');
    const own = this.#treeOf[cpu];
    const found = own === NONE ? -1 : this.#placeInTree(own, cpu, pages, align, range);
    return found === -1 ? this.#placeElsewhere(cpu, pages, align, range) : found;
  }

  #cpuFor(owner: string): number {
    const known = this.#cpuOf.get(owner);
    if (known !== undefined) return known;
    const cpu = this.#cpuOf.size % this.#treeOf.length;
    this.#cpuOf.set(owner, cpu);
    return cpu;
  }

  /** From the block in which the CPU allocated last, around the tree. */
  #placeInTree(tree: number, cpu: number, pages: number, align: number, range: BlockRange): Pfn | -1 {
    if (this.#free[tree] < pages) return -1;
    const first = tree * TREE_BLOCKS;
    const last = this.#blockOf[cpu];
    const from = last >= first && last < first + TREE_BLOCKS ? last - first : 0;
    for (let step = 0; step < TREE_BLOCKS; step++) {
      const block = first + ((from + step) % TREE_BLOCKS);
      if (block < range.firstBlock || block >= range.endBlock || block >= this.#map.blocks) continue;
      if (this.#map.largest[block] < pages) continue;
      const found = this.#map.findInBlock(block, pages, align);
      if (found === -1) continue;
      this.#blockOf[cpu] = block;
      return found;
    }
    return -1;
  }

  /** Gives the CPU the best tree that holds the request, in place of its own. */
  #placeElsewhere(cpu: number, pages: number, align: number, range: BlockRange): Pfn | -1 {
    for (const suits of PREFERENCES) {
      for (let step = 0; step < this.#trees; step++) {
        const tree = this.#treeNear(cpu, step);
        if (!suits(this.#free[tree], this.#treePages, this.#isReserved[tree] === 1)) continue;
        const found = this.#placeInTree(tree, cpu, pages, align, range);
        if (found === -1) continue;
        this.#reserve(cpu, tree);
        return found;
      }
    }
    return -1;
  }

  /** Around where the CPU allocated last: the trees before and behind it by turns. */
  #treeNear(cpu: number, step: number): number {
    const start = Math.floor(this.#blockOf[cpu] / TREE_BLOCKS);
    const offset = step % 2 === 0 ? step / 2 : -(step + 1) / 2;
    return (start + offset + this.#trees) % this.#trees;
  }

  /** A tree that another CPU has reserved stays its own. */
  #reserve(cpu: number, tree: number): void {
    if (this.#isReserved[tree] === 1) return;
    const own = this.#treeOf[cpu];
    if (own !== NONE) this.#isReserved[own] = 0;
    this.#treeOf[cpu] = tree;
    this.#isReserved[tree] = 1;
  }
}

/** Kinds of trees in order of preference. A tree that is less than half free is filled up; others are left to become empty. */
const PREFERENCES: readonly ((free: number, size: number, isReserved: boolean) => boolean)[] = [
  (free, size, isReserved) => !isReserved && free > size / 16 && free < size / 2,
  (free, size, isReserved) => !isReserved && free >= size / 2 && free < size,
  (free, size, isReserved) => !isReserved && free === size,
  (free, _, isReserved) => !isReserved && free > 0,
  (free, _, isReserved) => isReserved && free > 0,
];
