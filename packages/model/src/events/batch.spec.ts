import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { attributesOf, gfpNamed } from '../requests.ts';
import {
  batchOf,
  EXAMPLE_EVENTS,
  EXAMPLES,
  historyOf,
  SMALL_MAP,
  smallMachine,
  someChoices,
} from '../testing.ts';
import { pfn } from '../units.ts';
import { type EventBatch, EventRows, receiveBatch, sendBatch } from './batch.ts';
import { NUMBER_COLUMNS } from './columns.ts';
import { eventAt } from './objects.ts';
import { EVENT_TYPES, type EventType, type PoolEvent, TYPE } from './schema.ts';

const CHOICES = someChoices(300);
const EVENTS = historyOf(smallMachine('snp', true), SMALL_MAP, CHOICES);

/** The word that a request's fields beside api, pages, bytes and owner make. */
const attributesTold = ({ gfp, node, align }: { gfp?: string; node?: number; align?: number }) =>
  attributesOf({
    ...(gfp === undefined ? {} : { gfp: gfpNamed(gfp) }),
    ...(node === undefined ? {} : { node }),
    ...(align === undefined ? {} : { align }),
  });

describe('a batch of events', () => {
  it('gives back the events it was made of', () => {
    expect([...batchOf(EVENTS)]).toEqual(EVENTS);
  });

  it('numbers its events from where it begins in the log', () => {
    expect(batchOf(EVENTS.slice(20, 25), 20).at(3).seq).toBe(23);
  });

  it('gives back every field of every type of event', () => {
    expect([...batchOf(EXAMPLE_EVENTS)]).toEqual(EXAMPLE_EVENTS);
  });

  it('reads row by row what its events say', () => {
    const batch = batchOf(EVENTS);
    for (const [row, event] of EVENTS.entries()) {
      const figures = event as unknown as Record<string, number | undefined>;
      const isRequest = event.type === 'allocation-requested' || event.type === 'free-requested';
      const bytes = figures['bytes'] ?? figures['unitBytes'] ?? figures['offset'];
      expect(EVENT_TYPES[batch.typeAt(row)]).toBe(event.type);
      expect(batch.timeAt(row)).toBe(event.time);
      expect(batch.requestAt(row)).toBe(event.request);
      expect(batch.allocationAt(row)).toBe(figures['allocation'] ?? figures['chunk'] ?? 0);
      expect(batch.pagesAt(row)).toBe(figures['pages'] ?? figures['unit'] ?? 0);
      expect(batch.bytesAt(row)).toBe(bytes ?? 0);
      expect(batch.ownerAt(row)).toBe(figures['owner'] ?? figures['cache'] ?? 0);
      if (isRequest) expect(batch.pfnAt(row)).toBe(attributesTold(event));
      else expect(batch.pfnAt(row)).toBe(figures['pfn'] ?? figures['slab'] ?? 0);
      if (event.type === 'large-page-split') expect(batch.codeAt(row)).toBe(event.level);
    }
  });

  it.each(NUMBER_COLUMNS)('hands out a copy of its column `%s`: writing into it changes nothing', (name) => {
    const batch = batchOf(EVENTS);
    const column = batch.column(name);
    expect(column).toHaveLength(EVENTS.length);
    column.fill(99);
    expect([...batch]).toEqual(EVENTS);
    expect(batch.column(name)).not.toEqual(column);
  });

  it('hands out a copy of its names', () => {
    const batch = batchOf(EVENTS);
    batch.names().set(0, 'x');
    expect(batch.at(0)).toEqual(EVENTS[0]);
  });

  it('can be cut anywhere: the parts have its events, and number them as it does', () => {
    const batch = batchOf(EXAMPLE_EVENTS);
    const events = [...batch];
    for (let cut = 0; cut <= events.length; cut++) {
      const [before, behind] = [batch.slice(0, cut), batch.slice(cut, events.length)];
      expect([...before, ...behind]).toEqual(events);
      expect([before.length, behind.length]).toEqual([cut, events.length - cut]);
    }
    expect([...batch.slice(3, 9).slice(2, 4)]).toEqual(events.slice(5, 7));
    expect(batch.slice(0, events.length)).toBe(batch);
  });

  it('hands out the names in it, by row, also of a part', () => {
    const owner = (number: number, name: string) =>
      ({ type: 'owner-registered', owner: number, name }) as const;
    const batch = batchOf([
      owner(0, 'a'),
      { type: 'reserve-refilled', pages: 1 },
      owner(1, 'b'),
      owner(2, 'c'),
    ]);
    expect([...batch.names()]).toEqual([
      [0, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    expect([...batch.slice(2, 3).names()]).toEqual([[0, 'b']]);
    expect([...batch.slice(3, 4).names()]).toEqual([[0, 'c']]);
  });

  it('can be sent to another thread: it is whole there, and empty here', () => {
    const batch = batchOf(EVENTS.slice(20), 20);
    const { sent, buffers } = sendBatch(batch);
    const received = receiveBatch(structuredClone(sent, { transfer: buffers as ArrayBuffer[] }));
    expect([...received]).toEqual(EVENTS.slice(20));
    expect(received.firstSeq).toBe(20);
    expect(() => batch.at(0)).toThrow();
    expect(batch.column('pages')).toHaveLength(0);
  });

  it('cannot be changed, nor can its events', () => {
    const batch = batchOf(EVENTS);
    expect(() => Object.assign(batch, { length: 0 })).toThrow(TypeError);
    for (const event of batch) {
      expect(() => Object.assign(event, { time: 1 })).toThrow(TypeError);
      expect(() => Object.assign(event, { extra: 1 })).toThrow(TypeError);
    }
  });
});

describe('rows', () => {
  it('keep what they have when they grow, and have room for as many more', () => {
    const rows = new EventRows(2);
    for (const event of EXAMPLE_EVENTS) {
      if (rows.isFull) rows.grow();
      rows.appendObject(event);
    }
    expect([...rows.seal(0)]).toEqual(EXAMPLE_EVENTS);
    expect(rows.capacity).toBe(2 ** Math.ceil(Math.log2(EXAMPLE_EVENTS.length)));
  });

  it('start afresh when sealed, and leave the batch alone', () => {
    const rows = new EventRows(2);
    rows.append(TYPE.pagesReturned, 5, 1, 0, 10, 2, 0);
    rows.append(TYPE.pagesReturned, 6, 1, 0, 12, 2, 0);
    expect(rows.isFull).toBe(true);
    const batch = rows.seal(7);
    expect(rows.length).toBe(0);
    rows.append(TYPE.pagesReturned, 9, 2, 0, 99, 9, 0);
    expect([...batch]).toEqual([
      { seq: 7, time: 5, request: 1, type: 'pages-returned', pfn: 10, pages: 2 },
      { seq: 8, time: 6, request: 1, type: 'pages-returned', pfn: 12, pages: 2 },
    ]);
  });

  it('are lent as a batch that is empty afterwards, and leave nothing of it in the next', () => {
    const rows = new EventRows(2);
    const told: PoolEvent[][] = [];
    const kept: EventBatch[] = [];
    const borrow = (batch: EventBatch) => {
      told.push([...batch]);
      kept.push(batch);
    };
    for (const type of ['owner-registered', 'allocation-requested', 'slab-created', 'pages-freed'] as const) {
      const example = { ...EXAMPLES[type][0], time: 5, request: 1 };
      rows.appendObject(example);
      rows.lend(3, borrow);
      expect(told.at(-1)).toEqual([{ ...example, seq: 3 }]);
    }
    expect(() => kept[0].at(0)).toThrow();
    expect(kept[1].column('pfn')).toHaveLength(0);
  });

  it('that are appended where an owner, bytes or a name were lent have none of these', () => {
    const rows = new EventRows(1);
    rows.appendObject(EXAMPLES['owner-registered'][0]);
    rows.columns.bytes[0] = 7;
    rows.lend(0, () => {});
    rows.append(TYPE.pagesReturned, 5, 1, 0, 10, 2, 0);
    const batch = rows.seal(0);
    expect([batch.ownerAt(0), batch.bytesAt(0), batch.names().size]).toEqual([0, 0, 0]);
  });

  it('take nothing of what is not an event', () => {
    const rows = new EventRows(2);
    for (const wrong of [null, 7, 'x', [], {}]) expect(() => rows.appendObject(wrong)).toThrow('event');
    expect(rows.length).toBe(0);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ type: 'allocation-requested', gfp: 7 }, "'gfp' must be flags as in GFP_ATOMIC|__GFP_DMA32"],
    [{ type: 'allocation-requested', gfp: 'GFP_USER' }, "unknown gfp flag 'GFP_USER'"],
    [{ type: 'allocation-requested', node: 63 }, "'node' must be a node from 0 to 62"],
    [{ type: 'allocation-requested', node: -1 }, "'node' must be a node from 0 to 62"],
    [{ type: 'allocation-requested', align: 24 }, "'align' must be a power of two up to 4096"],
    [{ type: 'allocation-requested', align: 8192 }, "'align' must be a power of two up to 4096"],
    [{ type: 'allocation-requested', align: 0 }, "'align' must be a power of two up to 4096"],
    [{ type: 'free-requested', node: 1 }, "free-requested: unknown field 'node'"],
    [{ type: 'conversion-failed', converted: false }, "'converted' must be true, or left out"],
    [{ type: 'conversion-failed', offset: -1 }, "'offset' must be a whole number of pages, or left out"],
    [{ type: 'contiguous-split', level: 3 }, "'level' must be 1 (64K) or 2 (32M)"],
    [{ type: 'pages-leaked', owner: undefined }, "'owner' must be a whole number from 0 to 65535"],
    [{ type: 'slab-created', unitBytes: -8 }, "'unitBytes' must be a whole number"],
    [{ type: 'slab-created', cache: 65536 }, "'cache' must be a whole number from 0 to 65535"],
    [{ type: 'object-allocated', unit: 1.5 }, "'unit' must be a whole number"],
    [{ type: 'vm-area-decrypted', offset: undefined }, "'offset' must be a whole number"],
    [{ type: 'allocation-failed', reason: 'bad luck' }, "'reason' must be one of out-of-memory, too-large,"],
  ])('refuse a field that no such event has: %j', (wrong, message) => {
    const [example] = EXAMPLES[wrong['type'] as EventType];
    const rows = new EventRows(1);
    expect(() => rows.appendObject({ ...example, ...wrong })).toThrow(InputError);
    expect(() => rows.appendObject({ ...example, ...wrong })).toThrow(message);
    expect(rows.length).toBe(0);
  });

  it('give frozen events before they are sealed, too', () => {
    const rows = new EventRows(1);
    rows.appendObject({ type: 'pages-returned', pfn: pfn(3), pages: 1 });
    const event = eventAt(rows.columns, 0, 4);
    expect(event).toEqual({ seq: 4, time: 0, request: 0, type: 'pages-returned', pfn: 3, pages: 1 });
    expect(Object.isFrozen(event)).toBe(true);
  });
});

it('every event type has the code that TYPE gives it', () => {
  expect(Object.values(TYPE)).toEqual(EVENT_TYPES.map((_, code) => code));
});
