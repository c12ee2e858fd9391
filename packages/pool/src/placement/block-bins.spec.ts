import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BlockBins } from './block-bins.ts';

/** Keys and blocks for more than one word of each kind: 32 blocks are a word, 1024 a word of those. */
const sizes = fc.constantFrom(
  { keys: 3, blocks: 2500 },
  { keys: 70, blocks: 40 },
  { keys: 33, blocks: 1100 },
  { keys: 64, blocks: 32 },
  { keys: 2, blocks: 1 },
);
const steps = fc.array(
  fc.record({
    /** Few blocks, so that one is there more often; far from each other, or near. */
    block: fc.oneof(
      fc.nat(3).map((at) => at * 811 + 31),
      fc.nat(3).map((at) => 1022 + at),
      fc.nat(2500),
    ),
    key: fc.oneof(fc.nat(3), fc.nat(69)),
    from: fc.nat(2600),
    fromKey: fc.integer({ min: -1, max: 75 }),
  }),
  { maxLength: 60, size: 'max' },
);

it('bins find the next bin and the next block of a bin, as looking at all of them would', () => {
  fc.assert(
    fc.property(sizes, steps, ({ keys, blocks }, all) => {
      const bins = new BlockBins(keys, blocks);
      const members = Array.from({ length: keys }, () => new Set<number>());
      for (const step of all) {
        const key = step.key % keys;
        const block = step.block % blocks;
        expect(bins.has(key, block)).toBe(members[key].has(block));
        if (members[key].delete(block)) bins.remove(key, block);
        else {
          bins.add(key, block);
          members[key].add(block);
        }
        expect(bins.has(key, block)).toBe(members[key].has(block));
        const isUsed = (each: number) => members[each].size > 0;
        const used = [...members.keys()].filter(isUsed);
        expect(bins.firstBin(Math.max(0, step.fromKey))).toBe(
          used.find((each) => each >= step.fromKey) ?? -1,
        );
        expect(bins.lastBin()).toBe(used.at(-1) ?? -1);
        const to = Math.min(step.fromKey, keys - 1);
        expect(bins.lastBin(to)).toBe(used.findLast((each) => each <= to) ?? -1);
        for (const from of [step.from % (blocks + 40), block, block + 1, 0]) {
          for (const each of [key, step.from % keys]) {
            const blocksFrom = [...members[each]].filter((member) => member >= from);
            expect(bins.firstBlock(each, from)).toBe(blocksFrom.length === 0 ? -1 : Math.min(...blocksFrom));
          }
        }
      }
    }),
    { numRuns: randomRuns(160) },
  );
});
