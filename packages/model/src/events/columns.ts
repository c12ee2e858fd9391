/**
 * Events as columns: a row is 32 bytes in nine typed arrays, and the fields that its type does not have are 0. The pool writes
 * this, a fold reads it, and the Arrow log stores it.
 */

/**
 * The arrays, in the order in which a log has them. `code` holds the api, migratetype, level, direction or reason of a type.
 * Types share columns; schema.ts says which field is in which.
 */
const ARRAYS = {
  type: Uint8Array,
  code: Uint8Array,
  owner: Uint16Array,
  request: Uint32Array,
  allocation: Uint32Array,
  pfn: Uint32Array,
  pages: Uint32Array,
  bytes: Uint32Array,
  time: Float64Array,
} as const;

/** Name of a column of numbers. */
export type ColumnName = keyof typeof ARRAYS;
/** The columns of numbers, in the order in which a log has them. */
export const NUMBER_COLUMNS = Object.keys(ARRAYS) as readonly ColumnName[];

type NumberColumns = { readonly [Name in ColumnName]: InstanceType<(typeof ARRAYS)[Name]> };

/** Events as columns: a typed array for each field, and a row for each event. */
export interface EventColumns extends NumberColumns {
  /** Names given by `owner-registered` rows, by row. */
  readonly names: ReadonlyMap<number, string>;
}

/** Makes columns one by one, always in this order: code that reads them sees one shape of object. */
export const eventColumns = <Names extends ReadonlyMap<number, string>>(
  column: <Name extends ColumnName>(name: Name) => NumberColumns[Name],
  names: Names,
): NumberColumns & { readonly names: Names } => ({
  type: column('type'),
  code: column('code'),
  owner: column('owner'),
  request: column('request'),
  allocation: column('allocation'),
  pfn: column('pfn'),
  pages: column('pages'),
  bytes: column('bytes'),
  time: column('time'),
  names,
});

export const allocateColumns = (rows: number) =>
  eventColumns(
    <Name extends ColumnName>(name: Name) => new ARRAYS[name](rows) as NumberColumns[Name],
    new Map<number, string>(),
  );
