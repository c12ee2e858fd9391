/** What the blocks were at a frame, from how they changed. For a page as for a terminal. */
import type { BlockChanges, BlockState, InputHistory } from './types.ts';

/** An index over changes that is made once; a look-up then takes a binary search in the rows of one block. */
export class BlocksAt {
  readonly changes: BlockChanges;
  /** Blocks that have a row, ascending. */
  readonly changed: readonly number[];
  /** First row of each of them, and the number of rows behind the last. */
  readonly #starts: readonly number[];
  readonly #placeOf = new Map<number, number>();

  constructor(changes: BlockChanges) {
    this.changes = changes;
    const changed: number[] = [];
    const starts: number[] = [];
    for (const [row, block] of changes.block.entries()) {
      if (block === changed.at(-1)) continue;
      this.#placeOf.set(block, changed.length);
      changed.push(block);
      starts.push(row);
    }
    starts.push(changes.block.length);
    this.changed = changed;
    this.#starts = starts;
  }

  /** Row that holds of a block at a frame; -1 where it is still as it was at the start: private, and mapped as at boot. */
  rowAt(block: number, frame: number): number {
    const place = this.#placeOf.get(block);
    return place === undefined ? -1 : this.#rowIn(place, frame);
  }

  /** Rows that hold at a frame, by block: one for each block that has changed by then. */
  rowsAt(frame: number): number[] {
    const rows: number[] = [];
    for (let place = 0; place < this.changed.length; place++) {
      const row = this.#rowIn(place, frame);
      if (row !== -1) rows.push(row);
    }
    return rows;
  }

  #rowIn(place: number, frame: number): number {
    const first = this.#starts[place];
    let low = first;
    let high = this.#starts[place + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.changes.frame[middle] <= frame) low = middle + 1;
      else high = middle;
    }
    return low > first ? low - 1 : -1;
  }
}

/** Blocks of RAM by state, from the states of those that have changed: all others are private. */
export function countByState(
  { ram }: Pick<InputHistory, 'ram'>,
  changed: readonly BlockState[],
): Record<BlockState, number> {
  const all = ram.reduce((sum, [, blocks]) => sum + blocks, 0);
  const counts = { private: all - changed.length, idle: 0, used: 0, mixed: 0, unknown: 0 };
  for (const state of changed) counts[state]++;
  return counts;
}
