/**
 * A persistent table of words: a radix tree with 32 children a node over leaves of words. An edit copies the leaf it touches and
 * the nodes above it, and shares the rest, so a new state costs a few hundred bytes of copying however large memory is.
 *
 * An edit copies a node once: it marks its copies with a token and writes into those until publish(). After that nobody holds
 * the token, and nothing can change.
 */
import type { WordTable } from './word-table.ts';

const FANOUT_BITS = 5;
const FANOUT = 1 << FANOUT_BITS;

type Token = object;
interface Leaf {
  readonly token: Token;
  readonly words: number[];
}
interface Node {
  readonly token: Token;
  readonly children: (Node | Leaf | undefined)[];
}

let publishTable: (table: PersistentWords, depth: number, root: Node) => PersistentWords;

/** An immutable table. Opaque: it is read and changed through edit(). */
export class PersistentWords {
  readonly leafWords: number;
  readonly #zeros: number[];
  /** Levels of nodes above the leaves. */
  readonly #depth: number;
  readonly #root: Node;

  static {
    publishTable = (table, depth, root) =>
      root === table.#root ? table : new PersistentWords(table.#zeros, depth, root);
  }

  private constructor(zeros: number[], depth: number, root: Node) {
    this.leafWords = zeros.length;
    this.#zeros = zeros;
    this.#depth = depth;
    this.#root = root;
    Object.freeze(this);
  }

  static empty(leafWords: number): PersistentWords {
    return new PersistentWords(zeros(leafWords), 1, { token: {}, children: [] });
  }

  edit(): WordsEdit {
    return new WordsEdit(this, this.#zeros, this.#depth, this.#root);
  }
}

/** An edit of a PersistentWords. A reader never publishes it. */
export class WordsEdit implements WordTable {
  words: number[];
  base = 0;
  readonly #zeros: number[];
  #depth: number;
  #root: Node;
  #token: Token = {};
  readonly #table: PersistentWords;

  constructor(table: PersistentWords, zeros: number[], depth: number, root: Node) {
    this.#table = table;
    this.#zeros = zeros;
    this.words = zeros;
    this.#depth = depth;
    this.#root = root;
  }

  read(leaf: number): void {
    this.words = this.#find(leaf)?.words ?? this.#zeros;
  }

  nextInUse(leaf: number): number {
    return leaf < FANOUT ** this.#depth ? leaf : Number.POSITIVE_INFINITY;
  }

  #find(leaf: number): Leaf | undefined {
    if (leaf >= FANOUT ** this.#depth) return undefined;
    let node: Node | Leaf | undefined = this.#root;
    for (let level = this.#depth - 1; level >= 0 && node !== undefined; level--) {
      node = (node as Node).children[(leaf >>> (level * FANOUT_BITS)) & (FANOUT - 1)];
    }
    return node as Leaf | undefined;
  }

  write(leaf: number): void {
    while (leaf >= FANOUT ** this.#depth) {
      this.#root = { token: this.#token, children: [this.#root] };
      this.#depth++;
    }
    let node = this.#own(this.#root);
    this.#root = node;
    for (let level = this.#depth - 1; level > 0; level--) {
      const slot = (leaf >>> (level * FANOUT_BITS)) & (FANOUT - 1);
      const child = this.#own(node.children[slot] as Node | undefined);
      node.children[slot] = child;
      node = child;
    }
    const slot = leaf & (FANOUT - 1);
    let target = node.children[slot] as Leaf | undefined;
    if (target === undefined || target.token !== this.#token) {
      const words = (target?.words ?? this.#zeros).slice();
      target = { token: this.#token, words };
      node.children[slot] = target;
    }
    this.words = target.words;
  }

  /** Earlier versions may hold the leaf. */
  release(): void {}

  #own(node: Node | undefined): Node {
    if (node === undefined) return { token: this.#token, children: [] };
    return node.token === this.#token ? node : { token: this.#token, children: [...node.children] };
  }

  /** Ends the edit and gives the table as edited; the same object when nothing was written. */
  publish(): PersistentWords {
    this.#token = {};
    this.words = this.#zeros;
    return publishTable(this.#table, this.#depth, this.#root);
  }
}

const sharedZeros = new Map<number, number[]>();

/**
 * One array of zeros per leaf length: every leaf begins as a copy. Leaves are plain arrays because a small typed array costs an
 * allocation outside the heap. Filled with fractions first, they hold their numbers unboxed for good.
 */
function zeros(length: number): number[] {
  const found = sharedZeros.get(length) ?? [];
  if (found.length === length) return found;
  for (let i = 0; i < length; i++) found.push(0.5);
  found.fill(0);
  sharedZeros.set(length, found);
  return found;
}
