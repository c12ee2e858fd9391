/** What the blocks were at a frame, from how they changed. For a page and for a terminal. */
import { lastAtMost } from './last-at-most.ts';
import type { BlockChanges, BlockState, InputHistory } from './types.ts';

/** An index over changes: a look-up is a binary search in the rows of one block. */
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

  /** Row of a block that holds at a frame; -1 if the block is still private, and mapped as at boot. */
  rowAt(block: number, frame: number): number {
    const place = this.#placeOf.get(block);
    return place === undefined ? -1 : this.#rowIn(place, frame);
  }

  /** Rows that hold at a frame, by block: one for each block that has changed by then. */
  rowsAt(frame: number): number[] {
    return this.changed.map((_, place) => this.#rowIn(place, frame)).filter((row) => row !== -1);
  }

  #rowIn(place: number, frame: number): number {
    const first = this.#starts[place];
    const rows = this.#starts[place + 1] - first;
    const row = lastAtMost(rows, frame, (at) => this.changes.frame[first + at]);
    return row === -1 ? -1 : first + row;
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
