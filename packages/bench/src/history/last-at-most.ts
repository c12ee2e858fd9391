/** Index of the last of `count` values that is at most `limit`; -1 if all are larger. Values ascend. */
export function lastAtMost(count: number, limit: number, valueAt: (index: number) => number): number {
  let low = -1;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (valueAt(middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
