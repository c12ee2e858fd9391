/** Placements that remember: what each chooses, step by step, in a pool of small blocks. */
import { type AllocateRequest, allocationId, nanoseconds, pfn } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buddy } from './buddy.ts';
import { bump } from './bump.ts';
import { FreeMap } from './free-map.ts';
import { genpoolFirstFitOrderAlign } from './genpool-first-fit-order-align.ts';
import { lifetime } from './lifetime.ts';
import { llfree } from './llfree.ts';
import { nextFit } from './next-fit.ts';
import type { Placement, PlacementFactory } from './placement.ts';
import { sizeClass } from './size-class.ts';

const BLOCK = 64;
const BLOCKS = 32;
const EVERYWHERE = { firstBlock: 0, endBlock: BLOCKS };
const GEOMETRY = checkGeometry({
  pageShift: 12,
  pagesPerBlock: BLOCK,
  blocksPerRegion: 512,
  spanPages: BLOCKS * BLOCK,
});

/** A pool around a placement: does what PoolPolicy does, and nothing else. */
class Scene {
  readonly map = new FreeMap(GEOMETRY);
  readonly placement: Placement;
  #last = 0;
  readonly #live = new Map<number, { readonly start: number; readonly pages: number }>();

  constructor(factory: PlacementFactory, ...blocks: readonly number[]) {
    this.placement = factory(this.map);
    for (const block of blocks) this.claim(block);
  }

  claim(block: number): void {
    this.map.put(pfn(block * BLOCK), BLOCK);
    this.placement.claimed?.(pfn(block * BLOCK), BLOCK);
  }

  /** The block leaves the pool: it must be empty. */
  giveBack(block: number): void {
    this.map.take(pfn(block * BLOCK), BLOCK);
  }

