import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batchOf, EXAMPLE_EVENTS, historyOf, SMALL_MAP, smallMachine, someChoices } from '../testing.ts';
import { pfn } from '../units.ts';
import { EventRows } from './batch.ts';
import { eventsInCommon } from './compare.ts';

const EVENTS = historyOf(smallMachine('snp'), SMALL_MAP, someChoices(60));
const BATCH = batchOf(EVENTS);

it('events are compared one by one, without their position', () => {
  // Those of two places that say the same, for as long as they do.
  const lines = EVENTS.map((event) => JSON.stringify({ ...event, seq: 0 }));
  const row = fc.nat(EVENTS.length - 1);
  fc.assert(
    fc.property(row, row, fc.nat(20), (at, otherAt, most) => {
      const length = Math.min(most, EVENTS.length - at, EVENTS.length - otherAt);
      let same = 0;
      while (same < length && lines[at + same] === lines[otherAt + same]) same++;
      expect(eventsInCommon(BATCH, at, BATCH, otherAt, length)).toBe(same);
    }),
  );
});

it('the same events are the same wherever they stand in their batches', () => {
  const later = batchOf([...EVENTS.slice(0, 3), ...EVENTS], 100);
  expect(eventsInCommon(BATCH, 0, later, 3, EVENTS.length)).toBe(EVENTS.length);
  expect(eventsInCommon(later, 13, BATCH, 10, 5)).toBe(5);
  expect(eventsInCommon(BATCH, 0, BATCH, 0, 0)).toBe(0);
});

it.each(['code', 'owner', 'request', 'allocation', 'pfn', 'pages', 'bytes', 'time', 'type'] as const)(
  'an event that differs in its column `%s` alone is another',
  (column) => {
    const rows = () => {
      const made = new EventRows(2);
      for (const event of EXAMPLE_EVENTS.slice(1, 3)) made.appendObject(event);
      return made;
    };
    const other = rows();
    other.columns[column][1] -= 1;
    expect(eventsInCommon(rows().seal(0), 0, other.seal(0), 0, 2)).toBe(1);
  },
);

it('owners that differ in their names alone are others', () => {
  const named = (name: string) =>
    batchOf([
      { type: 'pages-returned', pfn: pfn(0), pages: 1 },
      { type: 'owner-registered', owner: 0, name },
    ]);
  expect(eventsInCommon(named('nvme'), 0, named('nvme'), 0, 2)).toBe(2);
  expect(eventsInCommon(named('nvme'), 0, named('netvsc'), 0, 2)).toBe(1);
});
