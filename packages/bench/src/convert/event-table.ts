/**
 * Events as a table for SQL: a column per field that some type has, NULL where a type does not have it. What the columns are follows
 * from the table of fields that the event objects are checked with.
 */
import {
  ANY_NODE,
  AREA_CALL,
  alignOf,
  CONVERTED,
  type ColumnName,
  EVENT_TYPES,
  type EventColumns,
  FIELDS,
  type FieldKind,
  GFP,
  gfpName,
  gfpOf,
  nodeOf,
} from '@decpool/model';

/** What a value is: `int` has 32 bits, `bigint` 64; both are signed, so that differences of them are what one expects. */
export type ValueKind = 'flag' | 'int' | 'bigint' | 'text';

/** A value that is not there. */
export const ABSENT = -1;

/** Rows of a table, as many as are encoded at once. */
export interface RowGroup {
  readonly columns: EventColumns;
  readonly length: number;
  /** Codes of the types that its rows are of. */
  readonly types: ReadonlySet<number>;
  /** Position in the log of the first row. */
  readonly firstSeq: number;
  /** Names of the owners so far, by number. */
  readonly owners: ReadonlyMap<number, string>;
}

/** The value in a row, or ABSENT; of a text a number that stands for it. */
type Read = (group: RowGroup, row: number) => number;

export interface TableColumn {
  readonly name: string;
  readonly kind: ValueKind;
  /** Whether each row has a value. */
  readonly isRequired: boolean;
  /** Column of the log that has the values as they are, of the types that have any. */
  readonly source?: ColumnName;
  /** By type code: whether events of that type can have a value. */
  readonly has: readonly boolean[];
  /** By type code: how a value is read that is not in `source` as it is. */
  readonly read: readonly (Read | undefined)[];
  /** The text that a number stands for. */
  readonly textOf?: (value: number, group: RowGroup) => string;
}

/** Names of columns that are not the field's: words of SQL, and units. */
const RENAMED: Readonly<Record<string, string>> = { offset: 'area_offset' };
/** The fields that most queries are about come first. */
const FIRST = ['allocation', 'pfn', 'pages', 'bytes', 'owner'];

const snakeCase = (field: string): string =>
  RENAMED[field] ?? field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const KINDS_OF_ATTRIBUTE: Readonly<Record<string, { kind: ValueKind; read: Read }>> = {
  gfp: { kind: 'text', read: ({ columns }, row) => gfpOf(columns.pfn[row]) },
  node: {
    kind: 'int',
    read: ({ columns }, row) => {
      const node = nodeOf(columns.pfn[row]);
      return node === ANY_NODE ? ABSENT : node;
    },
  },
  align: {
    kind: 'int',
    read: ({ columns }, row) => {
      const bytes = alignOf(columns.pfn[row]);
      return bytes === 1 ? ABSENT : bytes;
    },
  },
};

interface Stored {
  readonly kind: ValueKind;
  readonly source?: ColumnName;
  readonly read?: Read;
  readonly texts?: readonly string[];
}

/** How a field of a type is stored. */
function storedAs(field: string, kind: FieldKind, kinds: readonly FieldKind[]): Stored {
  if (kind === 'u32') return { kind: 'bigint', source: field as ColumnName };
  if (kind === 'owner') return { kind: 'int', source: 'owner' };
  if (kind === 'name') return { kind: 'text', read: (_, row) => row };
  if (kind === 'converted') {
    return { kind: 'flag', read: ({ columns }, row) => (columns.code[row] & CONVERTED ? 1 : 0) };
  }
  if (kind === 'area offset') {
    return {
      kind: 'bigint',
      read: ({ columns }, row) => (columns.code[row] & AREA_CALL ? columns.bytes[row] : ABSENT),
    };
  }
  if (kind === 'attribute') return KINDS_OF_ATTRIBUTE[field];
  if ('column' in kind) return { kind: 'bigint', source: kind.column };
  if ('levels' in kind) return { kind: 'int', source: 'code' };
  // The flags of a type are the bits above its names.
  const hasFlags = kinds.includes('converted') || kinds.includes('area offset');
  const mask = kind.length - 1;
  const stored: Stored = { kind: 'text', texts: kind, source: 'code' };
  return hasFlags ? { ...stored, read: ({ columns }, row) => columns.code[row] & mask } : stored;
}

