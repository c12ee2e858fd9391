import {
  type AllocateRequest,
  allocationId,
  InputError,
  nanoseconds,
  pfn,
  x86Geometry,
} from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BlockRange } from '../policy.ts';
import { FreeMap } from './free-map.ts';
import { llfree } from './llfree.ts';

const BLOCK = 32;
const TREE_BLOCKS = 8;
const TREE = BLOCK * TREE_BLOCKS;

/** The same choices, found by looking at each tree for each preference. */
class PlainLlfree {
  readonly #map: FreeMap;
  readonly #cpus: { tree: number | undefined; block: number }[];
  readonly #owners: string[] = [];

  constructor(map: FreeMap, cpus: number) {
    this.#map = map;
    this.#cpus = Array.from({ length: cpus }, (_, cpu) => ({
      tree: undefined,
      block: Math.min(map.blocks - 1, Math.floor((cpu * this.#trees) / cpus) * TREE_BLOCKS),
    }));
  }

  place(pages: number, align: number, range: BlockRange, owner: string): number {
    if (!this.#owners.includes(owner)) this.#owners.push(owner);
    const cpu = this.#cpus[this.#owners.indexOf(owner) % this.#cpus.length];
    const isIn = (tree: number) => this.#cpus.some((other) => other.tree === tree);
    const kinds: ((free: number, isReserved: boolean) => boolean)[] = [
      (free, isReserved) => !isReserved && free > TREE / 16 && free < TREE / 2,
      (free, isReserved) => !isReserved && free >= TREE / 2 && free < TREE,
      (free, isReserved) => !isReserved && free === TREE,
      (free, isReserved) => !isReserved && free > 0,
      (_, isReserved) => isReserved,
    ];
    const nearest = this.#nearestTo(Math.floor(cpu.block / TREE_BLOCKS));
    const others = kinds.flatMap((suits) => nearest.filter((tree) => suits(this.#freeIn(tree), isIn(tree))));
    for (const tree of cpu.tree === undefined ? others : [cpu.tree, ...others]) {
      for (const block of this.#blocksOf(tree, cpu.block)) {
        if (block < range.firstBlock || block >= range.endBlock) continue;
        const found = this.#lowestIn(block, pages, align);
        if (found === undefined) continue;
        cpu.block = block;
        if (!isIn(tree)) cpu.tree = tree;
        return found;
      }
    }
    return -1;
  }

  get #trees(): number {
    return Math.ceil(this.#map.blocks / TREE_BLOCKS);
  }

  #nearestTo(start: number): number[] {
    const trees = Array.from({ length: this.#trees }, (_, step) => {
      const distance = Math.ceil(step / 2);
      return (start + (step % 2 === 1 ? -distance : distance) + this.#trees) % this.#trees;
    });
    expect(new Set(trees).size).toBe(this.#trees);
    return trees;
  }

  /** From the block of the last allocation, around the tree. */
  #blocksOf(tree: number, last: number): number[] {
    const first = tree * TREE_BLOCKS;
    const from = last >= first && last < first + TREE_BLOCKS ? last - first : 0;
    return Array.from({ length: TREE_BLOCKS }, (_, step) => first + ((from + step) % TREE_BLOCKS)).filter(
      (block) => block < this.#map.blocks,
    );
  }

  #isFree(page: number): boolean {
    return this.#map.findFrom(page, 1, 1) === page;
  }

  #freeIn(tree: number): number {
    return this.#map.freePagesIn(tree * TREE_BLOCKS, (tree + 1) * TREE_BLOCKS);
  }

  #lowestIn(block: number, pages: number, align: number): number | undefined {
    for (let at = block * BLOCK; at + pages <= (block + 1) * BLOCK; at += align) {
      if (Array.from({ length: pages }, (_, index) => at + index).every((page) => this.#isFree(page)))
        return at;
    }
    return undefined;
  }
}

const sizes = fc.oneof(
  fc.nat(5).map((order) => ({ pages: 2 ** order, align: 2 ** order })),
  fc.integer({ min: 1, max: BLOCK }).map((pages) => ({ pages, align: 2 ** Math.ceil(Math.log2(pages)) })),
  fc.integer({ min: 1, max: BLOCK }).map((pages) => ({ pages, align: 1 })),
);
/** Enough to fill trees, and to leave few free pages in some. */
const steps = fc.array(
  fc.record({
    repeat: fc.integer({ min: 1, max: 40 }),
    size: sizes,
    owner: fc.constantFrom('a', 'b', 'c'),
    freed: fc.nat(60),
    pick: fc.nat(),
    border: fc.option(fc.nat(), { freq: 3 }),
  }),
  { minLength: 5, maxLength: 40 },
);

it('llfree chooses the tree that looking at all of them would, in the blocks that a request may use', () => {
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 43 }),
      fc.integer({ min: 1, max: 3 }),
      (all, blocks, cpus) => {
        const map = new FreeMap(
          checkGeometry({
            pageShift: 12,
            pagesPerBlock: BLOCK,
            blocksPerRegion: 512,
            spanPages: blocks * BLOCK,
          }),
        );
        const placement = llfree(`${cpus}`)(map);
        const plain = new PlainLlfree(map, cpus);
        for (let block = 0; block < map.blocks; block++) map.put(pfn(block * BLOCK), BLOCK);
        const live: { start: number; pages: number }[] = [];
        for (const { repeat, size, owner, freed, pick, border } of all) {
          const { pages, align } = size;
          const cut = (border ?? 0) % map.blocks;
          const range =
            pick % 2 === 0 ? { firstBlock: cut, endBlock: map.blocks } : { firstBlock: 0, endBlock: cut + 1 };
          const zone = border === null ? { firstBlock: 0, endBlock: map.blocks } : range;
          for (let count = 0; count < repeat; count++) {
            const asker: AllocateRequest = {
              kind: 'allocate',
              time: nanoseconds(0),
              allocation: allocationId(1),
              api: 'alloc_pages',
              pages,
              bytes: pages * 4096,
              owner,
            };
            const expected = plain.place(pages, align, zone, owner);
            expect(placement.place(pages, align, zone, asker)).toBe(expected);
            if (expected === -1) break;
            map.take(pfn(expected), pages);
            live.push({ start: expected, pages });
          }
          for (let count = 0; count < freed && live.length > 0; count++) {
            const [gone] = live.splice((pick + count * 7) % live.length, 1);
            map.put(pfn(gone.start), gone.pages);
          }
        }
      },
    ),
    { numRuns: randomRuns(60) },
  );
});

