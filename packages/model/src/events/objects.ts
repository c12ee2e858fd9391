/**
 * Events as objects: what a reader looks at, and what the NDJSON log holds. Rows are decoded by a function per event type,
 * compiled from the schema once: each makes objects of one shape, without a loop over the fields.
 */
import { InputError } from '../errors.ts';
import { ANY_NODE, alignOf, areAttributes, nodeOf } from '../requests.ts';
import { unknownName } from '../unknown-name.ts';
import type { EventColumns } from './columns.ts';
import { attributeFields, type Field, isWhole, MAX_WORD, storedBits } from './fields.ts';
import { EVENT_TYPES, type EventType, fieldsOf, type PoolEvent, typesWhere } from './schema.ts';

type Decoder = (columns: EventColumns, row: number, seq: number) => PoolEvent;

const DECODERS: readonly Decoder[] = EVENT_TYPES.map(decoderOf);

/** One row as the frozen event it stands for. `seq` is the row's position in the log. */
export function eventAt(columns: EventColumns, row: number, seq: number): PoolEvent {
  return Object.freeze(DECODERS[columns.type[row]](columns, row, seq));
}

function decoderOf(type: EventType): Decoder {
  const fields = Object.entries(fieldsOf(type));
  const flags = flagsOf(type);
  const values: Record<string, unknown[]> = {};
  const read = ([name, field]: readonly [string, Field]): string => {
    const stored = `columns.${field.column}[row]`;
    switch (field.kind) {
      case 'number':
        return `${name}: ${stored}`;
      case 'name':
        return `${name}: columns.names.get(row) ?? ''`;
      case 'choice':
        values[name] = valuesByCode(field);
        return `${name}: values.${name}[${stored} & ~${flags}]`;
      case 'flag':
        return `...(${stored} & ${field.bits?.get(true)} ? { ${name}: true } : {})`;
      case 'flagged number':
        return `...(columns.code[row] & ${field.flag} ? { ${name}: ${stored} } : {})`;
      case 'attribute':
        // One word holds all attributes, and every type that has any has this one.
        return name === 'gfp' ? `...attributeFields(${stored})` : '';
    }
  };
  const own = fields
    .map(read)
    .filter((part) => part !== '')
    .join(', ');
  return new Function(
    'values, attributeFields',
    `return (columns, row, seq) =>
      ({ seq, time: columns.time[row], request: columns.request[row], type: '${type}', ${own} })`,
  )(values, attributeFields);
}

function valuesByCode({ bits }: Field): unknown[] {
  const values: unknown[] = [];
  for (const [value, code] of bits ?? []) values[code] = value;
  return values;
}

/** Bits of the code column that say which optional fields a row of this type has. */
function flagsOf(type: EventType): number {
  return Object.values(fieldsOf(type)).reduce(
    (flags, field) => flags | field.flag | (field.kind === 'flag' ? (field.bits?.get(true) ?? 0) : 0),
    0,
  );
}

/** By type code, then by the row's code: whether an event of that type can have it. */
export const KNOWN_CODES: readonly (readonly boolean[])[] = EVENT_TYPES.map((type) => {
  const choice = Object.values(fieldsOf(type)).find(({ kind }) => kind === 'choice');
  const flags = flagsOf(type);
  const known =
    choice === undefined ? [true] : Array.from(valuesByCode(choice), (value) => value !== undefined);
  // Flags are the bits above the values: each doubles the codes.
  return Array.from({ length: ((known.length - 1) | flags) + 1 }, (_, code) => known[code & ~flags]);
});

const HAS_ATTRIBUTES = typesWhere(({ fields }) => 'gfp' in fields);
const HAS_NODE = typesWhere(({ fields }) => 'node' in fields);

/** Whether the attributes of a row, in its pfn column, are ones that its type can have. A free has flags and a CPU only. */
export function hasKnownAttributes(columns: EventColumns, row: number): boolean {
  const type = columns.type[row];
  const attributes = columns.pfn[row];
  if (!HAS_ATTRIBUTES[type]) return true;
  if (!areAttributes(attributes)) return false;
  return HAS_NODE[type] || (nodeOf(attributes) === ANY_NODE && alignOf(attributes) === 1);
}

/** An event object as it is stored in a row; `name` stands beside the columns. */
type StoredEvent = Record<Exclude<Field['column'], 'name'> | 'type' | 'time' | 'request', number> & {
  name?: string;
};

/** Throws InputError that names the field if the value is not an event. `seq` is not looked at. */
export function parseEvent(value: unknown): StoredEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError("not an event; expected a JSON object with a 'type'");
  }
  const given = value as Readonly<Record<string, unknown>>;
  const type = parseType(given['type']);
  const fields = fieldsOf(type);
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(fields, key) && !FACT_FIELDS.includes(key)) {
      throw new InputError(`${type}: unknown field '${key}'`);
    }
  }
  const { time = 0, request = 0 } = given;
  if (!isWhole(time, Number.MAX_SAFE_INTEGER)) throw fieldError(type, 'time', 'a whole number of ns');
  if (!isWhole(request, MAX_WORD)) throw fieldError(type, 'request', 'a whole number');
  const stored: StoredEvent = {
    type: EVENT_TYPES.indexOf(type),
    time,
    request,
    owner: 0,
    allocation: 0,
    pfn: 0,
    pages: 0,
    bytes: 0,
    code: 0,
  };
  for (const [name, field] of Object.entries(fields)) {
    const own = given[name];
    if (own === undefined && field.isOptional) continue;
    const refuse = () => fieldError(type, name, field.expected);
    if (field.column === 'name') {
      if (typeof own !== 'string') throw refuse();
      stored.name = own;
    } else {
      const bits = storedBits(field, own, refuse);
      stored[field.column] = field.kind === 'number' ? bits : (stored[field.column] | bits) >>> 0;
      stored.code |= field.flag;
    }
  }
  return stored;
}

const FACT_FIELDS = ['type', 'seq', 'time', 'request'];

function parseType(type: unknown): EventType {
  const known = EVENT_TYPES.find((candidate) => candidate === type);
  if (known !== undefined) return known;
  if (typeof type !== 'string') throw fieldError('event', 'type', 'the name of an event type');
  // In a damaged log it can be as long as a line.
  const given = type.slice(0, 40);
  throw unknownName({
    kind: 'event type',
    given,
    known: EVENT_TYPES,
    listedBy: 'docs/reference/log-format.md',
  });
}

function fieldError(type: string, field: string, expected: string): InputError {
  return new InputError(`${type}: '${field}' must be ${expected}`);
}
