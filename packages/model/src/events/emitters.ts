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

type AttributeName = 'gfp' | 'node' | 'align' | 'cpu';
/** The fields of an event; gfp, node, align and cpu of a request are one word, as attributesOf() makes it. */
type Emitted<Type extends EventType> =
  BodyOf<Type> extends { readonly gfp?: string }
    ? Omit<BodyOf<Type>, 'type' | AttributeName> & { readonly attributes: number }
    : Omit<BodyOf<Type>, 'type'>;

/** A function for each event type, which appends an event with these fields. */
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

/**
 * One class with a method per type, so that the emitters of all sinks share their code: an engine can inline a method of a
 * class, but no closure that each sink has of its own.
 */
const EmitterClass = classOf(EVENT_TYPES.map(methodOf));

/** Functions that append events to a sink. */
export const emittersTo = (sink: RowSink): Emitters => Object.freeze(new EmitterClass(sink));

function classOf(methods: readonly Method[]): new (sink: RowSink) => Emitters {
  const codes = Object.fromEntries(methods.map((method) => [method.name, method.codes]));
  const source = `return class { constructor(sink) { this.sink = sink; } ${methods.map(({ text }) => text).join('\n')} }`;
  return new Function('codes', source)(codes);
}

interface Method {
  readonly name: TypeName<EventType>;
  readonly text: string;
  /** Codes of the values of its fields, by field. */
  readonly codes: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

function methodOf(type: EventType): Method {
  const method = typeName(type);
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
        columns.code = `codes.${method}.${name}[${given}]`;
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
  const text = `${method}(fields) {
    const { sink } = this;
    const row = sink.append(${TYPE[method]}, ${allocation}, ${pfn}, ${pages}, ${code});
    ${isLong ? `sink.extend(row, ${owner}, ${bytes}, ${name});` : ''}
    sink.commit(row);
  }`;
  return { name: method, text, codes };
}
