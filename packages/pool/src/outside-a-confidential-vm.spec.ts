import { type CounterName, GFP } from '@decpool/model';
import { describe, expect, it } from 'vitest';
import { freshBoot } from './page-source/profiles.ts';
import type { AllocationResult } from './pool.ts';
import { conversionsIn, eventsOf, MIB, SOME_POLICIES, watched } from './testing.ts';

const owner = 'x';
const POOLS = [
  'decpool',
  'genpool',
  'gfp-decrypted',
  'migratetype',
  'first-fit+block+reserve:64:512+immediate',
];

/** All that conversions count, and what they do to the direct map. */
const CONVERSION_COUNTERS: readonly CounterName[] = [
  'conversions',
  'convertedPages',
  'failedConversions',
  'hostCalls',
  'pageTablePasses',
  'fullFlushes',
  'rangedFlushes',
  'mappingChanges',
  'zeroedPages',
  'splits2M',
  'splits1G',
  'splits32M',
  'splits64K',
  'restores2M',
  'pageTablePages',
  'sharedPages',
  'unknownPages',
  'leakedPages',
  'sharedBlocks',
  'touchedBlocks',
  'mixedBlocks',
  'borders',
  'refills',
];

const CLAIMING = [...new Set([...SOME_POLICIES, ...POOLS])].filter(
  (policy) => !policy.startsWith('swiotlb') && policy !== 'linux-6.12',
);

describe.each(CLAIMING)('outside a confidential VM %s', (policy) => {
  const claimsOf = (name: string) => {
    const { pool, events } = watched(name, { memory: freshBoot(96 * MIB), platform: 'none' });
    const live = [
      pool.alloc_pages(4, { owner }),
      pool.alloc_pages_exact(5, { owner }),
      pool.vmalloc(700, { owner }),
      pool.vmalloc(255, { owner: 'netvsc eth0 send_buf' }),
      pool.dma_alloc_coherent(5000, { owner }),
      pool.dma_alloc_coherent(100, { owner }),
      pool.alloc_pages(0, { owner, gfp: GFP.GFP_ATOMIC }),
    ];
    for (const { allocation } of live) pool.free(allocation);
    pool.complete();
    return events.filter(({ type }) => ['pages-claimed', 'pages-returned'].includes(type));
  };

  it('claims what the kernel would claim, and returns it at once', () => {
    expect(claimsOf(policy)).toEqual(claimsOf('linux-7.3'));
  });
});

describe.each(SOME_POLICIES)('outside a confidential VM %s', (policy) => {
  const run = () =>
    watched(policy, {
      memory: freshBoot(96 * MIB),
      platform: 'none',
      swiotlb: { bytes: 2 * MIB, dynamic: true },
      faults: { seed: 1, decrypt: 1, encrypt: 1, converted: 0, retries: 1 },
    });

  it('serves every kind of request and converts nothing: all that conversions count stays 0', () => {
    const { pool, events } = run();
    const live: AllocationResult[] = [];
    for (let round = 0; round < 90; round++) {
      const options = { owner, gfp: round % 2 === 0 ? GFP.GFP_ATOMIC : 0, at: round * 10 };
      const all = [
        () => pool.alloc_pages(round % 6, options),
        () => pool.alloc_pages_exact(1 + (round % 40), options),
        () => pool.vmalloc(1 + round, { ...options, owner: 'netvsc 1 recv_buf' }),
        () => pool.kmalloc(1 + 100 * round, options),
        () => pool.dma_alloc_coherent(1 + 100 * round, options),
        () => pool.dma_map(1 + 1000 * round, options),
      ];
      live.push(all[round % all.length]());
      const gone = round % 3 === 2 ? live.shift() : undefined;
      if (gone?.ok) pool.free(gone.allocation, round * 10, options.gfp);
    }
    expect(live.filter(({ ok }) => ok).length).toBeGreaterThan(30);
    for (const { allocation, ok } of live) if (ok) pool.free(allocation);
    pool.complete();
    expect(conversionsIn(events)).toEqual([]);
    const counters = pool.counters;
    for (const name of CONVERSION_COUNTERS) expect([name, counters[name]]).toEqual([name, 0]);
  });

  it('also serves callers that may not sleep: there is nothing that would', () => {
    const { pool, events } = run();
    const atomic = { owner, gfp: GFP.GFP_ATOMIC };
    const { allocation, ok } = pool.alloc_pages(2, atomic);
    expect(ok).toBe(true);
    pool.free(allocation, 0, GFP.GFP_ATOMIC);
    expect(pool.counters.livePages).toBe(0);
    expect(eventsOf(events, 'allocation-failed')).toEqual([]);
  });
});
