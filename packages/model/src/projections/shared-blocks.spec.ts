import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockCount } from '../geometry.ts';
import { batchOf, EXAMPLE_EVENTS, SMALL, type Told } from '../testing.ts';
import { allocationId, pfn } from '../units.ts';
import { SharedBlocks } from './shared-blocks.ts';

const BLOCKS = Array.from({ length: blockCount(SMALL) }, (_, block) => block);

const sharedOf = (exposed: readonly number[]) => exposed.filter((pages) => pages > 0).length;
const mixedOf = (exposed: readonly number[]) =>
  exposed.filter((pages) => pages > 0 && pages < SMALL.pagesPerBlock).length;

/** Types of events after which a peak counts. */
const CHANGING: readonly string[] = [
  'pages-claimed',
  'pages-returned',
  'pages-decrypted',
  'pages-encrypted',
  'vm-area-decrypted',
  'vm-area-encrypted',
  'conversion-failed',
  'pages-leaked',
];

const observed = (blocks: SharedBlocks, event: Told): void => blocks.observe(batchOf([event]), 0);

/** Memory page by page: which pages the host sees. */
class Pages {
  readonly exposed = new Set<number>();

  /** An event about pages from `start` on that are alike, up to `most`. */
  event(what: number, start: number, most: number): Told {
    const isExposed = this.exposed.has(start);
    let pages = 0;
    while (pages < most && start + pages < SMALL.spanPages && this.exposed.has(start + pages) === isExposed)
      pages++;
    const range = { pfn: pfn(start), pages } as const;
    if (what === 0) return { type: 'pages-claimed', ...range, migratetype: 'Unmovable' };
    if (what === 1) return { type: 'pages-leaked', ...range, owner: 0 };
    if (what === 2) return { type: 'user-mapped', allocation: allocationId(1) };
    if (what === 3) {
      if (!isExposed) this.#expose(start, pages);
      return { type: 'conversion-failed', ...range, direction: isExposed ? 'encrypt' : 'decrypt' };
    }
    if (isExposed) for (let page = start; page < start + pages; page++) this.exposed.delete(page);
    else this.#expose(start, pages);
    if (what === 4)
      return { type: isExposed ? 'vm-area-encrypted' : 'vm-area-decrypted', ...range, offset: 0 };
    return { type: isExposed ? 'pages-encrypted' : 'pages-decrypted', ...range };
  }

  #expose(start: number, pages: number): void {
    for (let page = start; page < start + pages; page++) this.exposed.add(page);
  }

  /** Pages of each block that the host sees. */
  get inBlocks(): number[] {
    const counts = BLOCKS.map(() => 0);
    for (const page of this.exposed) counts[Math.floor(page / SMALL.pagesPerBlock)]++;
    return counts;
  }
}

/** Mostly whole blocks, or what is left of them. */
const actions = fc.array(
  fc.record({
    what: fc.nat(9),
    start: fc.oneof(
      fc.constantFrom(...BLOCKS).map((block) => block * SMALL.pagesPerBlock),
      fc.nat(SMALL.spanPages - 1),
    ),
    most: fc.constantFrom(1, 16, 32, 64, 100),
    passes: fc.nat(3),
  }),
  { minLength: 20, maxLength: 60, size: 'max' },
);

