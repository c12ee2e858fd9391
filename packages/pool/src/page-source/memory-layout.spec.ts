import { InputError } from '@decpool/model';
import type { PageRun } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  directMapOf,
  madeUp,
  pageblocksOf,
  pagesOf,
  ramOf,
  sizeName,
  zoneState,
  zonesOf,
} from './memory-layout.ts';
import { GIB, MIB } from './testing.ts';

const GIB_PAGES = GIB / 4096;

describe('RAM', () => {
  it('is one run up to 3 GiB, and what is more lies from 4 GiB on', () => {
    expect(ramOf(64 * MIB)).toEqual([[0, 2 ** 14]]);
    expect(ramOf(3 * GIB)).toEqual([[0, 3 * GIB_PAGES]]);
    expect(ramOf(3 * GIB + 2 * MIB)).toEqual([
      [0, 3 * GIB_PAGES],
      [4 * GIB_PAGES, 512],
    ]);
    expect(ramOf(1023 * GIB)).toEqual([
      [0, 3 * GIB_PAGES],
      [4 * GIB_PAGES, 1020 * GIB_PAGES],
    ]);
  });

  it('is of 64 MiB to 1023 GiB, in whole pageblocks', () => {
    for (const bytes of [62 * MIB, 1023 * GIB + 2 * MIB, 65 * MIB, 64 * MIB + 0.5, Number.NaN])
      expect(() => ramOf(bytes)).toThrow(InputError);
    expect(pageblocksOf(ramOf(66 * MIB))).toBe(33);
  });
});

describe('NUMA nodes', () => {
  it('have an even share of the pageblocks each, in pairs and in address order, the last node the rest; zones end at 16 MiB and 4 GiB', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 32, max: 600 }), fc.integer({ min: 1500, max: 2200 })),
        fc.integer({ min: 1, max: 9 }),
        (blocks, nodes) => {
          fc.pre(blocks / nodes >= 32);
          const ram = ramOf(blocks * 2 * MIB);
          const pairs = Math.floor(blocks / nodes / 2);
          const expected = new Map<string, number[]>();
          for (let index = 0; index < blocks; index++) {
            const block = index < 1536 ? index : index + 512;
            const node = Math.min(nodes - 1, Math.floor(index / (2 * pairs)));
            const name = block < 8 ? 'DMA' : block < 2048 ? 'DMA32' : 'Normal';
            const zone = `${node} ${name}`;
            expected.set(zone, [...(expected.get(zone) ?? []), block]);
          }
          const zones = zonesOf(ram, nodes).map(({ name, node, ram: runs }): [string, number[]] => [
            `${node} ${name}`,
            runs.flatMap(([start, pages]) =>
              Array.from({ length: pages / 512 }, (_, block) => start / 512 + block),
            ),
          ]);
          expect(zones).toEqual([...expected]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('are 1 to 63, of 64 MiB or more each', () => {
    const ram = ramOf(63 * 64 * MIB);
    expect(new Set(zonesOf(ram, 63).map(({ node }) => node)).size).toBe(63);
    for (const nodes of [0, 64, 1.5, Number.NaN]) expect(() => zonesOf(ram, nodes)).toThrow(InputError);
    expect(() => zonesOf(ramOf(63 * 64 * MIB - 2 * MIB), 63)).toThrow(
      '63 NUMA nodes in 4030 MiB: must be a whole number from 1 to 63, with 64 MiB or more for each',
    );
    expect(() => zonesOf(ramOf(64 * GIB), 64)).toThrow(InputError);
  });
});

describe('the direct map over RAM', () => {
  /** A run of pages near a boundary of a GiB or of a block, or anywhere. */
  const edge = fc
    .tuple(
      fc.integer({ min: 0, max: 4 }),
      fc.constantFrom(0, 0, 512, 1024, 5120),
      fc.constantFrom(0, 0, 1, 100),
    )
    .map(([gib, blocks, pages]) => gib * GIB_PAGES + blocks + pages);
  const rams = fc
    .uniqueArray(edge, { minLength: 2, maxLength: 6 })
    .map((edges) => edges.sort((a, b) => a - b))
    .map((edges): PageRun[] =>
      Array.from({ length: Math.floor(edges.length / 2) }, (_, run) => [
        edges[2 * run],
        edges[2 * run + 1] - edges[2 * run],
      ]),
    );

  it('has a page of 1 GiB or 2 MiB where one is all RAM, but pages of 4 KiB in the first 2 MiB', () => {
    fc.assert(
      fc.property(rams, (ram) => {
        const runs = directMapOf(ram);
        const isRam = (from: number, pages: number) =>
          ram.some(([start, count]) => start <= from && from + pages <= start + count);
        const levelOf = (page: number) => {
          const gib = page - (page % GIB_PAGES);
          const block = page - (page % 512);
          if (gib > 0 && isRam(gib, GIB_PAGES)) return 3;
          return block > 0 && isRam(block, 512) ? 2 : 1;
        };
        // All of RAM in order, no page twice.
        expect(pagesOf(runs.map(([start, pages]) => [start, pages]))).toBe(pagesOf(ram));
        for (const [index, [start, pages, level]] of runs.entries()) {
          expect(pages).toBeGreaterThan(0);
          expect(isRam(start, pages)).toBe(true);
          if (index > 0) expect(start).toBeGreaterThanOrEqual(runs[index - 1][0] + runs[index - 1][1]);
          const end = start + pages;
          const looked = [start, start + 511, start + 512, start + (pages >> 1), end - 512, end - 1];
          for (const page of looked.filter((each) => each >= start && each < end))
            expect(levelOf(page), `page ${page}`).toBe(level);
        }
      }),
      { numRuns: 60 },
    );
  });
});

it('a zone names its node unless it is 0, and has no free chunks and no pageblocks by default', () => {
  const zone = { name: 'Normal', node: 0, ram: [[0, 512]] as const };
  const none = new Array<number>(11).fill(0);
  expect(zoneState(zone, {}, {})).toEqual({
    name: 'Normal',
    ram: zone.ram,
    free: { Unmovable: none, Movable: none, Reclaimable: none, HighAtomic: none, CMA: none, Isolate: none },
    lowWatermark: 0,
    pageblocks: { Unmovable: 0, Movable: 0, Reclaimable: 0, HighAtomic: 0, CMA: 0, Isolate: 0 },
  });
  const free = none.with(3, 7);
  const other = zoneState({ ...zone, node: 2 }, { Movable: free }, { Unmovable: 4 }, 5);
  expect(other).toMatchObject({
    node: 2,
    lowWatermark: 5,
    free: { Movable: free },
    pageblocks: { Unmovable: 4 },
  });
});

it('names of sizes are in GiB if those are whole, else in MiB', () => {
  expect([64 * MIB, GIB, 1026 * MIB, 1023 * GIB].map(sizeName)).toEqual([
    '64 MiB',
    '1 GiB',
    '1026 MiB',
    '1023 GiB',
  ]);
  expect([madeUp(1), madeUp(2)]).toEqual([' (made up)', ', 2 nodes (made up)']);
});
