/** What a query gives, as text. */
import type { DuckDBValue } from '@duckdb/node-api';

/** A value in a cell of a table or of CSV. */
export const cellText = (value: DuckDBValue): string => (value === null ? '' : String(value));

/** What DuckDB makes of lists, arrays, structs and maps. */
interface Nested {
  readonly items?: readonly DuckDBValue[];
  readonly entries?:
    | Readonly<Record<string, DuckDBValue>>
    | readonly { key: DuckDBValue; value: DuckDBValue }[];
}

/** A value as JSON. Whole numbers of any size are numbers; those that JSON does not have are null. */
export function jsonOf(value: DuckDBValue): string {
  switch (typeof value) {
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
    case 'string':
      return JSON.stringify(value);
    default:
      return value === null ? 'null' : jsonOfObject(value);
  }
}

function jsonOfObject(value: object): string {
  if ('scale' in value && 'width' in value) return String(value);
  const { items, entries } = value as Nested;
  if (items !== undefined) return `[${items.map(jsonOf).join(', ')}]`;
  if (Array.isArray(entries)) {
    return jsonObject(entries.map(({ key, value: held }) => [cellText(key), held]));
  }
  if (entries !== undefined) return jsonObject(Object.entries(entries));
  return JSON.stringify(String(value));
}

export const jsonObject = (fields: readonly (readonly [string, DuckDBValue])[]): string =>
  `{${fields.map(([name, value]) => `${JSON.stringify(name)}: ${jsonOf(value)}`).join(', ')}}`;
