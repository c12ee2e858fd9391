/** What the specs of the metrics share: histories written by hand, and runs of a real pool. */
import {
  allocationId,
  type Counters,
  type EventBatch,
  type FailureReason,
  type LogHeader,
  type Platform,
  type PlatformName,
  pfn,
  platformNamed,
  type Request,
  x86Geometry,
} from '@decpool/model';
import {
  COUNTER_NAMES,
  type Direction,
  type EventBody,
  EventRows,
  logHeader,
  RunProjections,
} from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import type { MetricFamily } from './family.ts';
import { metricsOfRun } from './metric.ts';

/** Memory of 8 blocks. */
const HEADER = logHeader({
  geometry: x86Geometry(8 * 512),
  platform: platformNamed('snp'),
  memory: { name: 'by hand', zones: [], directMap: [] },
  policy: 'by hand',
  seed: 1,
  workload: { name: 'by hand', requests: '' },
});

const ZERO = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Counters;

/** An event as a spec writes it: time defaults to 0. */
type Told = EventBody & { readonly time?: number };

export const decrypted = (start: number, pages: number, time = 0) => ({
  type: 'pages-decrypted' as const,
  pfn: pfn(start),
  pages,
  time,
});
export const encrypted = (start: number, pages: number, time = 0) => ({
  ...decrypted(start, pages, time),
  type: 'pages-encrypted' as const,
});
export const conversionFailed = (start: number, pages: number, direction: Direction, time = 0) => ({
  ...decrypted(start, pages, time),
  type: 'conversion-failed' as const,
  direction,
});
export const requested = (allocation: number, pages: number, bytes: number): Told => ({
  type: 'allocation-requested',
  allocation: allocationId(allocation),
  api: 'alloc_pages_exact',
  pages,
  bytes,
  owner: 0,
});
export const allocated = (allocation: number, start: number, pages: number, time = 0) => ({
  ...decrypted(start, pages, time),
  type: 'pages-allocated' as const,
  allocation: allocationId(allocation),
});
export const freed = (allocation: number, start: number, pages: number, time = 0) => ({
  ...allocated(allocation, start, pages, time),
  type: 'pages-freed' as const,
});
/** A slab of bounce slots where nobody asked for one, or of objects where `allocation` did. */
export const slabCreated = (start: number, pages: number, unitBytes: number, allocation = 0): Told => ({
  type: 'slab-created',
  allocation: allocationId(allocation),
  pfn: pfn(start),
  pages,
  unitBytes,
  cache: 0,
});
export const objectAllocated = (allocation: number, slab: number, bytes: number, time = 0): Told => ({
  type: 'object-allocated',
  allocation: allocationId(allocation),
  slab,
  unit: 0,
  bytes,
  time,
});
export const objectFreed = (allocation: number, time = 0): Told => ({
  type: 'object-freed',
  allocation: allocationId(allocation),
  time,
});
export const refused = (allocation: number, pages: number, reason: FailureReason): Told => ({
  type: 'allocation-failed',
  allocation: allocationId(allocation),
  pages,
  reason,
});

/** The metrics of one family by their ids, after a history written by hand. */
export function measure(
  family: MetricFamily,
  events: readonly Told[],
  counters: Partial<Counters> = {},
  platform: Platform = HEADER.platform,
): Record<string, number> {
  const header = { ...HEADER, platform };
  const run = new RunProjections(header);
  const measurement = family.measure(header, run);
  for (const [seq, event] of events.entries()) {
    // A batch per event: a projection must not mind where batches begin.
    const rows = new EventRows(1);
    rows.appendObject(event);
    const batch = rows.seal(seq);
    run.observe(batch, 0);
    measurement.observe?.(batch, 0);
  }
  return measurement.values({ ...ZERO, ...counters });
}

export interface PolicyRun {
  readonly header: LogHeader;
  readonly batches: readonly EventBatch[];
  readonly counters: Counters;
  readonly values: Readonly<Record<string, number>>;
}

/** All metrics of a policy over these requests, in a fresh guest of 128 MiB. */
export function runOf(policy: string, platform: PlatformName, requests: readonly Request[]): PolicyRun {
  const pool = new Pool({
    memory: freshBoot(128 * 2 ** 20),
    platform: platformNamed(platform),
    policy: policyNamed(policy),
    batchRows: 64,
  });
  const metrics = metricsOfRun(pool.header);
  const batches: EventBatch[] = [];
  pool.batches$.subscribe((batch) => {
    batches.push(batch);
    metrics.observe(batch);
  });
  for (const request of requests) pool.request(request);
  pool.complete();
  const { header, counters } = pool;
  const values = Object.fromEntries(metrics.values(counters).map(({ id, value }) => [id, value]));
  return { header, batches, counters, values };
}
