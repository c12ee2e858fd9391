import { describe, expect, it } from 'vitest';
import { batchOf, historyOf, SMALL_MAP, smallFrame, someChoices } from '../testing.ts';
import { pfn } from '../units.ts';
import { type ColumnName, EventRows, eventAt } from './columns.ts';
import { EVENT_TYPES, TYPE } from './types.ts';

const CHOICES = someChoices(300);
const EVENTS = historyOf(smallFrame('snp', true), SMALL_MAP, CHOICES);
const COLUMNS: readonly ColumnName[] = [
  'type',
  'code',
  'owner',
  'request',
  'allocation',
  'pfn',
  'pages',
  'bytes',
  'time',
];

describe('a batch of events', () => {
  it('gives back the events it was made of', () => {
    expect([...batchOf(EVENTS)]).toEqual(EVENTS);
  });

  it('numbers its events from where it begins in the log', () => {
    expect(batchOf(EVENTS.slice(20, 25), 20).at(3).seq).toBe(23);
  });

  it('reads row by row what its events say', () => {
    const batch = batchOf(EVENTS);
    for (const [row, event] of EVENTS.entries()) {
      const figures = event as unknown as Record<string, number | undefined>;
      expect(EVENT_TYPES[batch.typeAt(row)]).toBe(event.type);
      expect(batch.timeAt(row)).toBe(event.time);
      expect(batch.requestAt(row)).toBe(event.request);
      expect(batch.allocationAt(row)).toBe(figures['allocation'] ?? 0);
      expect(batch.pfnAt(row)).toBe(figures['pfn'] ?? 0);
      expect(batch.pagesAt(row)).toBe(figures['pages'] ?? 0);
      expect(batch.bytesAt(row)).toBe(figures['bytes'] ?? 0);
      expect(batch.ownerAt(row)).toBe(figures['owner'] ?? 0);
      if (event.type === 'large-page-split') expect(batch.codeAt(row)).toBe(event.level);
    }
  });

  it.each(COLUMNS)('hands out a copy of its column `%s`: writing into it changes nothing', (name) => {
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

  it('take nothing of what is not an event', () => {
    const rows = new EventRows(2);
    for (const wrong of [null, 7, 'x', [], {}]) expect(() => rows.appendObject(wrong)).toThrow('event');
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
