import Table from 'cli-table3';

/** A table of figures: text on the left, numbers on the right. */
export function speedTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** A whole number with commas. */
export const grouped = (value: number): string => Math.round(value).toLocaleString('en');

/** `2.31 x`. */
export const times = (ratio: number, decimals = 2): string => `${ratio.toFixed(decimals)} x`;
