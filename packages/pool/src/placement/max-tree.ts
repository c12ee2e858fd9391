/**
 * A tournament tree over one value a slot: finds the lowest slot whose value is at least a bound in O(log n),
 * because each inner node holds the largest value below it.
 */
export class MaxTree {
  readonly #leaves: number;
  readonly #nodes: Uint16Array;

  constructor(slots: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(2, slots)));
    this.#nodes = new Uint16Array(2 * this.#leaves);
  }

  at(slot: number): number {
    return this.#nodes[this.#leaves + slot];
  }

  set(slot: number, value: number): void {
    const nodes = this.#nodes;
    let node = this.#leaves + slot;
    nodes[node] = value;
    while (node > 1) {
      node >>>= 1;
      const best = Math.max(nodes[2 * node], nodes[2 * node + 1]);
      if (nodes[node] === best) return;
      nodes[node] = best;
    }
  }

  /** Lowest slot from `from` on whose value is at least `bound`, or -1. */
  firstAtLeast(bound: number, from = 0): number {
    const nodes = this.#nodes;
    let node = this.#leaves + from;
    if (from >= this.#leaves) return -1;
    // Up and to the right until a subtree holds one, then down its left-most branch.
    while (nodes[node] < bound) {
      while ((node & 1) === 1) {
        node >>>= 1;
        if (node <= 1) return -1;
      }
      node++;
    }
    while (node < this.#leaves) {
      node *= 2;
      if (nodes[node] < bound) node++;
    }
    return node - this.#leaves;
  }
}
