import { describe, expect, it } from 'vitest';
import { attributesOf, gfpNamed } from '../requests.ts';
import { EXAMPLES } from '../testing.ts';
import { EventRows } from './batch.ts';
import { emittersTo } from './emitters.ts';
import { EVENT_TYPES, EVENTS, type EventBody, fieldsOf, TYPE, typeName } from './schema.ts';

describe('the event schema', () => {
  it('numbers its types from 0 in the order in which it lists them', () => {
    expect(EVENT_TYPES.map((type) => EVENTS[type].code)).toEqual(EVENT_TYPES.map((_, index) => index));
    expect(TYPE.ownerRegistered).toBe(0);
    expect(TYPE.backgroundFailed).toBe(30);
  });

  it('stores no two fields of a type in the same bits', () => {
    for (const type of EVENT_TYPES) {
      const columns = Object.values(fieldsOf(type))
        .filter(({ kind }) => kind === 'number' || kind === 'name' || kind === 'choice')
        .map(({ column }) => column);
      expect(new Set(columns).size, type).toBe(columns.length);
    }
  });
});

describe('emitters', () => {
  const rows = new EventRows(64);
  let commits = 0;
  const emit = emittersTo({
    append: (type, allocation, pfn, pages, code) => rows.append(type, 7, 3, allocation, pfn, pages, code),
    extend(row, owner, bytes, name) {
      rows.columns.owner[row] = owner;
      rows.columns.bytes[row] = bytes;
      if (name !== undefined) rows.columns.names.set(row, name);
    },
    commit: () => commits++,
  });

  it.each(EVENT_TYPES)('write every field of %s as the event object has it', (type) => {
    for (const body of EXAMPLES[type]) {
      commits = 0;
      (emit[typeName(type)] as (fields: object) => void)(fieldsToEmit(body));
      expect(commits).toBe(1);
      const [event] = rows.seal(5);
      expect(event).toEqual({ seq: 5, time: 7, request: 3, ...body });
    }
  });
});

/** An event's fields, with its attributes as one word. */
function fieldsToEmit(body: EventBody): object {
  const { gfp, node, align, cpu } = body as { gfp?: string; node?: number; align?: number; cpu?: number };
  const attributes = attributesOf({
    ...(gfp === undefined ? {} : { gfp: gfpNamed(gfp) }),
    ...(node === undefined ? {} : { node }),
    ...(align === undefined ? {} : { align }),
    ...(cpu === undefined ? {} : { cpu }),
  });
  return { ...body, attributes };
}
