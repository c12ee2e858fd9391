/** Most policies that a table has a column for; with more it is too wide to read. */
const MOST_COLUMNS = 5;

/** Whether the table has a column for each policy. With more policies the ranking replaces it. */
export const hasColumns = ({ policies }: { readonly policies: readonly unknown[] }): boolean =>
  policies.length <= MOST_COLUMNS;
