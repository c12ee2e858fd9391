/** The arithmetic of what today's kernels pay for the buffers of a network adapter, on memory that is not fragmented. */
import { type PlatformName, pfn, platformNamed, x86Geometry } from '@decpool/model';
import { hostCallsFor } from '@decpool/model/internal';
import { describe, expect, it } from 'vitest';
import { freshBoot } from '../page-source/profiles.ts';
import { booted, expectServed, GIB, growthOf } from './testing.ts';

const RECV_PAGES = 4096;
const SEND_PAGES = 255;

const costOf = (policy: string, platform: PlatformName, pages: number) => {
  const { pool } = booted(policy, { platform, memory: freshBoot(GIB) });
  return growthOf(pool, () => {
    expectServed(pool.vmalloc(pages, { owner: 'netvsc eth0 recv_buf' }));
  });
};

describe('a receive buffer of 16 MiB costs', () => {
  it.each<[string, PlatformName, number]>([
    ['linux-6.12', 'snp', 64],
    ['linux-6.12', 'hyperv-vtom', 9],
    ['linux-7.3', 'snp', 4],
    ['linux-7.3', 'hyperv-vtom', 12],
    ['linux-7.3', 'tdx', 4],
    ['linux-7.3', 'cca', 4],
    ['linux-7.3', 'pkvm', 4096],
    ['gfp-decrypted', 'snp', 4],
    ['gfp-decrypted', 'hyperv-vtom', 12],
    ['gfp-decrypted', 'tdx', 4],
  ])('%s on %s: %i calls to the host', (policy, platform, calls) => {
    expect(costOf(policy, platform, RECV_PAGES).hostCalls).toBe(calls);
  });

  it.each<[PlatformName, number]>([
    ['snp', 1],
    ['hyperv-vtom', 9],
    ['tdx', 1],
  ])('on %s no less than %i, those of one aligned range', (platform, calls) => {
    expect(hostCallsFor(platformNamed(platform), x86Geometry(2 ** 18), pfn(8192), RECV_PAGES)).toBe(calls);
  });

  it.each<PlatformName>(['snp', 'hyperv-vtom'])(
    'linux-6.12 on %s: one conversion, and every block that it lies in split, page by page',
    (platform) => {
      const cost = costOf('linux-6.12', platform, RECV_PAGES);
      expect(cost).toMatchObject({
        conversions: 1,
        convertedPages: 4096,
        mappingChanges: 4096,
        zeroedPages: 4096,
      });
      expect(cost.splits2M).toBeGreaterThanOrEqual(RECV_PAGES / 512);
    },
  );

  it('linux-7.3: four conversions of 4 MiB, and no 2M split', () => {
    expect(costOf('linux-7.3', 'snp', RECV_PAGES)).toMatchObject({
      conversions: 4,
      convertedPages: 4096,
      splits2M: 0,
      mappingChanges: 8,
    });
  });
});

describe('a send buffer of 255 pages costs', () => {
  it.each<[string, PlatformName, number]>([
    ['linux-6.12', 'snp', 4],
    ['linux-6.12', 'hyperv-vtom', 1],
    // Its chunk of 128 pages takes two lists of 64 entries, each other chunk one.
    ['linux-7.3', 'snp', 9],
    ['linux-7.3', 'hyperv-vtom', 8],
    ['linux-7.3', 'tdx', 8],
    ['gfp-decrypted', 'snp', 9],
    ['gfp-decrypted', 'hyperv-vtom', 8],
    ['gfp-decrypted', 'tdx', 8],
  ])('%s on %s: %i calls to the host', (policy, platform, calls) => {
    expect(costOf(policy, platform, SEND_PAGES).hostCalls).toBe(calls);
  });

  it('linux-7.3: eight chunks from order 7 down to 0, and at most a split for each', () => {
    const { pool } = booted('linux-7.3', { memory: freshBoot(GIB) });
    const cost = growthOf(pool, () => {
      const { extents } = expectServed(pool.vmalloc(SEND_PAGES, { owner: 'netvsc eth0 send_buf' }));
      expect(extents.map(({ pages }) => pages)).toEqual([128, 64, 32, 16, 8, 4, 2, 1]);
    });
    expect(cost.conversions).toBe(8);
    expect(cost.splits2M).toBeLessThanOrEqual(8);
  });

  it('linux-6.12: one conversion', () => {
    expect(costOf('linux-6.12', 'snp', SEND_PAGES)).toMatchObject({ conversions: 1, mappingChanges: 255 });
  });
});
