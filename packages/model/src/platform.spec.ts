import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from './errors.ts';
import { x86Geometry } from './geometry.ts';
import {
  conversionMaySleep,
  flushCount,
  flushesFor,
  hasLargePages,
  hostCallsByPage,
  hostCallsFor,
  platformSchema,
} from './platform.ts';
import {
  cacheFlushes,
  endsIfHostRefuses,
  hasRestrictedPool,
  PLATFORM_NAMES,
  type PlatformName,
  pageAccepts,
  platformNamed,
} from './platforms/all.ts';
import { pfn } from './units.ts';

const geometry = x86Geometry(8 * 512);
const calls = (platform: string, start: number, pages: number) =>
  hostCallsFor(platformNamed(platform), geometry, pfn(start), pages);

describe('calls to the host on snp', () => {
  it.each([
    [1, 1],
    [64, 1],
    [65, 2],
    [128, 2],
    [129, 3],
  ])('%i single pages take %i: a list holds 64 entries', (pages, expected) => {
    expect(calls('snp', 1, pages)).toBe(expected);
  });

  it('an aligned 2 MiB run is one entry', () => {
    expect(calls('snp', 512, 512)).toBe(1);
    expect(calls('snp', 512, 7 * 512)).toBe(1);
  });

  it('512 pages that are not aligned are 512 entries', () => {
    expect(calls('snp', 1, 512)).toBe(8);
  });

  it('a 2 MiB run with a page before it and one after is three entries', () => {
    expect(calls('snp', 511, 514)).toBe(1);
    expect(calls('snp', 512 - 63, 63 + 512)).toBe(1);
    expect(calls('snp', 512 - 64, 64 + 512)).toBe(2);
  });
});

it('on tdx every contiguous range is one call', () => {
  expect(calls('tdx', 1, 1)).toBe(1);
  expect(calls('tdx', 1, 3000)).toBe(1);
});

it.each([
  [1, 1],
  [510, 1],
  [511, 2],
  [512, 2],
])('on hyperv-vtom %i pages take %i: a hypercall holds 510 pfns, and no 2 MiB entries', (pages, expected) => {
  expect(calls('hyperv-vtom', 512, pages)).toBe(expected);
});

it('on pkvm every page is a call, on cca every contiguous range', () => {
  expect(calls('pkvm', 512, 512)).toBe(512);
  expect(calls('cca', 512, 512)).toBe(1);
});

it('outside a confidential VM the host is never called and nothing is flushed', () => {
  expect(calls('none', 0, 512)).toBe(0);
  expect(flushesFor(platformNamed('none'), 512, 'decrypt')).toEqual({ full: 0, ranged: 0 });
});

describe('flushes of one conversion', () => {
  it.each([
    ['snp', 'decrypt', 33, { full: 0, ranged: 2 }],
    ['snp', 'decrypt', 34, { full: 2, ranged: 0 }],
    ['snp', 'encrypt', 33, { full: 0, ranged: 2 }],
    ['tdx', 'decrypt', 33, { full: 0, ranged: 2 }],
    ['tdx', 'encrypt', 33, { full: 0, ranged: 1 }],
    ['tdx', 'encrypt', 34, { full: 1, ranged: 0 }],
    // set_memory_np(), the change, set_memory_p().
    ['hyperv-vtom', 'decrypt', 33, { full: 0, ranged: 3 }],
    ['hyperv-vtom', 'encrypt', 34, { full: 3, ranged: 0 }],
    ['cca', 'decrypt', 2 ** 21, { full: 0, ranged: 1 }],
    ['cca', 'decrypt', 2 ** 21 + 1, { full: 1, ranged: 0 }],
    ['cca-bbml3', 'encrypt', 513, { full: 0, ranged: 1 }],
    ['pkvm', 'decrypt', 513, { full: 0, ranged: 0 }],
  ] as const)('on %s, %s of %i pages', (platform, direction, pages, expected) => {
    expect(flushesFor(platformNamed(platform), pages, direction)).toEqual(expected);
  });

  it('are those of the change alone where a log of an older version tells of no others', () => {
    const { flushesAround: _, ...older } = platformNamed('hyperv-vtom');
    expect(flushesFor(older, 33, 'decrypt')).toEqual({ full: 0, ranged: 1 });
  });
});

