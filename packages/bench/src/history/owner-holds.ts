/** How many pages each owner has, in how many blocks, and how many of these it has to itself. */
import type { BlockHolder } from '@decpool/model/internal';
import type { OwnerHold } from './types.ts';

/** Words of one owner in a snapshot: its number, pages, blocks, blocks alone. */
const WORDS = 4;

/** Who held what at a moment; owners that held nothing are left out. */
export type HoldSnapshot = Uint32Array;

export const NOTHING: OwnerHold = { pages: 0, blocks: 0, alone: 0 };

export class OwnerHolds {
  readonly #holds: { pages: number; blocks: number; alone: number }[] = [];
  #last: HoldSnapshot = new Uint32Array(0);
  #hasChanged = false;

  /** Adds the holders of one block, or takes them away. */
  change(holders: readonly BlockHolder[], sign: 1 | -1): void {
    if (holders.length > 0) this.#hasChanged = true;
    for (const { owner, pages } of holders) {
      while (owner >= this.#holds.length) this.#holds.push({ ...NOTHING });
      const hold = this.#holds[owner];
      hold.pages += sign * pages;
      hold.blocks += sign;
      if (holders.length === 1) hold.alone += sign;
    }
  }

  snapshot(): HoldSnapshot {
    if (!this.#hasChanged) return this.#last;
    const words: number[] = [];
    for (const [owner, { pages, blocks, alone }] of this.#holds.entries()) {
      if (pages > 0) words.push(owner, pages, blocks, alone);
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
