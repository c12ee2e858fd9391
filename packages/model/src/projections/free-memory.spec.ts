import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolEvent } from '../events/schema.ts';
import { blockCount } from '../geometry.ts';
import { batchOf, EXAMPLE_EVENTS, historyOf, SMALL, SMALL_MAP, smallMachine, type Told } from '../testing.ts';
import { allocationId, pfn } from '../units.ts';
import { FreeMemory } from './free-memory.ts';

const SIZE = SMALL.pagesPerBlock;

/** Types of events that make their pages free, or take them. */
const SIGNS: Readonly<Record<string, 1 | -1>> = {
  'pages-freed': 1,
  'background-freed': 1,
  'block-compacted': 1,
  'page-table-freed': 1,
  'pages-reclaimed': 1,
  'pages-allocated': -1,
  'background-allocated': -1,
  'pages-leaked': -1,
  'page-table-allocated': -1,
  'slab-created': -1,
};

/** The free memory page by page: how often each became free, less how often it was taken. */
class PageByPage {
  readonly #atStart: readonly number[];
  readonly #changes = new Int32Array(SMALL.spanPages);
  pages: number;

  constructor(freeIn: readonly number[]) {
    this.#atStart = freeIn;
    this.pages = freeIn.reduce((sum, free) => sum + free, 0);
  }

  observe(event: PoolEvent): void {
    const sign = SIGNS[event.type];
    if (sign === undefined || !('pfn' in event) || !('pages' in event)) return;
    if (event.type === 'slab-created') {
      const isFull = this.freeIn(Math.floor(event.pfn / SIZE)) === 0;
      if (event.allocation !== 0 || isFull) return;
    }
    for (let page: number = event.pfn; page < event.pfn + event.pages; page++) this.#changes[page] += sign;
    // What compaction moves out of a block fills holes of others.
    if (event.type !== 'block-compacted') this.pages += sign * event.pages;
  }

  freeIn(block: number): number {
    const changes = this.#changes.subarray(block * SIZE, (block + 1) * SIZE);
    return this.#atStart[block] + changes.reduce((sum, change) => sum + change, 0);
  }

  get wholeBlocks(): number {
    return this.#atStart.filter((_, block) => this.freeIn(block) === SIZE).length;
  }
}

describe('free memory', () => {
  it('is counted as page by page, whatever others and the pool do', () => {
    const atStart = fc.array(fc.constantFrom(0, SIZE - 1, SIZE), {
      minLength: blockCount(SMALL),
      maxLength: blockCount(SMALL),
    });
    const choices = fc.array(fc.nat(2 ** 30), { minLength: 50, maxLength: 150, size: 'max' });
    fc.assert(
      fc.property(atStart, choices, (freeIn, chosen) => {
        const memory = new FreeMemory(Int32Array.from(freeIn), SIZE);
        const expected = new PageByPage(freeIn);
        const events = historyOf(smallMachine('snp'), SMALL_MAP, chosen);
        const batch = batchOf(events);
        for (const [row, event] of events.entries()) {
          memory.observe(batch, row);
          expected.observe(event);
          expect([memory.pages, memory.wholeBlocks]).toEqual([expected.pages, expected.wholeBlocks]);
        }
      }),
      { numRuns: randomRuns(20) },
    );
  });

  it('needs the events that free pages or take them', () => {
    const { sees } = new FreeMemory(new Int32Array(1), SIZE);
    const seen = EXAMPLE_EVENTS.filter((event) => sees[batchOf([event]).typeAt(0)]).map(({ type }) => type);
    expect(new Set(seen)).toEqual(new Set(Object.keys(SIGNS)));
  });

  it('has no page less for a boot pool in a block that is in use, or for a slab of pages in an allocation', () => {
    const memory = new FreeMemory(Int32Array.of(0, SIZE, SIZE), SIZE);
    const slab = (at: number, allocation: number): Told => ({
      type: 'slab-created',
      allocation: allocationId(allocation),
      pfn: pfn(at),
      pages: 4,
      unitBytes: 2048,
      cache: 0,
    });
    memory.observe(batchOf([slab(8, 0)]), 0);
    memory.observe(batchOf([slab(SIZE, 1)]), 0);
    expect([memory.pages, memory.wholeBlocks]).toEqual([2 * SIZE, 2]);
    memory.observe(batchOf([slab(2 * SIZE, 0)]), 0);
    expect([memory.pages, memory.wholeBlocks]).toEqual([2 * SIZE - 4, 1]);
  });
});
