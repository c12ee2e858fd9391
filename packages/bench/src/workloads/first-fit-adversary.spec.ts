import { InputError, spanOf, x86Geometry } from '@decpool/model';
import { freshBoot } from '@decpool/pool';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { measureAnswer } from '../known-answers/measure.ts';
import { firstFitAdversary, firstFitAdversaryRatio } from './first-fit-adversary.ts';
import { liveAtEnd } from './testing.ts';

const MEMORY = freshBoot(256 * 2 ** 20);

it.each(['first-fit', 'best-fit', 'worst-fit', 'buddy', 'longest-free-range'])(
  'costs %s exactly the known answer, for any settings',
  async (placement) => {
    expect(x86Geometry(spanOf(MEMORY)).pagesPerBlock).toBe(512);
    const settings = fc.record({
      blocks: fc.integer({ min: 1, max: 40 }),
      mu: fc.integer({ min: 1, max: 50 }),
    });
    await fc.assert(
      fc.asyncProperty(settings, async (drawn) => {
        const expected = firstFitAdversaryRatio(drawn);
        const { measured } = await measureAnswer(firstFitAdversary.generate(drawn), MEMORY, {
          policy: `${placement}+block+immediate`,
          figure: 'block-seconds',
          expected,
          tolerance: 0,
          source: '',
        });
        expect(measured).toBeCloseTo(expected, 9);
      }),
      { numRuns: 8 },
    );
  },
);

it('comes near mu where blocks are many, and never above mu + 3', () => {
  expect(firstFitAdversaryRatio({ blocks: 512, mu: 5 })).toBeGreaterThan(0.99 * 5);
  expect(firstFitAdversaryRatio({ blocks: 512, mu: 5 })).toBeLessThanOrEqual(5);
  expect(firstFitAdversaryRatio({ blocks: 40, mu: 1 })).toBe(1);
});

it('counts the blocks that its pages would fit in where they are more than one', () => {
  expect(firstFitAdversaryRatio({ blocks: 1024, mu: 3 })).toBe((1024 * 3) / (1024 + 2 * 2));
});

it('leaves nothing behind', () => {
  expect(liveAtEnd(firstFitAdversary.generate({ blocks: 3 }))).toEqual([]);
});

it.each([
  [{ blocks: 0 }, 'blocks is 0'],
  [{ mu: 0.5 }, 'mu is 0.5'],
])('settings %j are refused', (wrong, message) => {
  expect(() => firstFitAdversary.generate(wrong)).toThrow(InputError);
  expect(() => firstFitAdversary.generate(wrong)).toThrow(message);
});
