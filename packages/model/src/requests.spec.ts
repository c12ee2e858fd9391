import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from './errors.ts';
import {
  ANY_NODE,
  alignOf,
  areAttributes,
  attributesOf,
  cpuOf,
  GFP,
  GFP_KERNEL,
  gfpName,
  gfpNamed,
  gfpOf,
  MAX_CPU,
  MAX_NODE,
  maySleep,
  nodeOf,
  zoneOf,
} from './requests.ts';

const anyGfp = fc.subarray(Object.values(GFP)).map((flags) => flags.reduce((all, flag) => all | flag, 0));

describe('gfp flags', () => {
  it('have names as in the kernel’s traces', () => {
    expect(gfpName(GFP_KERNEL)).toBe('GFP_KERNEL');
    expect(gfpName(GFP.GFP_ATOMIC)).toBe('GFP_ATOMIC');
    expect(gfpName(GFP.__GFP_DMA32)).toBe('GFP_KERNEL|__GFP_DMA32');
    expect(gfpName(GFP.GFP_NOWAIT | GFP.__GFP_ACCOUNT)).toBe('GFP_NOWAIT|__GFP_ACCOUNT');
  });

  it('are found again by their name, whatever they are', () => {
    fc.assert(
      fc.property(anyGfp, (gfp) => {
        expect(gfpNamed(gfpName(gfp))).toBe(gfp);
      }),
    );
  });

  it('are found in any order, and whether or not GFP_KERNEL is told', () => {
    expect(gfpNamed('__GFP_DMA|GFP_ATOMIC')).toBe(GFP.GFP_ATOMIC | GFP.__GFP_DMA);
    expect(gfpNamed('__GFP_DMA')).toBe(gfpNamed('GFP_KERNEL|__GFP_DMA'));
  });

  it.each(['GFP_USER', '', 'GFP_ATOMIC|', 'gfp_atomic', 'constructor'])('are not %j', (name) => {
    expect(() => gfpNamed(name)).toThrow(InputError);
    expect(() => gfpNamed(name)).toThrow(/^unknown gfp flag '.*'.*GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT/);
  });

  it('let a caller sleep unless they are GFP_ATOMIC or GFP_NOWAIT', () => {
    expect(maySleep(GFP_KERNEL | GFP.__GFP_DMA32 | GFP.__GFP_ACCOUNT)).toBe(true);
    expect(maySleep(GFP.GFP_ATOMIC | GFP.__GFP_DMA32)).toBe(false);
    expect(maySleep(GFP.GFP_NOWAIT)).toBe(false);
  });

  it('allow the lowest zone that they name', () => {
    expect(zoneOf(GFP.__GFP_DMA | GFP.__GFP_DMA32)).toBe('DMA');
    expect(zoneOf(GFP.__GFP_DMA32)).toBe('DMA32');
    expect(zoneOf(GFP.GFP_ATOMIC)).toBe('Normal');
  });
});

describe('the attributes of a request', () => {
  it('are one word that gives flags, node, alignment and CPU back', () => {
    const node = fc.integer({ min: ANY_NODE, max: MAX_NODE });
    const align = fc.integer({ min: 0, max: 12 }).map((log2) => 1 << log2);
    fc.assert(
      fc.property(anyGfp, node, align, fc.nat(MAX_CPU), (gfp, node, align, cpu) => {
        const word = attributesOf({ gfp, node, align, cpu });
        expect([gfpOf(word), nodeOf(word), alignOf(word), cpuOf(word)]).toEqual([gfp, node, align, cpu]);
        expect(areAttributes(word)).toBe(true);
      }),
    );
  });

  it('are 0 when nothing is told', () => {
    expect(attributesOf({})).toBe(0);
    expect([gfpOf(0), nodeOf(0), alignOf(0), cpuOf(0)]).toEqual([GFP_KERNEL, ANY_NODE, 1, 0]);
  });

  it('are known exactly when a request can have them', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), (word) => {
        const [gfp, node, log2, cpu] = [gfpOf(word), nodeOf(word), (word >>> 8) & 0xff, cpuOf(word)];
        const isKnown = gfp < 128 && log2 <= 12 && node <= MAX_NODE;
        expect(areAttributes(word)).toBe(isKnown);
        if (isKnown) expect(attributesOf({ gfp, node, align: 1 << log2, cpu })).toBe(word);
      }),
    );
    for (const word of [128, 13 << 8, 64 << 16, 2 ** 32 - 1]) expect(areAttributes(word)).toBe(false);
  });
});
