import { numberColumn, plainTable, textColumn } from '../text/table.ts';

/** A table of figures: text on the left, numbers on the right. */
export const speedTable = (
  [first, ...heads]: readonly string[],
  rows: readonly (readonly string[])[],
): string => plainTable([textColumn(first), ...heads.map(numberColumn)], rows);

/** A whole number with commas. */
export const grouped = (value: number): string => Math.round(value).toLocaleString('en');

/** `2.31 x`. */
export const times = (ratio: number, decimals = 2): string => `${ratio.toFixed(decimals)} x`;
