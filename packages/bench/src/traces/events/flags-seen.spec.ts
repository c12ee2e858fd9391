import { expect, it } from 'vitest';
import type { SharedExpression, TracedAllocation } from '../shared-expression.ts';
import { watchFlags } from './flags-seen.ts';

const allocation = (...flags: readonly string[]): TracedAllocation => ({
  ...{ order: 0, migratetype: 'Unmovable', task: 'dd' },
  gfp: new Set(flags),
});
/** Chooses the allocations of order 0. */
const naming = (...gfpFlags: readonly string[]): SharedExpression => ({
  text: 'order=0',
  gfpFlags,
  matches: ({ order }) => order === 0,
});

it('an expression that is watched chooses the same', () => {
  const { shared } = watchFlags(naming('GFP_ATOMIC'));
  expect([shared.text, shared.gfpFlags]).toEqual(['order=0', ['GFP_ATOMIC']]);
  expect(shared.matches(allocation())).toBe(true);
  expect(shared.matches({ ...allocation(), order: 1 })).toBe(false);
});

it('a flag that no allocation had is told, with one of its name and all that there are', () => {
  const { shared, missing } = watchFlags(naming('__GFP_ZERO', 'GFP_ATOMC', '__GFP_XYZZY'));
  shared.matches(allocation('GFP_KERNEL', '__GFP_ZERO'));
  shared.matches({ ...allocation('GFP_ATOMIC', 'GFP_KERNEL'), order: 3 });
  const flags = 'Its flags are GFP_ATOMIC, GFP_KERNEL, __GFP_ZERO.';
  expect(missing()).toEqual([
    `No allocation of the trace has the gfp flag GFP_ATOMC. Did you mean GFP_ATOMIC? ${flags}`,
    `No allocation of the trace has the gfp flag __GFP_XYZZY. ${flags}`,
  ]);
});

it('the zone flags are known in both of their spellings', () => {
  const { shared, missing } = watchFlags(naming('GFP_DMA32', '__GFP_DMA32'));
  shared.matches(allocation('__GFP_DMA32'));
  expect(missing()).toEqual([]);
});

it('nothing is said of a trace without flags', () => {
  const { shared, missing } = watchFlags(naming('GFP_ATOMIC'));
  expect(missing()).toEqual([]);
  shared.matches(allocation());
  expect(missing()).toEqual([]);
});
