import { expect, it } from 'vitest';
import { type Box, labelPlaces, type Mark } from './label-places.ts';

const within: Box = { left: 0, top: 0, right: 1000, bottom: 300 };
const mark = (x: number, y: number, width = 200): Mark => ({ x, y, radius: 8, width });

/** Text of each, as a box. */
const boxes = (marks: readonly Mark[]) =>
  labelPlaces(marks, within).flatMap((place, index) => {
    if (place === undefined) return [];
    const { x, y, width } = marks[index];
    const middle = { x: x + place.dx, y: y + place.dy };
    return [
      { left: middle.x - width / 2, right: middle.x + width / 2, top: middle.y - 8, bottom: middle.y + 8 },
    ];
  });

const areApart = (a: Box, b: Box) =>
  a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;

it('a label stands at the right of its mark, or at the left where the picture ends', () => {
  const [alone] = labelPlaces([mark(100, 100)], within);
  expect(alone).toEqual({ side: 'right', dx: 114, dy: 0 });
  const [atEdge] = labelPlaces([mark(950, 100)], within);
  expect(atEdge).toEqual({ side: 'left', dx: -114, dy: 0 });
});

it.each([
  ['two beside each other at the bottom', [mark(800, 290), mark(780, 290)]],
  ['three at one height', [mark(500, 150), mark(520, 150), mark(540, 150)]],
  ['five in a heap', [0, 1, 2, 3, 4].map((step) => mark(400 + 12 * step, 200))],
  ['in a corner', [mark(5, 5), mark(20, 5), mark(35, 5)]],
])('labels lie apart, and within the picture: %s', (_, marks) => {
  const all = boxes(marks);
  expect(all).toHaveLength(marks.length);
  for (const [index, box] of all.entries()) {
    for (const other of all.slice(index + 1)) expect(areApart(box, other)).toBe(true);
    expect(box.left >= 0 && box.right <= 1000 && box.top >= 0 && box.bottom <= 300).toBe(true);
  }
});

it('a mark without a label has no place for one, but keeps others off', () => {
  const [first, second] = labelPlaces([mark(100, 100), mark(150, 100, 0)], within);
  expect(second).toBeUndefined();
  expect(first).toEqual({ side: 'over', dx: 0, dy: -18 });
});
