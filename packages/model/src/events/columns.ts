/**
 * Events as columns. A row is 32 bytes in nine typed arrays; the fields a type does not have are 0. This is what the
 * pool writes, what a fold reads and what the Arrow log stores.
 */

/**
 * The columns of a number of rows. `code` holds the api, migratetype, level, direction or reason of a type. Fields that
 * no two types have in common share a column; schema.ts says which.
 */
export interface EventColumns {
  readonly type: Uint8Array;
  readonly code: Uint8Array;
  readonly owner: Uint16Array;
  readonly request: Uint32Array;
  readonly allocation: Uint32Array;
  readonly pfn: Uint32Array;
  readonly pages: Uint32Array;
  readonly bytes: Uint32Array;
  readonly time: Float64Array;
  /** Names given by `owner-registered` rows, by row. */
  readonly names: ReadonlyMap<number, string>;
}

export type ColumnName = Exclude<keyof EventColumns, 'names'>;

/** The columns of numbers, in the order in which a log has them. */
export const NUMBER_COLUMNS = [
  'type',
  'code',
  'owner',
  'request',
  'allocation',
  'pfn',
  'pages',
  'bytes',
  'time',
] as const satisfies readonly ColumnName[];

export function allocateColumns(rows: number): EventColumns & { readonly names: Map<number, string> } {
  return {
    type: new Uint8Array(rows),
    code: new Uint8Array(rows),
    owner: new Uint16Array(rows),
    request: new Uint32Array(rows),
    allocation: new Uint32Array(rows),
    pfn: new Uint32Array(rows),
    pages: new Uint32Array(rows),
    bytes: new Uint32Array(rows),
    time: new Float64Array(rows),
    names: new Map(),
  };
}
