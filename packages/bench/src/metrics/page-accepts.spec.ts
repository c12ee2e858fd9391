import { allocationId, nanoseconds, type PlatformName, type Request } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { runOf } from './testing.ts';

const PAGE = 4096;

const allocatedAndFreed = (api: 'alloc_pages' | 'vmalloc', pages: number): Request[] => [
  {
    ...{ kind: 'allocate', time: nanoseconds(0), allocation: allocationId(1) },
    ...{ api, pages, bytes: pages * PAGE, owner: 'ring' },
  },
  { kind: 'free', time: nanoseconds(1e9), allocation: allocationId(1) },
];
const acceptsOf = (policy: string, platform: PlatformName, requests: Request[]) => {
  const { values } = runOf(policy, platform, requests);
  return [values['pages-made-private'], values['page-accepts']];
};

describe('pages that become private again', () => {
  it('are accepted one by one, and a whole block at once: on snp also before they become shared', () => {
    for (const [platform, times] of [
      ['snp', 2],
      ['tdx', 1],
    ] as const) {
      const of = (policy: string, pages: number) =>
        acceptsOf(policy, platform, allocatedAndFreed('alloc_pages', pages));
      expect(of('gfp-decrypted', 8)).toEqual([8, 8 * times]);
      expect(of('first-fit+block+immediate', 8)).toEqual([512, times]);
      expect(of('gfp-decrypted', 1024)).toEqual([1024, 2 * times]);
    }
  });

  it('are validated page by page through a vmalloc address, however they lie', () => {
    expect(acceptsOf('linux-7.3', 'snp', allocatedAndFreed('vmalloc', 1024))).toEqual([1024, 2 * 1024]);
  });

  it('are accepted by nobody in the guest on other platforms', () => {
    for (const platform of ['hyperv-vtom', 'cca', 'cca-bbml3', 'pkvm'] as const)
      expect(acceptsOf('gfp-decrypted', platform, allocatedAndFreed('alloc_pages', 8))).toEqual([8, 0]);
    expect(acceptsOf('gfp-decrypted', 'none', allocatedAndFreed('alloc_pages', 8))).toEqual([0, 0]);
  });

  it('are none if nothing is made private', () => {
    expect(acceptsOf('first-fit+block+never-return', 'tdx', allocatedAndFreed('alloc_pages', 8))).toEqual([
      0, 0,
    ]);
  });
});
