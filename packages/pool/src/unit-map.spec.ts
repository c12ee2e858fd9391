import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UnitMap } from './unit-map.ts';

const UNITS = 24;

it('takes the lowest place that fits, as looking at each would, on any history', () => {
  const steps = fc.array(
    fc.record({
      units: fc.integer({ min: 1, max: 7 }),
      align: fc.constantFrom(1, 1, 2, 4, 8),
      // How often a run is given back instead.
      gives: fc.nat(2),
      pick: fc.nat(),
    }),
    { maxLength: 60, size: 'max' },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const map = new UnitMap(UNITS);
      const isFree = new Array<boolean>(UNITS).fill(true);
      const taken: { first: number; units: number }[] = [];
      for (const { units, align, gives, pick } of all) {
        if (gives === 0 && taken.length > 0) {
          const [{ first, units: back }] = taken.splice(pick % taken.length, 1);
          map.give(first, back);
          isFree.fill(true, first, first + back);
        } else {
          const starts = Array.from({ length: UNITS / align }, (_, at) => at * align);
          const lowest = starts.find(
            (at) => at + units <= UNITS && isFree.slice(at, at + units).every((is) => is),
          );
          expect(map.take(units, align)).toBe(lowest ?? -1);
          if (lowest !== undefined) {
            taken.push({ first: lowest, units });
            isFree.fill(false, lowest, lowest + units);
          }
        }
        expect([map.free, map.isEmpty]).toEqual([isFree.filter((is) => is).length, taken.length === 0]);
      }
    }),
    { numRuns: 50 },
  );
});
