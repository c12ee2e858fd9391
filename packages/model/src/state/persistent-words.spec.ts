import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PersistentWords } from './persistent-words.ts';
import { DenseWords, type WordReader, type WordTable } from './word-table.ts';

const LEAF_WORDS = 3;
type Leaves = ReadonlyMap<number, readonly number[]>;

const leaf = fc.oneof(
  fc.nat(40),
  fc.nat(2000),
  fc.constantFrom(0, 31, 32, 1023, 1024, 32767, 32768, 2 ** 22),
);
const write = fc.tuple(leaf, fc.nat(LEAF_WORDS - 1), fc.nat(0xffffffff));
const edits = fc.array(fc.array(write, { maxLength: 20 }), { maxLength: 8 });

function expectLeaves(table: WordReader, leaves: Leaves, also: readonly number[] = []): void {
  for (const at of [...leaves.keys(), ...also]) {
    table.read(at);
    expect([...table.words.slice(table.base, table.base + LEAF_WORDS)]).toEqual(leaves.get(at) ?? [0, 0, 0]);
  }
}

function put(table: WordTable, leaves: Map<number, number[]>, [at, word, value]: [number, number, number]) {
  table.write(at);
  table.words[table.base + word] = value;
  const words = [...(leaves.get(at) ?? [0, 0, 0])];
  words[word] = value;
  leaves.set(at, words);
}

describe('a persistent table', () => {
  it('behaves like a map of leaves, and no older version ever changes', () => {
    fc.assert(
      fc.property(edits, leaf, (all, other) => {
        let table = PersistentWords.empty(LEAF_WORDS);
        const leaves = new Map<number, number[]>();
        const versions: [PersistentWords, Leaves][] = [[table, new Map()]];
        for (const writes of all) {
          const edit = table.edit();
          for (const one of writes) put(edit, leaves, one);
          expectLeaves(edit, leaves, [other]);
          table = edit.publish();
          versions.push([table, new Map(leaves)]);
        }
        for (const [version, then] of versions) expectLeaves(version.edit(), then, [other]);
      }),
    );
  });

  it('is the same object when nothing was written', () => {
    const table = PersistentWords.empty(LEAF_WORDS);
    expect(table.edit().publish()).toBe(table);
  });

  it('keeps what was published when its edit goes on', () => {
    const edit = PersistentWords.empty(LEAF_WORDS).edit();
    const leaves = new Map<number, number[]>();
    put(edit, leaves, [5, 0, 1]);
    const first = edit.publish();
    const then = new Map(leaves);
    put(edit, leaves, [5, 0, 2]);
    put(edit, leaves, [6, 0, 3]);
    expectLeaves(first.edit(), then, [6]);
    expectLeaves(edit.publish().edit(), leaves);
  });

  it('lets two edits start from one version without seeing each other', () => {
    const base = PersistentWords.empty(LEAF_WORDS);
    const [left, right] = [base.edit(), base.edit()];
    const [leftLeaves, rightLeaves] = [new Map<number, number[]>(), new Map<number, number[]>()];
    put(left, leftLeaves, [1, 0, 1]);
    put(right, rightLeaves, [1, 0, 2]);
    expectLeaves(left.publish().edit(), leftLeaves);
    expectLeaves(right.publish().edit(), rightLeaves);
  });

  let lengths = 500;

  it('is all zeros at first, in leaves of its length; tables of one length share them', () => {
    // A length that no table has had yet.
    const length = ++lengths;
    const table = PersistentWords.empty(length);
    expect(table.leafWords).toBe(length);
    const edit = table.edit();
    expect([edit.words, edit.base]).toEqual([new Array(length).fill(0), 0]);
    edit.read(7);
    expect(edit.words).toBe(PersistentWords.empty(length).edit().words);
    expect(PersistentWords.empty(++lengths).edit().words).toHaveLength(lengths);
    edit.write(7);
    edit.words[edit.base + length - 1] = 5;
    expect(edit.words).toHaveLength(length);
    expect(PersistentWords.empty(length).edit().words[length - 1]).toBe(0);
  });

  it('copies a leaf once in an edit, and points at none afterwards', () => {
    const length = ++lengths;
    const zeros = new Array<number>(length).fill(0);
    const edit = PersistentWords.empty(length).edit();
    edit.write(3);
    const own = edit.words;
    own[0] = 1;
    edit.write(40);
    edit.write(3);
    expect(edit.words).toBe(own);
    edit.publish();
    expect(edit.words).toEqual(zeros);
    edit.write(3);
    expect(edit.words).not.toBe(own);
    expect(edit.words).toEqual(zeros.with(0, 1));
  });

  it('may have leaves in use up to 32, or to 32 times as many once it is deeper', () => {
    const edit = PersistentWords.empty(LEAF_WORDS).edit();
    const nextOf = (...leaves: number[]) => leaves.map((at) => edit.nextInUse(at));
    expect(nextOf(0, 31, 32)).toEqual([0, 31, Number.POSITIVE_INFINITY]);
    edit.write(32);
    expect(nextOf(32, 1023, 1024)).toEqual([32, 1023, Number.POSITIVE_INFINITY]);
    edit.write(1024);
    expect(nextOf(32_767, 32_768)).toEqual([32_767, Number.POSITIVE_INFINITY]);
  });

  it('cannot be changed', () => {
    const table = PersistentWords.empty(LEAF_WORDS);
    expect(() => Object.assign(table, { leafWords: 1 })).toThrow(TypeError);
  });
});

describe('a dense table', () => {
  it('behaves like the same map of leaves, and reading never makes it longer', () => {
    const small = fc.tuple(fc.nat(300), fc.nat(LEAF_WORDS - 1), fc.nat(0xffffffff));
    fc.assert(
      fc.property(fc.array(small, { maxLength: 30 }), fc.nat(2 ** 31), (writes, other) => {
        const table = new DenseWords(LEAF_WORDS);
        const leaves = new Map<number, number[]>();
        for (const one of writes) put(table, leaves, one);
        const room = table.leaves;
        expectLeaves(table, leaves, leaves.has(other) ? [] : [other]);
        expect(table.leaves).toBe(room);
      }),
    );
  });

  it('has no more room than what it holds needs, and what is held stays', () => {
    const table = new DenseWords(LEAF_WORDS);
    const held = new Map<number, number[]>();
    const rooms = new Set<number>();
    for (let at = 0; at < 400_000; at++) {
      put(table, new Map(), [at, 0, at + 1]);
      if (at % 100_000 === 0) held.set(at, [at + 1, 0, 0]);
      if (at >= 1000 && !held.has(at - 1000)) table.release(at - 1000);
      if (at > 100_000) rooms.add(table.arrays);
    }
    expectLeaves(table, held);
    // A chunk has 4096 leaves: one or two that are being filled or emptied, and one for each that is held.
    expect(Math.max(...rooms)).toBeLessThanOrEqual(2 + held.size);
    table.read(50_000);
    expect([...table.words.slice(table.base, table.base + LEAF_WORDS)]).toEqual([0, 0, 0]);
  });
});
