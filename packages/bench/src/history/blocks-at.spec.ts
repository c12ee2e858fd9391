import { expect, it } from 'vitest';
import { BlocksAt } from './blocks-at.ts';
import type { BlockChanges } from './types.ts';

/** Rows of nothing but a block and a frame. */
function changes(rows: readonly (readonly [block: number, frame: number])[]): BlockChanges {
  const zeros = rows.map(() => 0);
  return {
    block: rows.map(([block]) => block),
    frame: rows.map(([, frame]) => frame),
    state: zeros,
    mapping: zeros,
    sharedPages: zeros,
    usedPages: zeros,
    since: zeros,
    pinStart: [0, ...zeros],
    pinOwner: [],
    pinPages: [],
    pinSince: [],
    morePins: zeros,
  };
}

const at = new BlocksAt(
  changes([
    [3, 0],
    [3, 2],
    [3, 5],
    [700, 4],
  ]),
);

it('has the row that holds at a frame, from the frame of the row on', () => {
  expect([0, 1, 2, 4, 5, 99].map((frame) => at.rowAt(3, frame))).toEqual([0, 0, 1, 1, 2, 2]);
  expect([3, 4, 5].map((frame) => at.rowAt(700, frame))).toEqual([-1, 3, 3]);
});

it('has none for a block that never changed', () => {
  expect(at.rowAt(4, 9)).toBe(-1);
});

it('has all rows that hold at a frame', () => {
  expect(at.changed).toEqual([3, 700]);
  expect([0, 3, 4].map((frame) => at.rowsAt(frame))).toEqual([[0], [1], [1, 3]]);
});

it('is empty where nothing changed', () => {
  const empty = new BlocksAt(changes([]));
  expect(empty.changed).toEqual([]);
  expect(empty.rowsAt(0)).toEqual([]);
});
