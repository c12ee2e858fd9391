import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NO_BIN, TreeBins } from './tree-bins.ts';

const BINS = 3;
const MAX_ORDER = 4;

it('bins of trees find the nearest tree, before and behind by turns, as looking at each would', () => {
  const changes = fc.array(
    fc.record({
      tree: fc.nat(99),
      bin: fc.integer({ min: NO_BIN, max: BINS - 1 }),
      order: fc.integer({ min: -1, max: MAX_ORDER }),
    }),
    { maxLength: 150, size: 'max' },
  );
  const queries = fc.array(
    fc.record({
      start: fc.nat(99),
      bin: fc.nat(BINS - 1),
      order: fc.nat(MAX_ORDER),
      least: fc.nat(100),
      first: fc.nat(99),
      count: fc.nat(100),
    }),
    { minLength: 20, maxLength: 20 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), changes, queries, (count, all, asked) => {
      const bins = new TreeBins(BINS, MAX_ORDER, count);
      const trees = Array.from({ length: count }, () => ({ bin: NO_BIN, order: -1 }));
      for (const { tree, bin, order } of all) {
        bins.setBin(tree % count, bin);
        bins.setOrder(tree % count, order);
        trees[tree % count] = { bin, order };
      }
      for (const { start, least, count: length, ...wanted } of asked) {
        const range = { first: wanted.first % count, end: Math.min(count, (wanted.first % count) + length) };
        const steps = stepsAround(start % count, count);
        const expected = steps.findIndex(
          (tree, step) =>
            step >= least &&
            trees[tree].bin === wanted.bin &&
            trees[tree].order >= wanted.order &&
            tree >= range.first &&
            tree < range.end,
        );
        expect(bins.nextStep({ ...wanted, ...range }, start % count, least)).toBe(expected);
      }
    }),
  );
});

/** All trees, each once: the start, the one before it, the one behind it, and so on. */
function stepsAround(start: number, count: number): number[] {
  const trees = [start];
  for (let distance = 1; trees.length < count; distance++) {
    trees.push((start - distance + count) % count);
    if (trees.length < count) trees.push((start + distance) % count);
  }
  return trees;
}
