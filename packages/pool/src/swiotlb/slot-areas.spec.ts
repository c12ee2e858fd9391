import { slabId } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SEGMENT_SLOTS, SlotAreas } from './slot-areas.ts';

interface Run {
  readonly first: number;
  readonly slots: number;
}

/** swiotlb_find_slots() by a reading of the kernel's loop: every start is tried, one by one. */
class PlainAreas {
  readonly #used: boolean[];
  readonly #next: number[];
  readonly #areaSlots: number;

  constructor(segments: number, areas: number) {
    this.#used = Array(segments * SEGMENT_SLOTS).fill(false);
    this.#next = Array(areas).fill(0);
    this.#areaSlots = this.#used.length / areas;
  }

  #isFree({ first, slots }: Run): boolean {
    const isWhole = Math.floor(first / SEGMENT_SLOTS) === Math.floor((first + slots - 1) / SEGMENT_SLOTS);
    return isWhole && this.#used.slice(first, first + slots).every((isUsed) => !isUsed);
  }

  set({ first, slots }: Run, isUsed: boolean): void {
    this.#used.fill(isUsed, first, first + slots);
  }

  next(slots: number, align: number, cpu: number): number {
    for (let offset = 0; offset < this.#next.length; offset++) {
      const area = (cpu + offset) % this.#next.length;
      let index = (Math.ceil(this.#next[area] / align) * align) % this.#areaSlots;
      for (let checked = 0; checked < this.#areaSlots; checked += align) {
        const first = area * this.#areaSlots + index;
        if (this.#isFree({ first, slots })) {
          this.#next[area] = (index + slots) % this.#areaSlots;
          return first;
        }
        index = (index + align) % this.#areaSlots;
      }
    }
    return -1;
  }

  lowest(slots: number, align: number): number {
    for (let first = 0; first < this.#used.length; first += align) {
      if (this.#isFree({ first, slots })) return first;
    }
    return -1;
  }
}

const FIRST_SLAB = 5;
const firstOf = (place: { slab: number; unit: number } | undefined) =>
  place === undefined ? -1 : (place.slab - FIRST_SLAB) * SEGMENT_SLOTS + place.unit;

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ slots: fc.integer({ min: 1, max: 128 }), cpu: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ slots: fc.integer({ min: 1, max: 128 }), lowest: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ end: fc.nat(99) }) },
);

describe('the slots of a pool', () => {
  it('are found where a plain reading of the kernel finds them, in any history', () => {
    fc.assert(
      fc.property(
        fc.constantFrom([4, 1], [4, 2], [4, 4], [6, 2]),
        fc.array(fc.tuple(step, fc.constantFrom(1, 2, 16, 128)), { minLength: 40, maxLength: 120 }),
        ([segments, areas], history) => {
          const slotAreas = new SlotAreas(areas);
          slotAreas.add(FIRST_SLAB, segments);
          const plain = new PlainAreas(segments, areas);
          const live: Run[] = [];
          for (const [what, align] of history) {
            if ('end' in what) {
              const [run] = live.splice(what.end % Math.max(1, live.length), 1);
              if (run === undefined) continue;
              plain.set(run, false);
              const { first, slots } = run;
              const slab = slabId(FIRST_SLAB + Math.floor(first / SEGMENT_SLOTS));
              slotAreas.freed(slab, first % SEGMENT_SLOTS, slots);
              continue;
            }
            const { slots } = what;
            const [found, expected] =
              'cpu' in what
                ? [slotAreas.placeNext(slots, align, what.cpu), plain.next(slots, align, what.cpu)]
                : [slotAreas.placeLowest(slots, align), plain.lowest(slots, align)];
            expect(firstOf(found)).toBe(expected);
            if (expected === -1) continue;
            plain.set({ first: expected, slots }, true);
            live.push({ first: expected, slots });
          }
          const used = live.reduce((sum, run) => sum + run.slots, 0);
          expect(slotAreas.freeShare).toBeCloseTo(1 - used / (segments * SEGMENT_SLOTS), 12);
        },
      ),
      { numRuns: randomRuns(200) },
    );
  });

  it('are all free, as a share, as long as there is no pool', () => {
    expect(new SlotAreas(4).freeShare).toBe(1);
    expect(new SlotAreas(4).placeNext(1, 1, 0)).toBeUndefined();
  });

  it('of a small pool have fewer areas than there are CPUs: a whole segment each', () => {
    const slotAreas = new SlotAreas(8);
    slotAreas.add(FIRST_SLAB, 2);
    const places = [0, 1, 2, 7].map((cpu) => firstOf(slotAreas.placeNext(1, 1, cpu)));
    expect(places).toEqual([0, 128, 1, 129]);
  });

  it('of the newest pool are used first, then those of the same area of an older one; slabs of others are none of them', () => {
    const slotAreas = new SlotAreas(2);
    slotAreas.add(5, 1);
    slotAreas.add(9, 1);
    expect(slotAreas.placeNext(128, 1, 1)).toEqual({ slab: 9, unit: 0 });
    expect(slotAreas.placeNext(1, 1, 0)).toEqual({ slab: 5, unit: 0 });
    expect(slotAreas.placeLowest(1, 1)).toEqual({ slab: 5, unit: 1 });
    expect([4, 5, 6, 8, 9, 10].map((slab) => slotAreas.has(slabId(slab)))).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
    ]);
    expect(() => slotAreas.freed(slabId(6), 0, 1)).toThrow('slab 6 is no segment of swiotlb');
  });
});
