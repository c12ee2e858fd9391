import { pfn } from '@decpool/model';
import { checkGeometry } from '@decpool/model/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { buddy } from './buddy.ts';
import { FreeMap } from './free-map.ts';

const BLOCK = 32;
const BLOCKS = 12;
const GEOMETRY = checkGeometry({
  pageShift: 12,
  pagesPerBlock: BLOCK,
  blocksPerRegion: 512,
  spanPages: BLOCKS * BLOCK,
});

interface Chunk {
  readonly start: number;
  readonly size: number;
}

/** The free chunks in one list, the one that was freed last first: each answer found by looking at all of them. */
class PlainBuddy {
  chunks: Chunk[] = [];

  place(size: number, from: number, end: number): number {
    const fitting = this.chunks.filter(
      (chunk) => chunk.size >= size && chunk.start >= from && chunk.start < end,
    );
    const least = Math.min(...fitting.map((chunk) => chunk.size));
    return fitting.find((chunk) => chunk.size === least)?.start ?? -1;
  }

  /** Chunk by chunk: what is left of each stays. */
  take(start: number, pages: number): void {
    const end = start + pages;
    for (let at = start; at < end; ) {
      const chunk = this.chunks.find((each) => each.start <= at && at < each.start + each.size);
      if (chunk === undefined) throw new Error(`page ${at} is not free`);
      const chunkEnd = chunk.start + chunk.size;
      this.chunks = this.chunks.filter((each) => each !== chunk);
      for (const rest of [...chunksOf(chunk.start, start), ...chunksOf(end, chunkEnd)])
        this.chunks.unshift(rest);
      at = chunkEnd;
    }
  }

  put(start: number, pages: number): void {
    for (let chunk of chunksOf(start, start + pages)) {
      for (;;) {
        const { start: at, size } = chunk;
        const other = at % (2 * size) === 0 ? at + size : at - size;
        const isFree = (each: Chunk) => each.start === other && each.size === size;
        if (size === BLOCK || !this.chunks.some(isFree)) break;
        this.chunks = this.chunks.filter((each) => !isFree(each));
        chunk = { start: Math.min(at, other), size: 2 * size };
      }
      this.chunks.unshift(chunk);
    }
  }
}

/** The largest naturally aligned chunks of [start, end), from low to high. */
function chunksOf(start: number, end: number): Chunk[] {
  if (start >= end) return [];
  let size = BLOCK;
  while (start % size !== 0 || start + size > end) size /= 2;
  return [{ start, size }, ...chunksOf(start + size, end)];
}

const steps = fc.array(
  fc.record({
    pages: fc.integer({ min: 1, max: BLOCK }),
    firstBlock: fc.nat(BLOCKS - 1),
    blocks: fc.nat(BLOCKS + 2),
    isEverywhere: fc.boolean(),
    pick: fc.nat(),
    /** Beside its size rounded up. */
    align: fc.constantFrom(undefined, undefined, 1, 16),
    /** Whether pages leave that nobody was given, as those of a reserve do: any part of a free run. */
    leaves: fc.integer({ min: 0, max: 4 }).map((at) => at === 0),
  }),
  { maxLength: 200, size: 'max' },
);

it('buddy gives the chunk of the smallest order that was freed last, in whichever blocks a request may use', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const map = new FreeMap(GEOMETRY);
      const placement = buddy(map);
      const plain = new PlainBuddy();
      const live: { start: number; pages: number }[] = [];
      const put = (start: number, pages: number) => {
        map.put(pfn(start), pages);
        plain.put(start, pages);
      };
      for (let block = 0; block < BLOCKS; block++) put(block * BLOCK, BLOCK);
      for (const { pages, firstBlock, blocks, isEverywhere, pick, align, leaves } of all) {
        const size = 2 ** Math.ceil(Math.log2(pages));
        const range = isEverywhere
          ? { firstBlock: 0, endBlock: BLOCKS }
          : { firstBlock, endBlock: firstBlock + blocks };
        const expected = plain.place(
          Math.max(size, align ?? 1),
          range.firstBlock * BLOCK,
          range.endBlock * BLOCK,
        );
        expect(placement.place(pages, align ?? size, range)).toBe(expected);
        if (expected !== -1) {
          map.take(pfn(expected), pages);
          plain.take(expected, pages);
          live.push({ start: expected, pages });
        }
        if (leaves) {
          const block = pick % BLOCKS;
          const runs: { start: number; pages: number }[] = [];
          map.forEachRun(map.blockOf(block * BLOCK), (start, run) => runs.push({ start, pages: run }));
          for (const run of runs.slice(0, 1)) {
            const first = run.start + (firstBlock % run.pages);
            const count = Math.min(pages, run.start + run.pages - first);
            map.take(pfn(first), count);
            plain.take(first, count);
            live.push({ start: first, pages: count });
          }
        }
        if (pick % 2 === 0 && live.length > 0) {
          const [gone] = live.splice(pick % live.length, 1);
          put(gone.start, gone.pages);
        }
      }
    }),
    { numRuns: randomRuns(100) },
  );
});
