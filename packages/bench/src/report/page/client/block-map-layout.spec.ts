import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockByKey,
  cellAt,
  cellOf,
  cellsOf,
  cornerOf,
  firstBlockOf,
  isMostlyUntouched,
  layoutOf,
  type MapMemory,
  rowLabels,
} from './block-map-layout.ts';

const BLOCK_BYTES = 2 ** 21;
const GIB = 512;

function memory(blocks: number, touched: readonly number[] = [], holes: readonly [number, number][] = []) {
  const isTouched = new Uint8Array(blocks);
  for (const block of touched) isTouched[block] = 1;
  const isRam = new Uint8Array(blocks).fill(1);
  for (const [first, length] of holes) isRam.fill(0, first, first + length);
  return { blocks, blockBytes: BLOCK_BYTES, isRam, isTouched } satisfies MapMemory;
}

const WIDE = { width: 572, scale: 1, isFolded: false };
const NARROW = { width: 300, scale: 2, isFolded: false };

describe('the grid', () => {
  it('has rows of a round number of MiB, and a cell for each block of a usual machine', () => {
    const { columns, blocksPerCell, pitch, rows } = layoutOf(memory(4 * GIB), WIDE);
    expect({ columns, blocksPerCell, pitch, rows: rows.length }).toEqual({
      columns: 64,
      blocksPerCell: 1,
      pitch: 8,
      rows: 32,
    });
  });

  it('lets blocks share a cell, a power of two of them, where there are too many', () => {
    const { columns, blocksPerCell, blocksPerRow } = layoutOf(memory(64 * GIB), WIDE);
    expect({ columns, blocksPerCell, blocksPerRow }).toEqual({
      columns: 128,
      blocksPerCell: 4,
      blocksPerRow: GIB,
    });
  });

  it('has the longest rows where cells are as large as they get', () => {
    const { columns, pitch } = layoutOf(memory(GIB), WIDE);
    expect({ columns, pitch }).toEqual({ columns: 32, pitch: 15 });
  });

  it('fits the width, in whole device pixels of which a cell has 4 CSS pixels or more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 * GIB }),
        fc.integer({ min: 280, max: 1400 }),
        fc.constantFrom(1, 1.25, 1.5, 2, 3),
        (blocks, width, scale) => {
          const layout = layoutOf(memory(blocks), { width, scale, isFolded: false });
          expect(layout.width).toBeLessThanOrEqual(width * scale + 1);
          expect(layout.pitch).toBeGreaterThanOrEqual(Math.floor(4 * scale));
          expect(cellsOf(layout)).toBeLessThanOrEqual(8192);
          expect(layout.rows.length * layout.blocksPerRow).toBeGreaterThanOrEqual(blocks);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('finds the cell of a block under the middle of that cell', () => {
    const touched = [0, 900, 901, 4000, 5119];
    fc.assert(
      fc.property(fc.constantFrom(...touched), fc.constantFrom(WIDE, NARROW), (block, view) => {
        const layout = layoutOf(memory(10 * GIB, touched), { ...view, isFolded: true });
        const cell = cellOf(layout, block)!;
        const { x, y } = cornerOf(layout, cell);
        const half = layout.pitch / 2;
        expect(cellAt(layout, { x: x + half, y: y + half })).toBe(cell);
        expect(Math.floor((block - firstBlockOf(layout, cell)) / layout.blocksPerCell)).toBe(0);
      }),
    );
  });

  it('has no cell on labels, below the last row, and behind the end of memory', () => {
    const layout = layoutOf(memory(40), WIDE);
    expect(cellAt(layout, { x: 5, y: 5 })).toBeUndefined();
    expect(cellAt(layout, { x: layout.left + 1, y: layout.height + 1 })).toBeUndefined();
    expect(cellAt(layout, { x: layout.left + 7 * layout.pitch + 1, y: layout.pitch + 1 })).toBe(39);
    expect(cellAt(layout, { x: layout.left + 8 * layout.pitch + 1, y: layout.pitch + 1 })).toBeUndefined();
  });
});

describe('rows that are left out', () => {
  const untouched = memory(64 * GIB, [3 * GIB, 3 * GIB + 1]);

  it('are the ones that no policy touched; what is left gets a cell for each block', () => {
    const { rows, folds, blocksPerCell, blocksPerRow } = layoutOf(untouched, { ...WIDE, isFolded: true });
    expect(rows.map(({ firstBlock }) => firstBlock)).toEqual([3 * GIB]);
    expect(blocksPerCell).toBe(1);
    expect(folds.map(({ firstBlock, blocks }) => [firstBlock, blocks])).toEqual([
      [0, 3 * GIB],
      [3 * GIB + blocksPerRow, 61 * GIB - blocksPerRow],
    ]);
  });

  it('are suggested where a quarter or less was touched', () => {
    expect(isMostlyUntouched(untouched, WIDE)).toBe(true);
    const all = Array.from({ length: 4 * GIB }, (_, block) => block);
    expect(isMostlyUntouched(memory(4 * GIB, all), WIDE)).toBe(false);
  });

  it('are none where nothing at all was touched, as the map would be empty', () => {
    expect(layoutOf(memory(GIB), { ...WIDE, isFolded: true }).folds).toEqual([]);
  });

  it('are holes of many rows in any case', () => {
    const { folds } = layoutOf(memory(6 * GIB, [], [[3 * GIB, GIB]]), WIDE);
    expect(folds).toMatchObject([{ firstBlock: 3 * GIB, blocks: GIB, isHole: true }]);
  });
});

describe('keys', () => {
  const layout = layoutOf(memory(64 * GIB, [3 * GIB, 40 * GIB]), { ...WIDE, isFolded: true });
  const by = (block: number, key: string, isWhole = false) => blockByKey(layout, block, key, isWhole);
  const row = layout.blocksPerRow;

  it('move by block and over what is left out', () => {
    expect(by(3 * GIB, 'ArrowRight')).toBe(3 * GIB + 1);
    expect(by(3 * GIB + row - 1, 'ArrowRight')).toBe(40 * GIB);
    expect(by(40 * GIB, 'ArrowLeft')).toBe(3 * GIB + row - 1);
    expect(by(3 * GIB + 2, 'ArrowDown')).toBe(40 * GIB + 2);
  });

  it('stay in memory', () => {
    expect(by(3 * GIB, 'ArrowLeft')).toBe(3 * GIB);
    expect(by(3 * GIB + 5, 'ArrowUp')).toBe(3 * GIB + 5);
    expect(by(40 * GIB + row - 1, 'ArrowRight')).toBe(40 * GIB + row - 1);
    expect(by(3 * GIB + 5, 'PageDown')).toBe(40 * GIB + 5);
  });

  it('go to the ends of a row, and with Ctrl of memory', () => {
    expect(by(40 * GIB + 5, 'Home')).toBe(40 * GIB);
    expect(by(40 * GIB + 5, 'Home', true)).toBe(3 * GIB);
    expect(by(3 * GIB, 'End')).toBe(3 * GIB + row - 1);
    expect(by(3 * GIB, 'End', true)).toBe(40 * GIB + row - 1);
  });

  it('lead from a block that is left out to what is next to it', () => {
    expect(by(20 * GIB, 'ArrowDown')).toBe(40 * GIB + row - 1);
    expect(by(0, 'ArrowRight')).toBe(3 * GIB + 1);
  });

  it('that mean nothing here are left to the browser', () => {
    expect(by(3 * GIB, 'Tab')).toBeUndefined();
  });
});

describe('labels', () => {
  it('are addresses at row starts, as close as there is room for', () => {
    const labels = rowLabels(layoutOf(memory(4 * GIB), WIDE), BLOCK_BYTES);
    expect(labels.slice(0, 6).map(({ text }) => text)).toEqual([
      '0',
      '256 MiB',
      '512 MiB',
      '768 MiB',
      '1 GiB',
      '1.25 GiB',
    ]);
  });

  it('are of round addresses, also where there is room for others', () => {
    const labels = rowLabels(layoutOf(memory(GIB), WIDE), BLOCK_BYTES);
    expect(labels.slice(0, 3).map(({ text }) => text)).toEqual(['0', '128 MiB', '256 MiB']);
  });

  it('tell where it goes on behind rows that are left out', () => {
    const layout = layoutOf(memory(64 * GIB, [3 * GIB, 40 * GIB]), { ...WIDE, isFolded: true });
    expect(rowLabels(layout, BLOCK_BYTES).map(({ text }) => text)).toEqual(['3 GiB', '40 GiB']);
  });
});
