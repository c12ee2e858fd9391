import {
  allocationId,
  Columns,
  type EventBatch,
  machineOf,
  nanoseconds,
  PLATFORM_NAMES,
  type Request,
} from '@decpool/model';
import { EventRows, RunProjections } from '@decpool/model/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerBounds } from '../bounds/lower.ts';
import { FAMILIES } from './all.ts';
import { isQuiet, METRICS, metricsOfRun } from './metric.ts';
import { runOf } from './testing.ts';

const PAGE = 4096;

/** One event of a batch as a batch of its own. */
function single(batch: EventBatch, row: number): EventBatch {
  const rows = new EventRows(1);
  rows.appendObject(batch.at(row));
  return rows.seal(batch.firstSeq + row);
}

/** One order-3 allocation and its free, a second later. */
const ONE: Request[] = [
  {
    kind: 'allocate',
    time: nanoseconds(0),
    allocation: allocationId(1),
    api: 'alloc_pages',
    pages: 8,
    bytes: 8 * PAGE,
    owner: 'ring',
  },
  { kind: 'free', time: nanoseconds(1e9), allocation: allocationId(1) },
];

describe('one order-3 ring that is allocated and freed', () => {
  it('splits a 2M page under gfp-decrypted on snp, and flushes before and after both conversions', () => {
    const { values, header } = runOf('gfp-decrypted', 'snp', ONE);
    const mappedAtStart = header.memory.directMap
      .filter(([, , level]) => level === 1)
      .reduce((sum, [, pages]) => sum + pages, 0);
    expect(values).toMatchObject({
      'splits-2m': 1,
      'splits-1g': 0,
      'page-table-pages': 1,
      'direct-map-4k': (mappedAtStart + 512) * PAGE,
      'direct-map-2m': 128 * 2 ** 20 - (mappedAtStart + 512) * PAGE,
      'direct-map-1g': 0,
      conversions: 2,
      'pages-converted': 16,
      'host-calls': 2,
      'full-flushes': 1,
      'ranged-flushes': 4,
      'blocks-touched': 1,
      'blocks-peak': 1,
      'mixed-peak': 1,
      'blocks-now': 0,
      'mixed-now': 0,
      borders: 0,
    });
  });

  it('splits nothing under a pool of whole blocks, which stays shared', () => {
    const { values } = runOf('first-fit+block+never-return', 'snp', ONE);
    expect(values).toMatchObject({
      'splits-2m': 0,
      conversions: 1,
      'pages-converted': 512,
      'host-calls': 1,
      'full-flushes': 2,
      'ranged-flushes': 0,
      'blocks-now': 1,
      'mixed-peak': 0,
      'shared-idle-peak': 512 * PAGE,
      'shared-idle-now': 512 * PAGE,
      'shared-idle-byte-seconds': 504 * PAGE,
      borders: 1,
    });
  });

  it('costs nothing where memory is not confidential', () => {
    const { values } = runOf('gfp-decrypted', 'none', ONE);
    // Pages come from the page allocator in any guest.
    const costs = Object.entries(values).filter(([id]) => !/^(direct-map|claims|llfree|johnstone)/.test(id));
    expect(costs.filter(([, value]) => value !== 0)).toEqual([]);
  });
});

const policies = fc.constantFrom(
  'gfp-decrypted',
  'first-fit+page+immediate',
  'first-fit+block+never-return',
  'best-fit+page+never-return',
  'longest-free-range+block+immediate',
);

/** Well-formed requests: allocations of up to 6 MiB by any api, and frees of what still lives. */
const requestLists: fc.Arbitrary<Request[]> = fc
  .array(
    fc.record({
      wait: fc.nat(2_000_000),
      free: fc.option(fc.nat(), { freq: 2 }),
      api: fc.constantFrom('alloc_pages', 'alloc_pages_exact', 'vmalloc'),
      pages: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1500 })),
      unused: fc.nat(4095),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    const requests: Request[] = [];
    const live: number[] = [];
    let time = 0;
    let allocations = 0;
    for (const { wait, free, api, pages: wanted, unused } of steps) {
      time += wait;
      if (free !== null && live.length > 0) {
        const [allocation] = live.splice(free % live.length, 1);
        requests.push({ kind: 'free', time: nanoseconds(time), allocation: allocationId(allocation) });
      } else {
        const pages = api === 'alloc_pages' ? 2 ** Math.floor(Math.log2(Math.min(wanted, 1024))) : wanted;
        live.push(++allocations);
        requests.push({
          kind: 'allocate',
          time: nanoseconds(time),
          allocation: allocationId(allocations),
          api,
          pages,
          bytes: pages * 4096 - unused,
          owner: api,
        });
      }
    }
    return requests;
  });