describe('calls to the host for a vmalloc address', () => {
  const byPage = (platform: string, before: number, pages: number) =>
    hostCallsByPage(platformNamed(platform), before, pages);

  it.each([
    ['snp', 4096, 64],
    ['snp', 512, 8],
    ['snp', 1, 1],
    ['hyperv-vtom', 4096, 9],
    ['hyperv-vtom', 510, 1],
    ['pkvm', 4096, 4096],
    ['tdx', 4096, 1],
    ['none', 4096, 0],
  ])('on %s, %i pages take %i: every entry is a page', (platform, pages, expected) => {
    expect(byPage(platform, 0, pages)).toBe(expected);
  });

  it('are as many in however many runs the pages of the call lie', () => {
    const runs = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.constantFrom('snp', 'hyperv-vtom', 'pkvm'), runs, (platform, lengths) => {
        let before = 0;
        let calls = 0;
        for (const pages of lengths) {
          calls += byPage(platform, before, pages);
          before += pages;
        }
        expect(calls).toBe(byPage(platform, 0, before));
      }),
    );
  });

  it('a run that fits into the last call’s list takes none', () => {
    expect(byPage('snp', 63, 1)).toBe(0);
    expect(byPage('snp', 64, 1)).toBe(1);
  });
});

describe('a platform', () => {
  it('says what becomes of a vmalloc address and of a stray read, and how small a slab’s objects may be', () => {
    const told = PLATFORM_NAMES.map((name) => {
      const { directMap, vmallocAddress, strayRead, dmaMinAlign } = platformNamed(name);
      return [name, directMap, vmallocAddress, strayRead, dmaMinAlign];
    });
    expect(told).toEqual([
      ['snp', 'split', 'converted', 'fixed up', 8],
      ['tdx', 'split', 'unsupported', 'fatal', 8],
      ['hyperv-vtom', 'split', 'converted', 'fixed up', 8],
      ['cca', 'pages', 'rejected', 'fixed up', 128],
      ['cca-bbml3', 'contiguous', 'rejected', 'fixed up', 128],
      ['pkvm', 'untouched', 'unsupported', 'impossible', 128],
      ['none', 'split', 'converted', 'impossible', 8],
    ]);
  });

  it('converts single pages by default', () => {
    expect(PLATFORM_NAMES.map((name) => platformNamed(name).granulePages)).toEqual(
      PLATFORM_NAMES.map(() => 1),
    );
  });

  it('can split entries of its direct map, and has conversions that sleep for that, or neither', () => {
    const named = (isOne: (name: PlatformName) => boolean) => PLATFORM_NAMES.filter(isOne);
    const large = named((name) => hasLargePages(platformNamed(name)));
    expect(large).toEqual(['snp', 'tdx', 'hyperv-vtom', 'cca-bbml3', 'none']);
    const sleeping = named((name) => conversionMaySleep(platformNamed(name)));
    expect(sleeping).toEqual(['snp', 'tdx', 'hyperv-vtom', 'cca-bbml3']);
  });

  it('is confidential and restores no large page, and flushes the TLB for every split but on cca-bbml3', () => {
    const told = PLATFORM_NAMES.map((name) => {
      const { confidential, restore, flushesSplits } = platformNamed(name);
      return [name, confidential, restore, flushesSplits ?? true];
    });
    expect(told).toEqual([
      ['snp', true, false, true],
      ['tdx', true, false, true],
      ['hyperv-vtom', true, false, true],
      ['cca', true, false, true],
      ['cca-bbml3', true, false, false],
      ['pkvm', true, false, true],
      ['none', false, false, true],
    ]);
  });

  it('passes over the page tables and flushes the TLB so often in a conversion', () => {
    const told = PLATFORM_NAMES.map((name) => {
      const platform = platformNamed(name);
      return [
        name,
        platform.pageTablePasses,
        flushCount(platform, 'decrypt'),
        flushCount(platform, 'encrypt'),
      ];
    });
    expect(told).toEqual([
      ['snp', 1, 2, 2],
      ['tdx', 1, 2, 1],
      ['hyperv-vtom', 3, 3, 3],
      ['cca', 2, 1, 1],
      ['cca-bbml3', 2, 1, 1],
      ['pkvm', 0, 0, 0],
      ['none', 0, 0, 0],
    ]);
  });

  it('accepts pages on snp in both directions, on tdx as they become private, and nowhere else', () => {
    // Two whole blocks and a page before them: three entries.
    const accepts = (name: string, direction: 'decrypt' | 'encrypt', isArea: boolean) =>
      pageAccepts({ name }, direction, geometry, pfn(511), 1025, isArea);
    const told = PLATFORM_NAMES.map((name) => [
      name,
      accepts(name, 'decrypt', false),
      accepts(name, 'encrypt', false),
    ]);
    expect(told.filter(([, decrypt, encrypt]) => decrypt !== 0 || encrypt !== 0)).toEqual([
      ['snp', 3, 3],
      ['tdx', 0, 3],
    ]);
    expect([accepts('snp', 'decrypt', true), accepts('tdx', 'encrypt', true)]).toEqual([1025, 1025]);
    expect([accepts('tdx', 'decrypt', true), accepts('of an old log', 'encrypt', true)]).toEqual([0, 0]);
  });

  it('flushes pages from the caches on tdx, before they become shared, and nowhere else', () => {
    const flushes = (name: string) => [
      cacheFlushes({ name }, 'decrypt', 7),
      cacheFlushes({ name }, 'encrypt', 7),
    ];
    for (const name of PLATFORM_NAMES) expect(flushes(name), name).toEqual(name === 'tdx' ? [7, 0] : [0, 0]);
    expect(flushes('of an old log')).toEqual([0, 0]);
  });

  it('has a restricted DMA pool on pkvm only, and ends with a host that refuses on snp only', () => {
    const names = [...PLATFORM_NAMES, 'of an old log'];
    expect(names.filter((name) => hasRestrictedPool({ name }))).toEqual(['pkvm']);
    expect(names.filter((name) => endsIfHostRefuses({ name }))).toEqual(['snp']);
  });

  it('is asked for by name, and an unknown name lists what there is', () => {
    expect(PLATFORM_NAMES).toEqual(['snp', 'tdx', 'hyperv-vtom', 'cca', 'cca-bbml3', 'pkvm', 'none']);
    expect(() => platformNamed('sgx')).toThrow(
      new InputError(
        "unknown platform 'sgx'. Expected one of: snp, tdx, hyperv-vtom, cca, cca-bbml3, pkvm, none.",
      ),
    );
    expect(() => platformNamed('constructor')).toThrow(InputError);
  });

  it('cannot be changed by whoever got it', () => {
    const snp = platformNamed('snp') as unknown as {
      restore: boolean;
      flushBefore: string[];
      hostCalls: object;
    };
    expect(() => {
      snp.restore = true;
    }).toThrow(TypeError);
    expect(() => snp.flushBefore.pop()).toThrow(TypeError);
    expect(() => Object.assign(snp.hostCalls, { entries: 1 })).toThrow(TypeError);
  });
});

describe('what a log may say of a platform', () => {
  const snp = platformNamed('snp');
  const isKnown = (said: object) => platformSchema.safeParse({ ...snp, ...said }).success;

  it.each([
    { hostCalls: { kind: 'page-state-list', entries: 1 } },
    { hostCalls: { kind: 'page-list', pages: 1 } },
    { dmaMinAlign: 1 },
    { granulePages: 1 },
    { granulePages: 4 },
    { granulePages: 16 },
    { flushesSplits: false },
  ])('%o is taken', (said) => {
    expect(isKnown(said)).toBe(true);
  });

  it.each([
    { hostCalls: { kind: 'page-state-list', entries: 0 } },
    { hostCalls: { kind: 'page-list', pages: 0 } },
    { hostCalls: { kind: 'per-range', pages: 1 } },
    { dmaMinAlign: 0 },
    { granulePages: 2 },
    { flushesSplits: true },
    { color: 'red' },
  ])('%o is refused', (said) => {
    expect(isKnown(said)).toBe(false);
  });
});
