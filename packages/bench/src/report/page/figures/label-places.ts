/** Places for the labels of marks: beside, above or below, the first place that is free. */

export interface Mark {
  /** px of the centre */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** px of the label's text; 0 if it has none. */
  readonly width: number;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** From the centre of the mark to the centre of the text, px. */
export interface LabelPlace {
  readonly side: 'left' | 'right' | 'over';
  readonly dx: number;
  readonly dy: number;
}

export const LABEL_GAP = 6;
const LINE = 16;

/** Marks further right choose first: marks to their left still have both sides to choose from. */
export function labelPlaces(marks: readonly Mark[], within: Box): (LabelPlace | undefined)[] {
  const places = new Array<LabelPlace | undefined>(marks.length);
  const taken = marks.map(({ x, y, radius }) => around(x, y, radius, radius));
  const order = [...marks.keys()].sort((a, b) => marks[b].x - marks[a].x || marks[a].y - marks[b].y || a - b);
  for (const index of order) {
    const mark = marks[index];
    if (mark.width === 0) continue;
    const boxOf = ({ dx, dy }: LabelPlace) => around(mark.x + dx, mark.y + dy, mark.width / 2, LINE / 2);
    const costOf = (place: LabelPlace) => {
      const box = boxOf(place);
      const hidden = taken.reduce((sum, other) => sum + common(box, other), 0);
      return hidden + area(box) - common(box, within);
    };
    const [best] = candidates(mark, within)
      .map((place) => ({ place, cost: costOf(place) }))
      .sort((a, b) => a.cost - b.cost);
    places[index] = best.place;
    taken.push(boxOf(best.place));
  }
  return places;
}

function candidates({ x, radius, width }: Mark, { left, right }: Box): LabelPlace[] {
  const aside = radius + LABEL_GAP + width / 2;
  // A text above or below need not be centred: it has to stay within the picture.
  const shift = Math.max(left - (x - width / 2), Math.min(0, right - (x + width / 2)));
  return [0, 1, 2, 3].flatMap((line): LabelPlace[] => {
    const away = radius + LINE / 2 + 2 + LINE * line;
    const upright = [-away, away].map((dy) => ({ side: 'over', dx: shift, dy }) as const);
    if (line > 0) return upright;
    return [{ side: 'right', dx: aside, dy: 0 }, { side: 'left', dx: -aside, dy: 0 }, ...upright];
  });
}

const around = (x: number, y: number, width: number, height: number): Box => ({
  left: x - width,
  top: y - height,
  right: x + width,
  bottom: y + height,
});

const area = ({ left, top, right, bottom }: Box): number => (right - left) * (bottom - top);

const common = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
