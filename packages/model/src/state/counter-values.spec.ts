import { expect, it } from 'vitest';
import { COUNTER_NAMES, copyOf, HASHED_COUNTER_NAMES, valuesOf, zeroCounters } from './counters.ts';

it('every counter is 0 at first', () => {
  const zeros = zeroCounters();
  expect(Object.keys(zeros)).toEqual(COUNTER_NAMES);
  for (const [name, value] of Object.entries(zeros)) expect(value, name).toBe(0);
});

it('a copy of counters has their values, and is not changed with them', () => {
  const counters = zeroCounters();
  for (const [index, name] of COUNTER_NAMES.entries()) counters[name] = index + 1;
  const copy = copyOf(counters);
  expect(copy).toEqual(counters);
  counters.events = 0;
  expect(copy.events).toBe(1);
  expect([...valuesOf(copy, ['time', 'events', 'owners'])]).toEqual([2, 1, 5]);
});

it('the hash of every version covers the 47 counters of the first, in the same order', () => {
  expect(HASHED_COUNTER_NAMES).toEqual(COUNTER_NAMES.slice(0, 47));
  expect(HASHED_COUNTER_NAMES.slice(-2)).toEqual(['compactions', 'movedPages']);
});