describe('shared blocks', () => {
  it('are those with a page that the host sees: now, since when, at most, and over time', () => {
    fc.assert(
      fc.property(actions, fc.integer({ min: 2, max: 9 }), (chosen, takenEvery) => {
        const pages = new Pages();
        const blocks = new SharedBlocks(SMALL);
        let exposed = pages.inBlocks;
        const since = BLOCKS.map(() => -1);
        let [time, blockTime, peak, mixedPeak] = [0, 0n, 0, 0];
        let recent: number[][] = [];
        for (const [index, { what, start, most, passes }] of chosen.entries()) {
          blockTime += BigInt(sharedOf(exposed) * passes);
          time += passes;
          const event = { ...pages.event(what, start, most), time };
          observed(blocks, event);
          const before = exposed;
          exposed = pages.inBlocks;
          for (const block of BLOCKS) {
            if (exposed[block] === 0) since[block] = -1;
            else if (before[block] === 0) since[block] = time;
          }
          if (CHANGING.includes(event.type)) recent.push(exposed);
          peak = Math.max(peak, sharedOf(exposed));
          mixedPeak = Math.max(mixedPeak, mixedOf(exposed));
          expect({
            now: [blocks.now, blocks.mixed],
            peaks: [blocks.peak, blocks.mixedPeak],
            since: BLOCKS.map((block) => blocks.since(block)),
          }).toEqual({ now: [sharedOf(exposed), mixedOf(exposed)], peaks: [peak, mixedPeak], since });
          if (index % takenEvery !== 0) continue;
          if (recent.length === 0) recent.push(exposed);
          const shared = Math.max(...recent.map(sharedOf));
          expect(blocks.takePeaks()).toEqual({ shared, mixed: Math.max(...recent.map(mixedOf)) });
          recent = [];
        }
        blocks.moveTo(time + 5);
        expect(blocks.blockTime.pageNs).toBe(blockTime + BigInt(sharedOf(exposed) * 5));
      }),
      { numRuns: 12 },
    );
  });

  const decrypted = (at: number, pages: number, time = 0): Told => ({
    type: 'pages-decrypted',
    pfn: pfn(at),
    pages,
    time,
  });
  const encrypted = (at: number, pages: number, time = 0): Told => ({
    type: 'pages-encrypted',
    pfn: pfn(at),
    pages,
    time,
  });

  it('can be left out: counts and peaks are as if they were never shared, and they keep since when they are', () => {
    const blocks = new SharedBlocks(SMALL);
    // Blocks of 32 pages: the whole of block 1, half of block 2.
    observed(blocks, decrypted(32, 32, 10));
    observed(blocks, decrypted(64, 16, 20));
    // Left out later: the rest of block 2, all of block 3, half of block 4.
    observed(blocks, decrypted(80, 64, 30));
    expect([blocks.now, blocks.mixed]).toEqual([4, 1]);
    blocks.leaveOut(80, 64);
    expect([blocks.now, blocks.mixed]).toEqual([2, 1]);
    expect([1, 2, 3, 4, 5].map((block) => blocks.since(block))).toEqual([10, 20, 30, 30, -1]);
    expect(blocks.takePeaks()).toEqual({ shared: 2, mixed: 1 });
    // Nor do they keep other blocks from being what they are: one page of the last block.
    observed(blocks, decrypted(383, 1, 40));
    expect([blocks.now, blocks.mixed, blocks.since(11)]).toEqual([3, 2, 40]);
  });

  it('have no peak of before once peaks start again', () => {
    const blocks = new SharedBlocks(SMALL);
    observed(blocks, decrypted(0, 80));
    observed(blocks, encrypted(0, 64));
    expect([blocks.now, blocks.peak, blocks.mixed, blocks.mixedPeak]).toEqual([1, 3, 1, 1]);
    expect(blocks.takePeaks()).toEqual({ shared: 3, mixed: 1 });
    observed(blocks, decrypted(0, 32));
    observed(blocks, encrypted(0, 32));
    observed(blocks, encrypted(64, 16));
    blocks.restartPeaks();
    expect([blocks.peak, blocks.mixedPeak]).toEqual([0, 0]);
    expect(blocks.takePeaks()).toEqual({ shared: 0, mixed: 0 });
  });

  it('count no time twice: to move to a time that has passed adds nothing', () => {
    const blocks = new SharedBlocks(SMALL);
    observed(blocks, decrypted(0, 1, 7));
    blocks.moveTo(9);
    blocks.moveTo(8);
    blocks.moveTo(9);
    expect(blocks.blockTime.pageNs).toBe(2n);
    blocks.moveTo(10);
    expect(blocks.blockTime.pageNs).toBe(3n);
  });

  it('need every type of event that can change them or makes a peak count', () => {
    const { sees } = new SharedBlocks(SMALL);
    const seen = new Set<string>();
    for (const event of EXAMPLE_EVENTS) {
      if (sees[batchOf([event]).typeAt(0)]) seen.add(event.type);
    }
    expect(seen).toEqual(new Set(CHANGING));
  });
});
