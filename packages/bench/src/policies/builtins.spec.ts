import { expect, it } from 'vitest';
import { builtinsNow, restored } from './builtins.ts';

const { map } = Array.prototype;
const { floor } = Math;
const { Map: map_ } = globalThis;

it.each([
  ['Array.prototype.map', () => Object.assign(Array.prototype, { map: () => [] })],
  ['Math.floor', () => Object.assign(Math, { floor: Math.ceil })],
  ['Object.prototype.mine', () => Object.assign(Object.prototype, { mine: 1 })],
  ['globalThis.Map', () => Object.assign(globalThis, { Map: Set })],
  ['Map.prototype.size', () => Object.defineProperty(Map.prototype, 'size', { get: () => 1 })],
] as const)('finds that %s is another, and puts it back', (name, change) => {
  const before = builtinsNow();
  const found = [restored(before)];
  change();
  found.push(restored(before), restored(before));
  expect(found).toEqual([undefined, name, undefined]);
  expect({ map: Array.prototype.map, floor: Math.floor, Map: globalThis.Map }).toEqual({
    map,
    floor,
    Map: map_,
  });
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(new Map([[1, 1]]).size + new Map().size).toBe(1);
});

it('leaves out how traces of errors look', () => {
  const before = builtinsNow();
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 3;
  expect(restored(before)).toBeUndefined();
  expect(Error.stackTraceLimit).toBe(3);
  Error.stackTraceLimit = stackTraceLimit;
});
