import { allocationId, nanoseconds, type PlatformName, platformNamed, type Request } from '@decpool/model';
import { expect, it } from 'vitest';
import { cacheFlushMetrics } from './cache-flushes.ts';
import { conversionFailed, decrypted, encrypted, measure, runOf } from './testing.ts';

const EIGHT_PAGES: Request[] = [
  {
    ...{ kind: 'allocate', time: nanoseconds(0), allocation: allocationId(1) },
    ...{ api: 'alloc_pages', pages: 8, bytes: 8 * 4096, owner: 'ring' },
  },
  { kind: 'free', time: nanoseconds(1e9), allocation: allocationId(1) },
];
const flushedBy = (policy: string, platform: PlatformName): unknown =>
  runOf(policy, platform, EIGHT_PAGES).values['pages-cache-flushed'];

it('tdx flushes each page from the cache before it becomes shared: a pool of whole blocks all of the block', () => {
  expect(flushedBy('gfp-decrypted', 'tdx')).toBe(8);
  expect(flushedBy('first-fit+block+immediate', 'tdx')).toBe(512);
});

it('so does an attempt that fails, but no page that becomes private', () => {
  const events = [
    decrypted(0, 8),
    conversionFailed(8, 4, 'decrypt'),
    encrypted(0, 8),
    conversionFailed(8, 4, 'encrypt'),
  ];
  expect(measure(cacheFlushMetrics, events, {}, platformNamed('tdx'))).toEqual({ 'pages-cache-flushed': 12 });
});

it('other platforms flush none', () => {
  for (const platform of ['snp', 'hyperv-vtom', 'cca', 'cca-bbml3', 'pkvm', 'none'] as const)
    expect(flushedBy('gfp-decrypted', platform)).toBe(0);
});
