/** How many pages each owner has, in how many blocks, and how many of these it has to itself. */
import type { OwnerHold } from './types.ts';

/** Words of one owner in a snapshot: its number, pages, blocks, blocks alone. */
const WORDS = 4;

/** Who held what at a moment; owners that held nothing are left out. */
export type HoldSnapshot = Uint32Array;

export const NOTHING: OwnerHold = { pages: 0, blocks: 0, alone: 0 };

export class OwnerHolds {
  readonly #pages: number[] = [];
  readonly #blocks: number[] = [];
  readonly #alone: number[] = [];
  #last: HoldSnapshot = new Uint32Array(0);
  #hasChanged = false;

  /** Adds the owners of one block and their pages, or takes them away. */
  change(owners: readonly number[], pages: readonly number[], sign: 1 | -1): void {
    if (owners.length > 0) this.#hasChanged = true;
    for (const [index, owner] of owners.entries()) {
      while (owner >= this.#pages.length) {
        this.#pages.push(0);
        this.#blocks.push(0);
        this.#alone.push(0);
      }
      this.#pages[owner] += sign * pages[index];
      this.#blocks[owner] += sign;
      if (owners.length === 1) this.#alone[owner] += sign;
    }
  }

  snapshot(): HoldSnapshot {
    if (!this.#hasChanged) return this.#last;
    const words: number[] = [];
    for (const [owner, pages] of this.#pages.entries()) {
      if (pages > 0) words.push(owner, pages, this.#blocks[owner], this.#alone[owner]);
    }
    this.#hasChanged = false;
    this.#last = Uint32Array.from(words);
    return this.#last;
  }
}

/** What each owner held, by its number. */
export function holdsIn(snapshot: HoldSnapshot): Map<number, OwnerHold> {
  const holds = new Map<number, OwnerHold>();
  for (let at = 0; at < snapshot.length; at += WORDS) {
    const [owner, pages, blocks, alone] = snapshot.subarray(at, at + WORDS);
    holds.set(owner, { pages, blocks, alone });
  }
  return holds;
}
