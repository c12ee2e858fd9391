import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MaxTree } from './max-tree.ts';

it('a tournament tree finds the lowest slot that is large enough, as a scan would', () => {
  const sets = fc.array(fc.tuple(fc.nat(99), fc.nat(512)), { maxLength: 80, size: 'max' });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      sets,
      fc.nat(140),
      fc.integer({ min: 1, max: 512 }),
      (slots, all, from, bound) => {
        const tree = new MaxTree(slots);
        const values = new Array<number>(slots).fill(0);
        for (const [slot, value] of all) {
          tree.set(slot % slots, value);
          values[slot % slots] = value;
        }
        expect(tree.firstAtLeast(bound, from)).toBe(
          values.findIndex((value, slot) => slot >= from && value >= bound),
        );
        expect(tree.firstAtLeast(bound)).toBe(values.findIndex((value) => value >= bound));
        expect(values.map((_, slot) => tree.at(slot))).toEqual(values);
      },
    ),
  );
});
