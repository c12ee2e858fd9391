import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DenseWords } from './word-table.ts';

/** A chunk has 2^14 words: two leaves of these. */
const LEAF_WORDS = 2 ** 13;

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      leaf: fc.nat(11),
      value: fc.integer({ min: 1, max: 99 }),
    }),
    fc.record({ kind: fc.constant('release' as const), leaf: fc.nat(11), value: fc.constant(0) }),
  ),
  { maxLength: 40 },
);

describe('a table of words that is changed in place', () => {
  it('reads as what was written last, as zeros where nothing was written, and either where a leaf was released', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const table = new DenseWords(LEAF_WORDS);
        const written = new Map<number, number>();
        const released = new Set<number>();
        for (const { kind, leaf, value } of all) {
          // What is released is never written again.
          if (released.has(leaf)) continue;
          if (kind === 'write') {
            table.write(leaf);
            table.words[table.base + LEAF_WORDS - 1] = value;
            written.set(leaf, value);
          } else if (written.has(leaf)) {
            table.release(leaf);
            released.add(leaf);
            written.delete(leaf);
          }
          for (let each = 0; each < 12; each++) {
            table.read(each);
            if (!released.has(each))
              expect(table.words[table.base + LEAF_WORDS - 1]).toBe(written.get(each) ?? 0);
            if (!released.has(each)) expect(table.words[table.base]).toBe(0);
          }
        }
        // As large as what it holds: a pair of leaves that are both released gives its array away.
        const pairs = [0, 1, 2, 3, 4, 5].filter((pair) => written.has(2 * pair) || written.has(2 * pair + 1));
        expect(table.arrays).toBeGreaterThanOrEqual(pairs.length);
        const inUse: number[] = [];
        for (let leaf = table.nextInUse(0); leaf < 12; leaf = table.nextInUse(leaf + 1)) inUse.push(leaf);
        for (const leaf of written.keys()) expect(inUse).toContain(leaf);
      }),
      { numRuns: 60 },
    );
  });

  it('has an array for each chunk that was written to, and gives that of a released chunk to the next', () => {
    const table = new DenseWords(LEAF_WORDS);
    expect([table.leaves, table.arrays]).toEqual([0, 0]);
    table.write(5);
    expect([table.leaves, table.arrays]).toEqual([6, 1]);
    table.words[table.base] = 7;
    table.write(4);
    expect([table.leaves, table.arrays]).toEqual([6, 1]);
    table.release(5);
    table.write(9);
    expect(table.arrays).toBe(2);
    table.release(4);
    expect(table.arrays).toBe(2);
    table.write(1);
    expect([table.leaves, table.arrays]).toEqual([10, 2]);
    // It is empty again.
    for (const leaf of [0, 1, 4, 5]) {
      table.read(leaf);
      expect(table.words.subarray(table.base, table.base + LEAF_WORDS).every((word) => word === 0)).toBe(
        true,
      );
    }
    table.write(3);
    expect(table.arrays).toBe(3);
  });

  it('passes over chunks without an array when it looks for what is in use', () => {
    const table = new DenseWords(LEAF_WORDS);
    expect(table.nextInUse(0)).toBe(Number.POSITIVE_INFINITY);
    for (const leaf of [2, 9]) table.write(leaf);
    expect([0, 1, 2, 3, 4, 5, 8, 9].map((leaf) => table.nextInUse(leaf))).toEqual([2, 2, 2, 3, 8, 8, 8, 9]);
    expect([10, 100].map((leaf) => table.nextInUse(leaf))).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('keeps leaves apart, whatever their length', () => {
    for (const words of [1, 3, 17, 1000, 2 ** 14, 2 ** 14 + 1]) {
      const table = new DenseWords(words);
      const leaves = Array.from({ length: 40 }, (_, each) => each * 3);
      for (const leaf of leaves) {
        table.write(leaf);
        table.words[table.base] = leaf + 1;
        table.words[table.base + words - 1] = leaf + 1;
      }
      for (const leaf of leaves) {
        table.read(leaf);
        expect([table.words[table.base], table.words[table.base + words - 1]]).toEqual([leaf + 1, leaf + 1]);
        table.read(leaf + 1);
        expect(table.words[table.base]).toBe(0);
      }
    }
  });
});
