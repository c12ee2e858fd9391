/** With more policies a table is too wide to read. */
const COLUMN_LIMIT = 5;

/** Whether the table has a column for each policy. Otherwise the ranking replaces it. */
export const hasColumns = ({ policies }: { readonly policies: readonly unknown[] }): boolean =>
  policies.length <= COLUMN_LIMIT;
