import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SMALL } from '../testing.ts';
import { BITMAP, blockLayout, leafWords } from './layout.ts';
import { type BitmapName, bitAt, fillBits, firstDisagreement, holds, setOf } from './ranges.ts';
import { DenseWords } from './word-table.ts';

/** Blocks of two words a bitmap. */
const geometry = { ...SMALL, pagesPerBlock: 64, spanPages: 4 * 64 };
const SPAN = geometry.spanPages;
const layout = blockLayout(geometry);
const NAMES = Object.keys(BITMAP) as BitmapName[];

/** The bitmaps as lists of pages that are set. */
const emptyModel = () =>
  Object.fromEntries(NAMES.map((name) => [name, new Array<boolean>(SPAN).fill(false)])) as Record<
    BitmapName,
    boolean[]
  >;

const edge = fc.oneof(fc.nat(SPAN), fc.constantFrom(0, 31, 32, 33, 63, 64, 65, 128, SPAN));
const ranges = fc
  .tuple(edge, edge)
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
  .filter(({ start, end }) => start < end);
const fills = fc.array(fc.record({ range: ranges, name: fc.constantFrom(...NAMES), set: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
});

/** Tables whose other members are not looked at. */
function filled(
  changes: readonly { range: { start: number; end: number }; name: BitmapName; set: boolean }[],
) {
  const blocks = new DenseWords(leafWords(geometry).blocks);
  const tables = { blocks, mapping: blocks, allocations: blocks, extents: blocks, slabs: blocks };
  const model = emptyModel();
  for (const { range, name, set } of changes) {
    for (let block = 0; block < SPAN / 64; block++) {
      const from = Math.max(range.start - block * 64, 0);
      const to = Math.min(range.end - block * 64, 64);
      if (from >= to) continue;
      const pages = model[name].slice(block * 64 + from, block * 64 + to);
      const changed = pages.filter((is) => is !== set).length;
      blocks.write(block);
      expect(fillBits(blocks, layout, BITMAP[name], from, to, set) + 0).toBe((set ? changed : -changed) + 0);
      model[name].fill(set, block * 64 + from, block * 64 + to);
    }
  }
  return { tables, model };
}

describe('bitmaps, against a list of pages', () => {
  it('have the pages that were set, and count them', () => {
    fc.assert(
      fc.property(fills, (changes) => {
        const { tables, model } = filled(changes);
        for (const name of NAMES) {
          const bits = model[name].map((_, page) => bitAt(tables, layout, BITMAP[name], page));
          expect(bits).toEqual(model[name]);
          for (let block = 0; block < SPAN / 64; block++) {
            tables.blocks.read(block);
            const counted = tables.blocks.words[tables.blocks.base + layout.counts + BITMAP[name]];
            expect(counted).toBe(model[name].slice(block * 64, block * 64 + 64).filter((is) => is).length);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('tell the first page of a range that is not as said', () => {
    fc.assert(
      fc.property(
        fills,
        ranges,
        fc.constantFrom(...NAMES),
        fc.boolean(),
        (changes, { start, end }, name, set) => {
          const { tables, model } = filled(changes);
          const first = model[name].findIndex((is, page) => page >= start && page < end && is !== set);
          expect(firstDisagreement(tables, layout, BITMAP[name], start, end - start, set)).toBe(first);
        },
      ),
    );
  });

  it('hold for a range if all its pages have what is required and nothing that is forbidden', () => {
    const sets = fc.subarray(NAMES, { maxLength: 2 });
    fc.assert(
      fc.property(fills, ranges, sets, sets, (changes, { start, end }, required, forbidden) => {
        const { tables, model } = filled(changes);
        const others = forbidden.filter((name) => !required.includes(name));
        const every = (name: BitmapName, wanted: boolean) =>
          model[name].slice(start, end).every((is) => is === wanted);
        expect(holds(tables, layout, start, end - start, setOf(...required), setOf(...others))).toBe(
          required.every((name) => every(name, true)) && others.every((name) => every(name, false)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('hold for a range to the page, whichever it is', () => {
    const edges = [0, 1, 31, 32, 33, 63, 64, 65, 100, 128, 191, 200];
    const shared = setOf('shared');
    for (const start of edges) {
      for (const end of edges.filter((each) => each > start)) {
        const { tables } = filled([{ range: { start, end }, name: 'shared', set: true }]);
        const all = (from: number, to: number) => holds(tables, layout, from, to - from, shared, 0);
        const none = (from: number, to: number) => holds(tables, layout, from, to - from, 0, shared);
        expect(
          [all(start, end), all(start, end + 1), start > 0 && all(start - 1, end)],
          `${start} to ${end}`,
        ).toEqual([true, false, false]);
        expect([none(0, start), none(end, SPAN), none(0, start + 1), none(end - 1, SPAN)]).toEqual([
          true,
          true,
          false,
          false,
        ]);
      }
    }
  });
});
