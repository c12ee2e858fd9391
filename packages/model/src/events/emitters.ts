/**
 * Typed writers of rows, one per event type, compiled from the schema once. A call names its fields; nobody has to know
 * which column holds which. `emit.pagesAllocated({ allocation, pfn, pages })`
 */
import type { Field } from './fields.ts';
import {
  type BodyOf,
  EVENT_TYPES,
  type EventType,
  fieldsOf,
  TYPE,
  type TypeName,
  typeName,
} from './schema.ts';

type AttributeName = 'gfp' | 'node' | 'align';
/** The fields of an event; gfp, node and align are one word, as attributesOf() makes it. */
type Emitted<Type extends EventType> = Omit<BodyOf<Type>, 'type' | AttributeName> &
  (BodyOf<Type> extends { readonly gfp?: string } ? { readonly attributes: number } : unknown);

export type Emitters = { readonly [Type in EventType as TypeName<Type>]: (fields: Emitted<Type>) => void };

/** What stores a row and folds it. */
export interface RowSink {
  /** Appends a row; returns its index. */
  append(type: number, allocation: number, pfn: number, pages: number, code: number): number;
  /** Writes the columns that few types have. */
  extend(row: number, owner: number, bytes: number, name: string | undefined): void;
  /** The row is complete. */
  commit(row: number): void;
}

type Compiled = (sink: RowSink) => (fields: never) => void;
const COMPILED: readonly Compiled[] = EVENT_TYPES.map(compile);

export const emittersTo = (sink: RowSink): Emitters =>
  Object.freeze(
    Object.fromEntries(EVENT_TYPES.map((type, code) => [typeName(type), COMPILED[code](sink)])),
  ) as unknown as Emitters;

function compile(type: EventType): Compiled {
  const codes: Record<string, Record<string, number>> = {};
  const columns: Record<Field['column'], string> = {
    owner: '0',
    allocation: '0',
    pfn: '0',
    pages: '0',
    bytes: '0',
    code: '0',
    name: 'undefined',
  };
  for (const [name, field] of Object.entries(fieldsOf(type))) {
    const given = `fields.${name}`;
    switch (field.kind) {
      case 'number':
      case 'name':
        columns[field.column] = given;
        break;
      case 'choice':
        codes[name] = Object.fromEntries(field.bits ?? []);
        columns.code = `codes.${name}[${given}]`;
        break;
      case 'flag':
        columns.code += ` | (${given} ? ${field.bits?.get(true)} : 0)`;
        break;
      case 'flagged number':
        columns.code += ` | (${given} === undefined ? 0 : ${field.flag})`;
        columns[field.column] = `${given} ?? 0`;
        break;
      case 'attribute':
        columns[field.column] = 'fields.attributes';
    }
  }
  const { allocation, pfn, pages, code, owner, bytes, name } = columns;
  const isLong = owner !== '0' || bytes !== '0' || name !== 'undefined';
  return new Function(
    'codes',
    `return (sink) => (fields) => {
      const row = sink.append(${TYPE[typeName(type)]}, ${allocation}, ${pfn}, ${pages}, ${code});
      ${isLong ? `sink.extend(row, ${owner}, ${bytes}, ${name});` : ''}
      sink.commit(row);
    }`,
  )(codes);
}