it('llfree finds a run of 20 pages that holds no aligned chunk of 16', () => {
  const map = new FreeMap(
    checkGeometry({ pageShift: 12, pagesPerBlock: BLOCK, blocksPerRegion: 512, spanPages: 16 * TREE }),
  );
  const placement = llfree()(map);
  map.put(pfn(9 * TREE + 6), 20);
  const everywhere = { firstBlock: 0, endBlock: map.blocks };
  expect(placement.place(20, 1, everywhere)).toBe(9 * TREE + 6);
  expect(placement.place(16, 16, everywhere)).toBe(-1);
});

it('llfree fills a tree that is between a sixteenth and a half free, then takes one that is more free, an empty one, and then any', () => {
  /** The tree that the second request goes to, if so many pages of these trees are free and none of the first one is. */
  const chosen = (free: Readonly<Record<number, number>>) => {
    const map = new FreeMap(
      checkGeometry({ pageShift: 12, pagesPerBlock: BLOCK, blocksPerRegion: 512, spanPages: 6 * TREE }),
    );
    const placement = llfree(1)(map);
    for (let block = 0; block < map.blocks; block++) map.put(pfn(block * BLOCK), BLOCK);
    const everywhere = { firstBlock: 0, endBlock: map.blocks };
    expect(placement.place(1, 1, everywhere)).toBe(0);
    for (let tree = 0; tree < 6; tree++) {
      // Pages from the first on are taken.
      const end = (tree + 1) * TREE - (free[tree] ?? 0);
      map.forEachBlock(pfn(tree * TREE), end - tree * TREE, (start, pages) => map.take(start, pages));
    }
    return Math.floor(placement.place(1, 1, everywhere) / TREE);
  };
  // The nearest come first: 5, 1, 4, 2, 3.
  const [sixteenth, half] = [TREE / 16, TREE / 2];
  expect(chosen({ 5: half - 1, 1: half - 1 })).toBe(5);
  expect(chosen({ 5: half, 1: half - 1 })).toBe(1);
  expect(chosen({ 5: half, 1: half + 1 })).toBe(5);
  expect(chosen({ 5: TREE, 1: TREE - 1 })).toBe(1);
  expect(chosen({ 5: sixteenth + 1, 1: half - 1 })).toBe(5);
  expect(chosen({ 5: sixteenth, 1: sixteenth + 1 })).toBe(1);
  expect(chosen({ 5: sixteenth, 1: TREE })).toBe(1);
  expect(chosen({ 5: sixteenth - 1, 1: TREE })).toBe(1);
  expect(chosen({ 3: 1 })).toBe(3);
});

it('llfree has 1 to 4096 CPUs, default: 8', () => {
  const nameOf = (...parameters: (number | string)[]) =>
    llfree(...parameters)(new FreeMap(checkGeometry({ ...x86Geometry(TREE), pagesPerBlock: BLOCK }))).name;
  expect([nameOf(), nameOf('1'), nameOf(4096)]).toEqual(['llfree:8', 'llfree:1', 'llfree:4096']);
  for (const wrong of [[0], [4097], [1.5], ['x'], [2, 2]]) {
    expect(() => llfree(...wrong)).toThrow(InputError);
    expect(() => llfree(...wrong)).toThrow(
      `placement 'llfree:${wrong.join(':')}': expected llfree:CPUS, 1 <= CPUS <= 4096, as in llfree:8`,
    );
  }
});
