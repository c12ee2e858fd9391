import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf } from '../events/batch.ts';
import type { PoolEvent } from '../events/schema.ts';
import { blockCount } from '../geometry.ts';
import { PLATFORM_NAMES } from '../platforms/all.ts';
import { Columns } from '../state/columns.ts';
import type { Machine } from '../state/editor.ts';
import { batchOf, EXAMPLE_EVENTS, historyOf, SMALL, SMALL_MAP, smallMachine, type Told } from '../testing.ts';
import { blockIndex, pfn } from '../units.ts';
import { SharedBlocks } from './shared-blocks.ts';

const BLOCKS = Array.from({ length: blockCount(SMALL) }, (_, block) => block);

/** Pages of each block that are not private in the state. */
const exposedIn = (columns: Columns): number[] =>
  BLOCKS.map((block) => {
    const { shared, unknown } = columns.view().block(blockIndex(block));
    return shared + unknown;
  });

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

const histories = fc
  .tuple(
    fc.constantFrom(...PLATFORM_NAMES),
    fc.array(fc.nat(2 ** 30), { minLength: 20, maxLength: 80, size: 'max' }),
  )
  .map(([platform, choices]): [Machine, PoolEvent[]] => {
    const machine = smallMachine(platform, true);
    return [machine, historyOf(machine, SMALL_MAP, choices)];
  });

describe('shared blocks', () => {
  it('are those of the state that has the same events: now, since when, at most, and over time', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 2, max: 9 }), ([machine, events], takenEvery) => {
        const columns = new Columns(machine, SMALL_MAP);
        const blocks = new SharedBlocks(SMALL);
        let exposed = exposedIn(columns);
        const since = BLOCKS.map(() => -1);
        let [time, blockTime, peak, mixedPeak] = [0, 0n, 0, 0];
        let recent: number[][] = [];
        const batch = batchOf(events);
        const columnsOfEvents = columnsOf(batch);
        for (const [row, event] of events.entries()) {
          blockTime += BigInt(sharedOf(exposed)) * BigInt(event.time - time);
          time = event.time;
          columns.evolve(columnsOfEvents, row);
          blocks.observe(batch, row);
          const before = exposed;
          exposed = exposedIn(columns);
          for (const block of BLOCKS) {
            if (exposed[block] === 0) since[block] = -1;
            else if (before[block] === 0) since[block] = time;
          }
          if (CHANGING.includes(event.type)) recent.push(exposed);
          peak = Math.max(peak, sharedOf(exposed));
          mixedPeak = Math.max(mixedPeak, mixedOf(exposed));
          expect([blocks.now, blocks.mixed]).toEqual([sharedOf(exposed), mixedOf(exposed)]);
          expect([blocks.peak, blocks.mixedPeak]).toEqual([peak, mixedPeak]);
          expect(BLOCKS.map((block) => blocks.since(block))).toEqual(since);
          if (event.seq % takenEvery !== 0) continue;
          if (recent.length === 0) recent.push(exposed);
          const shared = Math.max(...recent.map(sharedOf));
          expect(blocks.takePeaks()).toEqual({ shared, mixed: Math.max(...recent.map(mixedOf)) });
          recent = [];
        }
        blocks.moveTo(time + 5);
        expect(blocks.blockTime.pageNs).toBe(blockTime + BigInt(sharedOf(exposed)) * 5n);
      }),
      { numRuns: randomRuns(20) },
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
  });

  it('have no peak of before once peaks start again', () => {
    const blocks = new SharedBlocks(SMALL);
    observed(blocks, decrypted(0, 80));
    observed(blocks, encrypted(0, 64));
    expect([blocks.now, blocks.peak, blocks.mixed, blocks.mixedPeak]).toEqual([1, 3, 1, 1]);
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
