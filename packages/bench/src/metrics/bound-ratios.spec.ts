import { expect, it } from 'vitest';
import { boundRatiosOf } from './bound-ratios.ts';

it('are to the lower bounds, and there are none to 0', () => {
  const lower = { blocksPeak: 2, blockNs: 5_000_000_000n };
  expect(boundRatiosOf({ blocksPeak: 3, blockNs: 10_000_000_000n }, lower)).toEqual({
    'blocks-peak-ratio': 1.5,
    'block-seconds-ratio': 2,
  });
  const nothing = { blocksPeak: 0, blockNs: 0n };
  expect(boundRatiosOf(nothing, nothing)).toEqual({});
});