describe('of any run, the metrics', () => {
  it('agree with the counters of the state', () => {
    fc.assert(
      fc.property(
        policies,
        fc.constantFrom(...PLATFORM_NAMES),
        requestLists,
        (policy, platform, requests) => {
          const { values, counters } = runOf(policy, platform, requests);
          const idle = Math.max(0, counters.sharedPages - counters.livePages) * PAGE;
          expect(values).toMatchObject({
            'blocks-now': counters.sharedBlocks,
            'mixed-now': counters.mixedBlocks,
            'shared-idle-now': idle,
            failures: values['failures-out-of-memory'] + values['failures-too-large'],
          });
          expect(values['blocks-peak']).toBeGreaterThanOrEqual(values['blocks-now']);
          expect(values['blocks-touched']).toBeGreaterThanOrEqual(values['blocks-peak']);
          expect(values['mixed-peak']).toBeGreaterThanOrEqual(values['mixed-now']);
          expect(values['shared-idle-peak']).toBeGreaterThanOrEqual(idle);
          // The direct map covers the same memory, whatever becomes of its entries.
          const mapped = values['direct-map-4k'] + values['direct-map-2m'] + values['direct-map-1g'];
          expect(mapped).toBe(128 * 2 ** 20);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are peaks and integrals of the state after each event', () => {
    fc.assert(
      fc.property(policies, requestLists, (policy, requests) => {
        const { header, batches, values } = runOf(policy, 'snp', requests);
        const columns = new Columns(machineOf(header), header.memory.directMap);
        const view = columns.view();
        const peaks = { 'blocks-peak': 0, 'mixed-peak': 0 };
        let idleTime = 0n;
        let blockTime = 0n;
        let idle = 0;
        let time = 0;
        for (const batch of batches) {
          for (const [row, event] of [...batch].entries()) {
            idleTime += BigInt(idle) * BigInt(event.time - time);
            blockTime += BigInt(view.counter('sharedBlocks')) * BigInt(event.time - time);
            time = event.time;
            columns.fold(single(batch, row));
            idle = view.counter('sharedPages') - view.counter('livePages');
            peaks['blocks-peak'] = Math.max(peaks['blocks-peak'], view.counter('sharedBlocks'));
            peaks['mixed-peak'] = Math.max(peaks['mixed-peak'], view.counter('mixedBlocks'));
          }
        }
        expect(values).toMatchObject(peaks);
        expect(values['shared-idle-byte-seconds']).toBe((Number(idleTime) * PAGE) / 1e9);
        expect(values['block-seconds']).toBe(Number(blockTime) / 1e9);
      }),
      { numRuns: 20 },
    );
  });

  it('have distinct names, a formula each, and do not depend on where batches begin', () => {
    fc.assert(
      fc.property(policies, requestLists, (policy, requests) => {
        const { header, batches, counters, values } = runOf(policy, 'snp', requests);
        const again = metricsOfRun(header);
        for (const batch of batches) {
          for (let row = 0; row < batch.length; row++) again.observe(single(batch, row));
        }
        const metrics = again.values(counters);
        expect(Object.fromEntries(metrics.map(({ id, value }) => [id, value]))).toEqual(values);
        expect(new Set(metrics.map(({ id }) => id)).size).toBe(metrics.length);
        expect(metrics.filter(({ formula, label }) => formula === '' || label === '')).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('are the same if every metric sees every event, also those that it does not need', () => {
    fc.assert(
      fc.property(policies, requestLists, (policy, requests) => {
        const { header, batches, counters, values } = runOf(policy, 'snp', requests);
        const run = new RunProjections(header);
        const measurements = FAMILIES.map(({ measure }) => measure(header, run));
        for (const batch of batches) {
          for (let row = 0; row < batch.length; row++) {
            run.observe(batch, row);
            for (const { observe } of measurements) observe?.(batch, row);
          }
        }
        expect(Object.assign({}, ...measurements.map((each) => each.values(counters)))).toEqual(values);
      }),
      { numRuns: 20 },
    );
  });

  it('are only those that are wanted, with the same values', () => {
    fc.assert(
      fc.property(
        policies,
        requestLists,
        fc.subarray(METRICS.map(({ id }) => id)),
        (policy, requests, ids) => {
          const { header, batches, counters, values } = runOf(policy, 'snp', requests);
          const wanted = metricsOfRun(header, { ids });
          for (const batch of batches) wanted.observe(batch);
          const found = Object.fromEntries(wanted.values(counters).map(({ id, value }) => [id, value]));
          expect(found).toEqual(
            Object.fromEntries(Object.entries(values).filter(([id]) => ids.some((one) => one === id))),
          );
        },
      ),
      { numRuns: 20 },
    );
  });

  it('are never below the lower bound on blocks when every request was served', () => {
    fc.assert(
      fc.property(policies, requestLists, (policy, requests) => {
        const { values } = runOf(policy, 'snp', requests);
        fc.pre(values['failures'] === 0);
        expect(values['blocks-peak']).toBeGreaterThanOrEqual(lowerBounds(requests, 512).blocksPeak);
      }),
      { numRuns: 30 },
    );
  });
});

it('tables leave out what few runs have: failures, leaks, slabs, boot pools, and the work of the page allocator', () => {
  expect(METRICS.filter(({ id }) => isQuiet(id)).map(({ id }) => id)).toEqual([
    ...['splits-32m', 'splits-64k'],
    ...['bounce-pool-idle-mean', 'atomic-pool-idle-mean'],
    ...['slabs-created', 'slab-bytes-peak'],
    ...['bounce-bytes', 'bounce-used-peak', 'atomic-pool-bytes'],
    ...['atomic-requests', 'refills', 'refilled-pages'],
    ...['compactions', 'pages-moved', 'pages-reclaimed', 'direct-reclaims'],
    ...['failures-out-of-memory', 'failures-too-large', 'failures-would-sleep', 'failures-conversion-failed'],
    ...['failures-unsupported', 'failures-swiotlb-full'],
    ...['failed-conversions', 'leaked', 'leaked-visible'],
  ]);
});
