import { InputError, orderFor, type Pfn } from '@decpool/model';
import type { BlockRange } from '../policy.ts';
import type { FreeMap } from './free-map.ts';
import type { Placement, PlacementFactory } from './placement.ts';
import { NO_BIN, TreeBins } from './tree-bins.ts';

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

/**
 * Kinds of trees in order of preference, each a bin. A tree that is less than half free is filled up; others are left to become empty.
 * A tree without free pages is of no kind.
 */
const PARTLY_FREE = 0;
const MOSTLY_FREE = 1;
const WHOLLY_FREE = 2;
const NEARLY_FULL = 3;
const RESERVED = 4;
const KINDS = 5;

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
  readonly #bins: TreeBins;
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
    this.#bins = new TreeBins(KINDS, orderFor(map.geometry.pagesPerBlock), this.#trees);
    const treeAt = (start: number) => Math.floor(start / this.#treePages);
    map.listen({
      put: (start, pages) => this.#changed(treeAt(start), pages),
      taken: (start, pages) => this.#changed(treeAt(start), -pages),
    });
  }

  /** That many pages of the tree became free, after the free map has changed. */
  #changed(tree: number, pages: number): void {
    this.#free[tree] += pages;
    this.#bins.setBin(tree, this.#kindOf(tree));
    const { largestOrder, blocks } = this.#map;
    const end = Math.min(blocks, (tree + 1) * TREE_BLOCKS);
    let order = -1;
    for (let block = tree * TREE_BLOCKS; block < end; block++) order = Math.max(order, largestOrder[block]);
    this.#bins.setOrder(tree, order);
  }

  #kindOf(tree: number): number {
    const free = this.#free[tree];
    const size = this.#treePages;
    if (free === 0) return NO_BIN;
    if (this.#isReserved[tree] === 1) return RESERVED;
    if (free === size) return WHOLLY_FREE;
    if (free >= size / 2) return MOSTLY_FREE;
    return free > size / 16 ? PARTLY_FREE : NEARLY_FULL;
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

  /** Gives the CPU the best tree that holds the request, in place of its own. Of equal ones, the nearest to its last allocation. */
  #placeElsewhere(cpu: number, pages: number, align: number, range: BlockRange): Pfn | -1 {
    const start = Math.floor(this.#blockOf[cpu] / TREE_BLOCKS);
    const order = chunkOrderIn(pages, align);
    const first = Math.floor(range.firstBlock / TREE_BLOCKS);
    const end = Math.min(this.#trees, Math.ceil(range.endBlock / TREE_BLOCKS));
    for (let bin = 0; bin < KINDS; bin++) {
      const wanted = { bin, order, first, end };
      for (
        let step = this.#bins.nextStep(wanted, start, 0);
        step !== -1;
        step = this.#bins.nextStep(wanted, start, step + 1)
      ) {
        const tree = this.#treeAt(start, step);
        const found = this.#placeInTree(tree, cpu, pages, align, range);
        if (found === -1) continue;
        this.#reserve(cpu, tree);
        return found;
      }
    }
    return -1;
  }

  /** The trees before and behind `start` by turns. */
  #treeAt(start: number, step: number): number {
    const offset = step % 2 === 0 ? step / 2 : -(step + 1) / 2;
    return (start + offset + this.#trees) % this.#trees;
  }

  /** A tree that another CPU has reserved stays its own. */
  #reserve(cpu: number, tree: number): void {
    if (this.#isReserved[tree] === 1) return;
    const own = this.#treeOf[cpu];
    this.#treeOf[cpu] = tree;
    this.#isReserved[tree] = 1;
    this.#bins.setBin(tree, this.#kindOf(tree));
    if (own === NONE) return;
    this.#isReserved[own] = 0;
    this.#bins.setBin(own, this.#kindOf(own));
  }
}

/** Order of the largest naturally aligned chunk that every run of `pages` pages from a multiple of `align` on has. */
function chunkOrderIn(pages: number, align: number): number {
  const order = 31 - Math.clz32(pages);
  return align >= 1 << order ? order : order - 1;
}
