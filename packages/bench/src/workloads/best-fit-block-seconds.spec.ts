import { InputError, platformNamed } from '@decpool/model';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { measureAnswer } from '../known-answers/measure.ts';
import { bestFitBlockSeconds, bestFitRatio, firstFitRatio } from './best-fit-block-seconds.ts';
import { liveAtEnd } from './testing.ts';

const MEMORY = freshBoot(256 * 2 ** 20);

it.each([
  ['best-fit', bestFitRatio],
  ['first-fit', firstFitRatio],
] as const)('costs %s exactly the known answer, for any settings', async (placement, ratioOf) => {
  const settings = fc.record({
    blocks: fc.integer({ min: 1, max: 64 }),
    mu: fc.integer({ min: 1, max: 10_000 }),
  });
  await fc.assert(
    fc.asyncProperty(settings, async (drawn) => {
      const { measured } = await measureAnswer(bestFitBlockSeconds.generate(drawn), MEMORY, {
        policy: `${placement}+block+immediate`,
        figure: 'block-seconds',
        expected: ratioOf(drawn),
        tolerance: 0,
        source: '',
      });
      expect(measured).toBeCloseTo(ratioOf(drawn), 9);
    }),
    { numRuns: 8 },
  );
});

it.each([1, 2, 3, 4, 5])(
  'leaves one block with first fit, wherever the blocks lie (placement seed %i)',
  (seed) => {
    const blocksAtEnd = (placement: string) => {
      const pool = new Pool({
        memory: MEMORY,
        platform: platformNamed('snp'),
        policy: policyNamed(`${placement}+block+immediate`),
        seed,
      });
      const { requests } = bestFitBlockSeconds.generate({ blocks: 20, mu: 2 });
      for (const request of requests) if (request.time < 2_000_000) pool.request(request);
      return pool.counters.sharedBlocks;
    };
    expect([blocksAtEnd('first-fit'), blocksAtEnd('best-fit')]).toEqual([1, 20]);
  },
);

it('has no limit for best fit, and 1 for first fit', () => {
  expect(bestFitRatio({ blocks: 64, mu: 1_000_000 })).toBeGreaterThan(63.9);
  expect(firstFitRatio({ blocks: 64, mu: 1_000_000 })).toBeLessThan(1.001);
});

it('leaves nothing behind', () => {
  expect(liveAtEnd(bestFitBlockSeconds.generate({ blocks: 3 }))).toEqual([]);
});

it.each([
  [{ blocks: 65 }, 'workload best-fit-block-seconds: blocks is 65; expected a whole number from 1 to 64'],
  [{ mu: 0 }, 'mu is 0'],
])('settings %j are refused', (wrong, message) => {
  expect(() => bestFitBlockSeconds.generate(wrong)).toThrow(InputError);
  expect(() => bestFitBlockSeconds.generate(wrong)).toThrow(message);
});