/** Every field that some type has, in the order in which the types have them. */
function fieldNames(): string[] {
  const names = new Set(EVENT_TYPES.flatMap((type) => Object.keys(FIELDS[type])));
  return [...FIRST, ...[...names].filter((name) => !FIRST.includes(name))];
}

function columnOfField(field: string): TableColumn {
  const stored = EVENT_TYPES.map((type): Stored | undefined => {
    const kinds = FIELDS[type];
    return Object.hasOwn(kinds, field)
      ? storedAs(field, kinds[field], Object.values<FieldKind>(kinds))
      : undefined;
  });
  const found = stored.filter((each) => each !== undefined);
  const source = found.find((each) => each.source !== undefined)?.source;
  const texts = found.find((each) => each.texts !== undefined)?.texts;
  const textOf = textsOf(field, texts);
  return {
    name: snakeCase(field),
    kind: found[0].kind,
    isRequired: false,
    has: stored.map((each) => each !== undefined),
    read: stored.map((each) => each?.read),
    ...(source === undefined ? {} : { source }),
    ...(textOf === undefined ? {} : { textOf }),
  };
}

function textsOf(field: string, texts: readonly string[] | undefined): TableColumn['textOf'] {
  if (texts !== undefined) return (value) => texts[value];
  if (field === 'gfp') return (value) => gfpName(value);
  if (field === 'name') return (row, { columns }) => columns.names.get(row) ?? '';
  return undefined;
}

const ALWAYS = EVENT_TYPES.map(() => true);
const AS_STORED = EVENT_TYPES.map(() => undefined);

const fact = (name: string, source: ColumnName, kind: ValueKind = 'bigint'): TableColumn => ({
  name,
  kind,
  isRequired: true,
  source,
  has: ALWAYS,
  read: AS_STORED,
});

const readOwner: Read = ({ columns, owners }, row) =>
  owners.has(columns.owner[row]) ? columns.owner[row] : ABSENT;

/** The name of the owner whose number a column has. */
function nameColumn(of: TableColumn): TableColumn {
  return {
    name: `${of.name}_name`,
    kind: 'text',
    isRequired: false,
    has: of.has,
    read: of.has.map(() => readOwner),
    textOf: (owner, { owners }) => owners.get(owner) ?? '',
  };
}

const SEQ: TableColumn = {
  name: 'seq',
  kind: 'bigint',
  isRequired: true,
  has: ALWAYS,
  read: ALWAYS.map(
    () =>
      ({ firstSeq }, row) =>
        firstSeq + row,
  ),
};

/** Columns of the table `events`. `time_ns` is simulated ns, `pfn` a page frame number, `pages` are base pages. */
export const EVENT_TABLE: readonly TableColumn[] = [
  SEQ,
  fact('time_ns', 'time'),
  fact('request', 'request'),
  { ...fact('type', 'type', 'text'), textOf: (code) => EVENT_TYPES[code] },
  ...fieldNames()
    .map(columnOfField)
    .flatMap((column) =>
      column.source === 'owner' && column.kind === 'int' ? [column, nameColumn(column)] : [column],
    ),
];

/** Most different numbers that stand for texts in a column, of so many rows. */
export const mostTexts = (rows: number): number =>
  Math.max(rows, 2 ** 16, 2 ** Object.keys(GFP).length, EVENT_TYPES.length);

/**
 * Puts the values that there are in a column side by side, and tells which rows have one. Returns how many there are.
 */
export function gather(
  column: TableColumn,
  group: RowGroup,
  values: Float64Array,
  isPresent: Uint8Array,
): number {
  if (![...group.types].some((code) => column.has[code])) {
    isPresent.fill(0, 0, group.length);
    return 0;
  }
  const { type } = group.columns;
  const { has, read } = column;
  const source = group.columns[column.source ?? 'type'];
  let found = 0;
  for (let row = 0; row < group.length; row++) {
    const code = type[row];
    const readValue = read[code];
    const value = !has[code] ? ABSENT : readValue === undefined ? source[row] : readValue(group, row);
    isPresent[row] = value === ABSENT ? 0 : 1;
    if (value !== ABSENT) values[found++] = value;
  }
  return found;
}
