import { GFP, GFP_KERNEL } from '@decpool/model';
import { expect, it } from 'vitest';
import { isUnnamed, parseGfp } from './gfp-flags.ts';

it.each([
  ['GFP_KERNEL|__GFP_ZERO', GFP_KERNEL],
  ['GFP_HIGHUSER_MOVABLE', GFP_KERNEL],
  ['GFP_ATOMIC|__GFP_NOWARN', GFP.GFP_ATOMIC],
  ['GFP_NOWAIT', GFP.GFP_NOWAIT],
  ['GFP_KERNEL|GFP_DMA32', GFP.__GFP_DMA32],
  ['GFP_KERNEL|__GFP_DMA32', GFP.__GFP_DMA32],
  ['GFP_ATOMIC|GFP_DMA', GFP.GFP_ATOMIC | GFP.__GFP_DMA],
  ['GFP_KERNEL_ACCOUNT|__GFP_ZERO', GFP.__GFP_ACCOUNT],
  ['GFP_NOFS|__GFP_RECLAIMABLE', GFP.__GFP_RECLAIMABLE],
  ['none', GFP_KERNEL],
  ['0x6000c0', GFP_KERNEL],
  ['constructor|__proto__', GFP_KERNEL],
])('%s has the flags that are modelled', (text, flags) => {
  expect(parseGfp(text).flags).toBe(flags);
});

it('keeps every name, with one spelling for the zone flags', () => {
  expect([...parseGfp('GFP_KERNEL|GFP_DMA32|__GFP_COMP').names]).toEqual([
    'GFP_KERNEL',
    '__GFP_DMA32',
    '__GFP_COMP',
  ]);
});

it('a number has no names', () => {
  expect(isUnnamed('0x6000c0')).toBe(true);
  expect(isUnnamed('6000c0')).toBe(true);
  expect(isUnnamed('none')).toBe(false);
  expect(isUnnamed('GFP_KERNEL|0x80')).toBe(false);
});
