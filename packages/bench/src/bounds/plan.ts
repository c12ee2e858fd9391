/**
 * A packing of items into virtual blocks, and what it costs. If an item spans two blocks, they are neighbours and the first is
 * even.
 */
import { PageTime } from '@decpool/model/internal';
import type { PageItem } from './items.ts';
import { closingAfter, type Moments, openingFor, timeOf } from './moments.ts';

/** Pages [first, first + pages) of a block. */
export interface Piece {
  readonly block: number;
  readonly first: number;
  readonly pages: number;
}

/** The pieces of each item, in the order of the items; those of a contiguous item in the order of its pages. */
export type Packing = readonly (readonly Piece[])[];

/** A span in which a block is shared, from moment to moment. If it stays shared, `to` is after the last request. */
interface Opening {
  readonly block: number;
  readonly from: number;
  readonly to: number;
}

export interface Plan {
  readonly packing: Packing;
  readonly openings: readonly Opening[];
  readonly blocksPeak: number;
  /** Integral of the blocks shared, up to the end of the trace, in block-ns. */
  readonly blockNs: bigint;
}

/**
 * A packing shares each block while an item is in it, and before and after that until memory may be converted. Throws RangeError
 * if a block cannot be shared in time: see openingFor().
 */
export function planOf(items: readonly PageItem[], packing: Packing, moments: Moments): Plan {
  const openings = [...itemsByBlock(packing)].flatMap(([block, inside]) =>
    openingsOf(
      block,
      inside.map((index) => items[index]),
      moments,
    ),
  );
  return { packing, openings, ...costOf(openings, moments) };
}

/** Indexes of the items in each block, ascending. */
function itemsByBlock(packing: Packing): Map<number, number[]> {
  const byBlock = new Map<number, number[]>();
  for (const [index, pieces] of packing.entries()) {
    for (const { block } of pieces) {
      const inside = byBlock.get(block);
      if (inside === undefined) byBlock.set(block, [index]);
      else if (inside.at(-1) !== index) inside.push(index);
    }
  }
  return byBlock;
}

/** Of a block with these items, which are in the order of their starts. */
function openingsOf(block: number, inside: readonly PageItem[], moments: Moments): Opening[] {
  const openings: { block: number; from: number; to: number }[] = [];
  for (const item of inside) {
    const from = openingFor(moments, item);
    if (from === undefined)
      throw new RangeError(`nothing at ${item.place} can be shared before request ${item.start}`);
    const to = closingAfter(item);
    const last = openings.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else openings.push({ block, from, to });
  }
  return openings;
}

function costOf(openings: readonly Opening[], moments: Moments): Pick<Plan, 'blocksPeak' | 'blockNs'> {
  const changes = openings.flatMap(({ from, to }) => [
    { moment: from, change: 1 },
    { moment: to, change: -1 },
  ]);
  changes.sort((a, b) => a.moment - b.moment);
  const blockTime = new PageTime();
  let time = 0;
  let now = 0;
  let blocksPeak = 0;
  for (const { moment, change } of changes) {
    const at = timeOf(moments, moment);
    if (at > time) {
      blockTime.add(now, at - time);
      time = at;
    }
    now += change;
    blocksPeak = Math.max(blocksPeak, now);
  }
  return { blocksPeak, blockNs: blockTime.pageNs };
}
