import type { SlabId } from '@decpool/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SlabCache } from './slab-cache.ts';
import { SlabLayer } from './slab-layer.ts';

/** Five units of a slab, and a rest of 96 bytes. */
const UNITS = 5;
const cacheOf = (keepsEmpty: boolean): SlabCache => ({
  ...{ name: 'by hand', unitBytes: 800, pages: 1, keepsEmpty },
  ...{ grows: true, alignment: 'unit' },
});

interface PlainSlab {
  readonly id: SlabId;
  readonly key: string;
  readonly isUsed: boolean[];
  /** When it had a free unit again; the oldest is used first. */
  since: number;
}

it('puts an object into the slab of its cache that has had free units for longest, at its lowest place', () => {
  const steps = fc.array(
    fc.record({
      frees: fc.nat(2).map((one) => one === 0),
      key: fc.constantFrom('a', 'b'),
      units: fc.integer({ min: 1, max: 3 }),
      align: fc.constantFrom(1, 2),
      pick: fc.nat(),
    }),
    { maxLength: 60, size: 'max' },
  );
  fc.assert(
    fc.property(fc.boolean(), steps, (keepsEmpty, all) => {
      const layer = new SlabLayer();
      let slabs: PlainSlab[] = [];
      const objects: { slab: PlainSlab; unit: number; units: number }[] = [];
      let next = 1;
      for (const [time, { frees, key, units, align, pick }] of all.entries()) {
        if (frees && objects.length > 0) {
          const [{ slab, unit, units: count }] = objects.splice(pick % objects.length, 1);
          if (slab.isUsed.every((is) => is)) slab.since = time;
          slab.isUsed.fill(false, unit, unit + count);
          const isEmpty = !slab.isUsed.includes(true);
          expect(layer.freed(slab.id, unit, count)).toBe(isEmpty && !keepsEmpty);
          expect(layer.isEmpty(slab.id)).toBe(isEmpty);
          // Empty slabs that are kept go at some time, too.
          if (isEmpty && (!keepsEmpty || pick % 2 === 0)) {
            layer.destroyed(slab.id);
            slabs = slabs.filter((each) => each !== slab);
            expect(layer.isEmpty(slab.id)).toBe(false);
          }
          continue;
        }
        const lowest = slabs
          .filter((slab) => slab.key === key)
          .sort((a, b) => a.since - b.since)
          .flatMap((slab) =>
            slab.isUsed.flatMap((_, unit) =>
              unit % align === 0 &&
              unit + units <= UNITS &&
              !slab.isUsed.slice(unit, unit + units).includes(true)
                ? [{ slab, unit }]
                : [],
            ),
          )
          .at(0);
        const placed = layer.place(key, units, align);
        expect(placed).toEqual(lowest && { slab: lowest.slab.id, unit: lowest.unit });
        if (lowest === undefined) {
          const id = next++ as SlabId;
          layer.created(id, cacheOf(keepsEmpty), key);
          slabs.push({ id, key, isUsed: new Array<boolean>(UNITS).fill(false), since: time });
        } else {
          lowest.slab.isUsed.fill(true, lowest.unit, lowest.unit + units);
          objects.push({ ...lowest, units });
        }
      }
    }),
    { numRuns: 50 },
  );
});

it('refuses a slab that it does not know', () => {
  const layer = new SlabLayer();
  expect(() => layer.freed(7 as SlabId, 0, 1)).toThrow('slab 7 is not in the slab layer');
  expect(layer.isEmpty(7 as SlabId)).toBe(false);
});
