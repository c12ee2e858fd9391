/** A table with a column for each policy becomes too wide to read beyond so many. */
const MOST_COLUMNS = 5;

/** Whether a table has a column for each policy: beyond some the ranking says more. */
export const hasColumns = ({ policies }: { readonly policies: readonly unknown[] }): boolean =>
  policies.length <= MOST_COLUMNS;
