/** Items by key, in the order in which keys come first. */
export function groupedBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** Items in as few groups as fit, in their order: one at least in each, and one group at least. */
export function groupsThatFit<Item>(
  items: readonly Item[],
  fits: (group: readonly Item[]) => boolean,
): Item[][] {
  const groups: Item[][] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last !== undefined && fits([...last, item])) last.push(item);
    else groups.push([item]);
  }
  return groups.length === 0 ? [[]] : groups;
}

/** Parts in lines of at most `width` characters, broken only between parts. */
export const filledLines = (parts: readonly string[], width: number, gap = ''): string[] =>
  groupsThatFit(parts, (line) => line.join(gap).length <= width).map((line) => line.join(gap));
