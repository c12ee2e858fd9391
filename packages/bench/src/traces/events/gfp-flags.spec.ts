import { GFP, GFP_KERNEL } from '@decpool/model';
import { expect, it } from 'vitest';
import { isUnnamed, parseGfp } from './gfp-flags.ts';

let names = 0;
const newName = () => `__GFP_NEW${++names}`;

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
  // A text that nobody has read before, so that its result is not known.
  expect(parseGfp(`${text}|${newName()}`).flags).toBe(flags);
});

it('keeps every name, with one spelling for the zone flags', () => {
  const name = newName();
  expect([...parseGfp(`GFP_KERNEL|GFP_DMA32|__GFP_COMP|${name}`).names]).toEqual([
    ...['GFP_KERNEL', '__GFP_DMA32', '__GFP_COMP'],
    name,
  ]);
  expect([...parseGfp(`GFP_DMA|__GFP_DMA|${name}`).names]).toEqual(['__GFP_DMA', name]);
  expect([...parseGfp(`XGFP_DMA|${name}`).names]).toEqual(['XGFP_DMA', name]);
});

it('the results of 4096 texts are kept, which are more than any trace has', async () => {
  // Loaded as another module, so that it has no results yet, and leaves none behind.
  const path = `./gfp-flags.ts?run=${++names}`;
  const { parseGfp: parse } = (await import(/* @vite-ignore */ path)) as typeof import('./gfp-flags.ts');
  for (let at = 1; at < 4096; at++) parse(`__GFP_${at}`);
  for (const [text, isKept] of [
    ['__GFP_1', true],
    ['__GFP_4096', true],
    ['__GFP_4097', false],
    ['__GFP_4096', true],
    ['__GFP_4097', false],
  ] as const) {
    const [first, again] = [parse(text), parse(text)];
    expect(first === again, text).toBe(isKept);
  }
});

it('a number has no names', () => {
  expect(isUnnamed('0x6000c0')).toBe(true);
  expect(isUnnamed('6000c0')).toBe(true);
  expect(isUnnamed('none')).toBe(false);
  expect(isUnnamed('GFP_KERNEL|0x80')).toBe(false);
});