  request(pages: number, owner = 'x', time = 0): AllocateRequest {
    const allocation = allocationId(this.#last + 1);
    const bytes = pages * 4096;
    return { kind: 'allocate', time: nanoseconds(time), allocation, api: 'alloc_pages', pages, bytes, owner };
  }

  /** Where `pages` naturally aligned pages go; -1 for nowhere. */
  allocate(pages: number, owner?: string, time?: number): number {
    const request = this.request(pages, owner, time);
    const start = this.placement.place(pages, pages, EVERYWHERE, request);
    if (start === -1) return -1;
    this.#last++;
    this.#live.set(start, { start, pages });
    this.map.extents[Math.floor(start / BLOCK)]++;
    this.map.take(start, pages);
    this.placement.given?.(start, pages, request);
    this.#ids.set(start, this.#last);
    return start;
  }

  readonly #ids = new Map<number, number>();

  free(start: number, time = 0): void {
    const { pages } = this.#live.get(start) ?? { pages: 0 };
    const allocation = allocationId(this.#ids.get(start) ?? 0);
    this.placement.freeing?.({ kind: 'free', allocation, time: nanoseconds(time) });
    this.map.extents[Math.floor(start / BLOCK)]--;
    this.map.put(pfn(start), pages);
    this.#live.delete(start);
  }
}

describe('bump', () => {
  it('goes behind the last, whatever was freed before it', () => {
    const scene = new Scene(bump, 0, 1);
    expect([scene.allocate(1), scene.allocate(1), scene.allocate(8)]).toEqual([0, 1, 8]);
    scene.free(1);
    expect(scene.allocate(1)).toBe(16);
  });

  it('begins a block anew when it is empty', () => {
    const scene = new Scene(bump, 0);
    const starts = [scene.allocate(32), scene.allocate(32)];
    expect(scene.allocate(1)).toBe(-1);
    scene.free(starts[0]);
    expect(scene.allocate(1)).toBe(-1);
    scene.free(starts[1]);
    expect(scene.allocate(1)).toBe(0);
  });

  it('counts as usable what nobody has had since the block was empty', () => {
    const scene = new Scene(bump, 0);
    scene.allocate(16);
    scene.free(scene.allocate(16));
    expect(scene.placement.usablePages?.(EVERYWHERE, scene.request(1))).toBe(BLOCK - 32);
    expect(scene.map.freePages).toBe(BLOCK - 16);
  });
});

describe('next-fit', () => {
  it('goes on where it was, and begins again from the start', () => {
    const scene = new Scene(nextFit, 0, 1);
    const first = scene.allocate(32);
    expect([first, scene.allocate(32), scene.allocate(16)]).toEqual([0, 32, 64]);
    scene.free(first);
    expect(scene.allocate(16)).toBe(80);
    expect(scene.allocate(32)).toBe(96);
    expect(scene.allocate(16)).toBe(0);
  });
});

describe('buddy', () => {
  it('takes the smallest chunk, and of those the one that was freed last', () => {
    const scene = new Scene(buddy, 0, 1);
    const all = Array.from({ length: 8 }, () => scene.allocate(8));
    expect(new Set(all.map((start) => Math.floor(start / BLOCK))).size).toBe(1);
    const [low, high] = [Math.min(...all) + 8, Math.min(...all) + 40];
    scene.free(high);
    scene.free(low);
    expect(scene.allocate(4)).toBe(low);
    scene.free(low);
    scene.free(low - 8);
    expect(scene.allocate(16)).toBe(low - 8);
    expect(scene.allocate(8)).toBe(high);
  });

  const history = fc.array(
    fc.record({ pages: fc.integer({ min: 0, max: 6 }).map((order) => 2 ** order), free: fc.nat() }),
    { maxLength: 200 },
  );

  it('takes a chunk of the smallest order that has a free one, as looking at every page would', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const scene = new Scene(buddy, 0, 1, 2, 3);
        const live: number[] = [];
        for (const { pages, free } of steps) {
          const smallest = smallestFreeChunk(scene.map, pages);
          const start = scene.allocate(pages);
          if (smallest === undefined) expect(start).toBe(-1);
          else {
            expect(start).toBeGreaterThanOrEqual(0);
            live.push(start);
            expect(wasInChunkOf(scene.map, start, pages)).toBe(smallest);
          }
          if (free % 3 > 0 && live.length > 0) scene.free(live.splice(free % live.length, 1)[0]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

const isFree = (map: FreeMap, page: number) => map.findFrom(page, 1, 1) === page;
const areFree = (map: FreeMap, start: number, pages: number) =>
  Array.from({ length: pages }, (_, index) => start + index).every((page) => isFree(map, page));

/** The size of the smallest maximal naturally aligned free chunk that holds `pages`. */
function smallestFreeChunk(map: FreeMap, pages: number): number | undefined {
  for (let size = pages; size <= BLOCK; size *= 2) {
    for (let start = 0; start < BLOCKS * BLOCK; start += size) {
      if (!areFree(map, start, size)) continue;
      const parent = start - (start % (2 * size));
      if (size === BLOCK || !areFree(map, parent, 2 * size)) return size;
    }
  }
  return undefined;
}

/** The size of the free chunk that an allocation has just been cut from. */
function wasInChunkOf(map: FreeMap, start: number, pages: number): number {
  let size = pages;
  let base = start;
  while (size < BLOCK) {
    const buddyStart = base ^ size;
    if (!areFree(map, buddyStart, size)) break;
    base = Math.min(base, buddyStart);
    size *= 2;
  }
  return size;
}

describe('genpool-first-fit-order-align', () => {
  it('looks into the block that came last first, and aligns a request to its size', () => {
    const scene = new Scene(genpoolFirstFitOrderAlign, 3, 0, 7);
    expect(scene.allocate(1)).toBe(7 * BLOCK);
    expect(scene.placement.place(3, 1, EVERYWHERE)).toBe(7 * BLOCK + 4);
    scene.claim(1);
    expect(scene.allocate(1)).toBe(BLOCK);
  });

  it('keeps the order of its blocks however often they come and go', () => {
    const scene = new Scene(genpoolFirstFitOrderAlign, 3, 0);
    for (let round = 0; round < 200; round++) {
      const block = 4 + (round % 9);
      scene.claim(block);
      const start = scene.allocate(1);
      expect(start).toBe(block * BLOCK);
      scene.free(start);
      scene.giveBack(block);
    }
    expect(scene.allocate(BLOCK)).toBe(0);
    expect(scene.allocate(1)).toBe(3 * BLOCK);
  });
});

describe('size-class', () => {
  it('never puts two orders into one block', () => {
    const scene = new Scene(sizeClass, 0, 1);
    expect([scene.allocate(1), scene.allocate(4), scene.allocate(1), scene.allocate(4)]).toEqual([
      0, 64, 1, 68,
    ]);
    expect(scene.allocate(2)).toBe(-1);
    expect(scene.placement.usablePages?.(EVERYWHERE, scene.request(4))).toBe(BLOCK - 8);
  });

  it('forgets the order of a block that is empty', () => {
    const scene = new Scene(sizeClass, 0);
    const start = scene.allocate(1);
    expect(scene.allocate(2)).toBe(-1);
    scene.free(start);
    expect(scene.allocate(2)).toBe(0);
  });
});

describe('lifetime', () => {
  const SECOND = 1e9;

  it('learns how long an owner keeps things, and puts the short-lived apart from the others', () => {
    const scene = new Scene(lifetime, 0, 1);
    const unknown = scene.allocate(1, 'ring', 0);
    scene.free(scene.allocate(1, 'io', 0), 1000);
    expect(scene.allocate(1, 'io', SECOND)).toBe(BLOCK);
    expect(scene.allocate(1, 'queue', SECOND)).toBe(unknown + 1);
  });

  /** A pool in which owners have had a page each for so many ns, one after the other, and the blocks that they get pages in then. */
  const blocksOf = (lifetimes: Readonly<Record<string, readonly number[]>>) => {
    const scene = new Scene(lifetime, 0, 1, 2, 3);
    let now = 0;
    for (const [owner, lived] of Object.entries(lifetimes)) {
      for (const time of lived) {
        scene.free(scene.allocate(1, owner, now), now + time);
        now += time;
      }
    }
    return Object.keys(lifetimes).map((owner) => Math.floor(scene.allocate(1, owner, now) / BLOCK));
  };

  it('has a class for each factor of ten from a millisecond to a quarter of an hour', () => {
    for (const end of [1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12]) {
      expect(blocksOf({ shorter: [end - 1], equal: [end], more: [end + 1] })).toEqual([0, 1, 1]);
    }
    expect(blocksOf({ long: [1e12], longer: [1e15] })).toEqual([0, 0]);
    expect(blocksOf({ none: [0], short: [1e6 - 1] })).toEqual([0, 0]);
  });

  it('counts the newest lifetime an eighth', () => {
    // The mean of the logarithms goes up by a little more, or less, than a factor of ten.
    expect(blocksOf({ below: [2e6 - 1], up: [1e5, 1.1e13] })).toEqual([0, 0]);
    expect(blocksOf({ below: [2e6 - 1], up: [1e5, 0.9e13] })).toEqual([0, 1]);
  });

  it('believes the newest lifetimes most', () => {
    const scene = new Scene(lifetime, 0, 1, 2);
    scene.allocate(1, 'ring', 0);
    for (let time = 0; time < 40; time++) scene.free(scene.allocate(1, 'io', time), time + 1000);
    expect(Math.floor(scene.allocate(1, 'io', 50) / BLOCK)).toBe(1);
    for (let time = 0; time < 200; time++) {
      scene.free(scene.allocate(1, 'io', time * SECOND), (time + 100) * SECOND);
    }
    const start = scene.allocate(1, 'io', 300 * SECOND);
    expect(Math.floor(start / BLOCK)).not.toBe(1);
  });
});

describe('llfree', () => {
  const TREE = 8 * BLOCK;
  const claimed = (factory: PlacementFactory) =>
    new Scene(factory, ...Array.from({ length: BLOCKS }, (_, block) => block));

  it('gives each CPU a tree of its own, and fills it', () => {
    const scene = claimed(llfree('2'));
    const first = scene.allocate(1, 'cpu 0');
    const second = scene.allocate(1, 'cpu 1');
    expect(Math.floor(first / TREE)).not.toBe(Math.floor(second / TREE));
    for (let page = 1; page < TREE; page++)
      expect(Math.floor(scene.allocate(1, 'cpu 0') / TREE)).toBe(Math.floor(first / TREE));
    expect(Math.floor(scene.allocate(1, 'cpu 0') / TREE)).not.toBe(Math.floor(first / TREE));
  });

  it('takes a tree that is partly used before one that is empty', () => {
    const scene = claimed(llfree('1'));
    const all = Array.from({ length: 3 * TREE }, () => scene.allocate(1, 'cpu 0'));
    const inTree = (tree: number) => all.filter((start) => Math.floor(start / TREE) === tree);
    const trees = [...new Set(all.map((start) => Math.floor(start / TREE)))];
    for (const start of inTree(trees[0]).slice(0, TREE / 2)) scene.free(start);
    expect(Math.floor(scene.allocate(1, 'cpu 0') / TREE)).toBe(trees[0]);
  });

  it('takes from a tree that another CPU has reserved before it gives up', () => {
    const scene = new Scene(llfree('2'), 0, 1);
    expect(scene.allocate(1, 'cpu 0')).toBe(0);
    expect(scene.allocate(1, 'cpu 1')).toBeGreaterThan(0);
  });
});

describe('every placement', () => {
  it.each([bump, nextFit, buddy, genpoolFirstFitOrderAlign, sizeClass, lifetime, llfree('4')])(
    '%# keeps to the blocks that a request may use',
    (factory) => {
      const { placement } = new Scene(factory, 0, 1, 2);
      const range = { firstBlock: 1, endBlock: 2 };
      expect(Math.floor(placement.place(8, 8, range) / BLOCK)).toBe(1);
      expect(placement.place(8, 8, { firstBlock: 3, endBlock: BLOCKS })).toBe(-1);
    },
  );
});
