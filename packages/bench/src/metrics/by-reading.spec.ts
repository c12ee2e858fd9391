/** The metrics beside a plain reading of the events' lines: no projection, no counter of the state, a set of pages for each question. */
import { allocationId, type EventBatch, GFP, nanoseconds, platformNamed, type Request } from '@decpool/model';
import { encodeEventLines } from '@decpool/model/internal';
import { freshBoot, Pool, policyNamed } from '@decpool/pool';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { metricsOfRun } from './metric.ts';

const PAGE = 4096;
const BLOCK = 512;

/** A line of an event log, with the fields of all types. */
interface Line {
  readonly time: number;
  readonly request: number;
  readonly type: string;
  readonly pfn: number;
  readonly pages: number;
  readonly bytes: number;
  readonly level: number;
  readonly offset?: number;
  readonly direction?: string;
  readonly converted?: boolean;
  readonly reason: string;
  readonly gfp?: string;
  readonly allocation: number;
  readonly slab: number;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function readMetrics(lines: readonly Line[]): Record<string, number> {
  const of = (...types: string[]) => lines.filter(({ type }) => types.includes(type));
  const pagesOf = (found: readonly Line[]) => sum(found.map(({ pages }) => pages));
  const levels = (type: string, level: number) => of(type).filter((line) => line.level === level).length;
  /** A call on a vmalloc address has an event for each contiguous run; the first has offset 0. */
  const calls = (found: readonly Line[]) => found.filter(({ offset = 0 }) => offset === 0).length;
  const converted = of('pages-decrypted', 'pages-encrypted', 'vm-area-decrypted', 'vm-area-encrypted');
  const failed = of('allocation-failed');
  const splits = of('large-page-split').length - of('large-page-restored').length;
  return {
    'splits-2m': levels('large-page-split', 2),
    'splits-1g': levels('large-page-split', 3),
    'page-table-pages': splits,
    conversions: calls(converted),
    'pages-converted': pagesOf(converted),
    'pages-made-private': pagesOf(of('pages-encrypted', 'vm-area-encrypted')),
    'failed-conversions': calls(of('conversion-failed')),
    leaked: pagesOf(of('pages-leaked')) * PAGE,
    failures: failed.length,
    'failures-out-of-memory': failed.filter(({ reason }) => reason === 'out-of-memory').length,
    'failures-too-large': failed.filter(({ reason }) => reason === 'too-large').length,
    'failures-would-sleep': failed.filter(({ reason }) => reason === 'would-sleep').length,
    'failures-conversion-failed': failed.filter(({ reason }) => reason === 'conversion-failed').length,
    claims: of('pages-claimed').length,
    'claims-below-block': of('pages-claimed').filter(({ pages }) => pages < BLOCK).length,
    'atomic-requests': of('allocation-requested').filter(({ gfp }) => gfp?.includes('GFP_ATOMIC')).length,
    refills: of('reserve-refilled').length,
    'refilled-pages': pagesOf(of('reserve-refilled')),
    'slabs-created': of('slab-created').length,
    'pages-zeroed': pagesOf(of('pages-allocated')),
    ...overTime(lines),
    ...ofRequests(lines),
    ...ofSlabs(lines),
  };
}

const range = ({ pfn, pages }: Line) => Array.from({ length: pages }, (_, at) => pfn + at);

/** What the host may see, page by page, and what is used of it. */
function overTime(lines: readonly Line[]) {
  const seen = new Set<number>();
  const touched = new Set<number>();
  let [claimed, used, leaked, time] = [0, 0, 0, 0];
  let [blockNs, idleNs] = [0n, 0n];
  const peaks = { blocks: 0, mixed: 0, idle: 0, claimed: 0, used: 0 };
  const counts = () => {
    const blocks = new Map<number, number>();
    for (const page of seen) {
      const block = Math.floor(page / BLOCK);
      blocks.set(block, (blocks.get(block) ?? 0) + 1);
    }
    return {
      blocks: blocks.size,
      mixed: [...blocks.values()].filter((pages) => pages < BLOCK).length,
      idle: Math.max(0, seen.size - used),
    };
  };
  for (const [at, line] of lines.entries()) {
    if (line.time > time) {
      const { blocks, idle } = counts();
      peaks.idle = Math.max(peaks.idle, idle);
      blockNs += BigInt(blocks) * BigInt(line.time - time);
      idleNs += BigInt(idle) * BigInt(line.time - time);
      time = line.time;
    }
    const isExposed =
      /decrypted$/.test(line.type) || (line.type === 'conversion-failed' && line.direction === 'decrypt');
    if (isExposed) for (const page of range(line)) touched.add(Math.floor(page / BLOCK));
    if (isExposed) for (const page of range(line)) seen.add(page);
    if (/encrypted$/.test(line.type)) for (const page of range(line)) seen.delete(page);
    if (line.type === 'pages-claimed') claimed += line.pages;
    if (line.type === 'pages-returned') claimed -= line.pages;
    if (line.type === 'pages-allocated') used += line.pages;
    if (line.type === 'pages-freed') used -= line.pages;
    if (line.type === 'pages-leaked') leaked += line.pages;
    peaks.used = Math.max(peaks.used, used);
    if (['pages-allocated', 'reserve-refilled'].includes(line.type)) {
      peaks.claimed = Math.max(peaks.claimed, claimed);
    }
    // Within a request's conversions other blocks are in between.
    if (isExposed || /encrypted$/.test(line.type) || at === lines.length - 1) {
      const { blocks, mixed } = counts();
      peaks.blocks = Math.max(peaks.blocks, blocks);
      peaks.mixed = Math.max(peaks.mixed, mixed);
    }
  }
  const end = counts();
  return {
    'blocks-touched': touched.size,
    'blocks-now': end.blocks,
    'blocks-peak': peaks.blocks,
    'mixed-now': end.mixed,
    'mixed-peak': peaks.mixed,
    'block-seconds': Number(blockNs) / 1e9,
    'shared-idle-now': end.idle * PAGE,
    'shared-idle-peak': Math.max(peaks.idle, end.idle) * PAGE,
    'shared-idle-byte-seconds': (Number(idleNs) * PAGE) / 1e9,
    'shared-idle-mean': time === 0 ? 0 : (Number(idleNs) * PAGE) / time,
    borders: [...seen].filter((page) => page > 0 && !seen.has(page - 1)).length,
    'johnstone-wilson-4': peaks.used === 0 ? 1 : peaks.claimed / peaks.used,
    'kept-unused': (claimed - used - leaked) * PAGE,
  };
}

/** What requests asked for and got, and which waited for a conversion. */
function ofRequests(lines: readonly Line[]) {
  const asked = lines.filter(({ type }) => type === 'allocation-requested' || type === 'free-requested');
  let [requested, granted, waited] = [0, 0, 0];
  for (const { request, time, bytes, type } of asked) {
    const own = lines.filter((line) => line.request === request && line.time === time);
    if (own.some((line) => /(en|de)crypted$|^conversion-failed$/.test(line.type))) waited++;
    if (type === 'free-requested' || own.some((line) => line.type === 'allocation-failed')) continue;
    const object = own.find((line) => line.type === 'object-allocated');
    const extents = own.filter((line) => line.type === 'pages-allocated');
    const got = object?.bytes ?? sum(extents.map(({ pages }) => pages)) * PAGE;
    requested += got === 0 ? 0 : bytes;
    granted += got;
  }
  return {
    'internal-fragmentation': granted === 0 ? 0 : (100 * (granted - requested)) / granted,
    'waited-share': asked.length === 0 ? 0 : (100 * waited) / asked.length,
  };
}

function ofSlabs(lines: readonly Line[]) {
  const slabs: number[] = [];
  let peak = 0;
  for (const { type, pages, slab } of lines) {
    if (type === 'slab-created') slabs.push(pages);
    // Numbered from 1.
    if (type === 'slab-destroyed') slabs[slab - 1] = 0;
    peak = Math.max(peak, sum(slabs));
  }
  return { 'slab-bytes-peak': peak * PAGE };
}

const POLICIES = [
  'gfp-decrypted',
  'linux-7.3',
  'decpool',
  'first-fit+page+immediate',
  'first-fit+block+never-return',
  'best-fit+page+reserve:20:100+immediate',
  'longest-free-range+block+hysteresis:0.001+shrinker',
];

const step = fc.record({
  wait: fc.constantFrom(0, 0, 1000, 3_000_000),
  isFree: fc.boolean(),
  pick: fc.nat(),
  isAtomic: fc.constantFrom(false, false, false, true),
  wanted: fc.oneof(
    fc.record({ api: fc.constant('alloc_pages' as const), pages: fc.constantFrom(1, 2, 8, 64, 512, 1024) }),
    fc.record({ api: fc.constant('vmalloc' as const), pages: fc.integer({ min: 1, max: 1200 }) }),
    fc.record({ api: fc.constant('kmalloc' as const), bytes: fc.integer({ min: 1, max: 5000 }) }),
  ),
});

function requestsOf(
  steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[],
): Request[] {
  const live: number[] = [];
  let [time, last] = [0, 0];
  return steps.flatMap(({ wait, isFree, pick, isAtomic, wanted }): Request[] => {
    time += wait;
    const gfp = isAtomic ? { gfp: GFP.GFP_ATOMIC } : {};
    if (isFree) {
      const [id] = live.splice(pick % Math.max(1, live.length), 1);
      if (id === undefined) return [];
      return [{ kind: 'free', time: nanoseconds(time), allocation: allocationId(id), ...gfp }];
    }
    live.push(++last);
    const bytes = 'bytes' in wanted ? wanted.bytes : wanted.pages * PAGE - (pick % PAGE);
    return [
      {
        ...{ kind: 'allocate', time: nanoseconds(time), allocation: allocationId(last), owner: 'x', ...gfp },
        ...{ api: wanted.api, bytes, pages: 'pages' in wanted ? wanted.pages : Math.ceil(bytes / PAGE) },
      },
    ];
  });
}

it('are what a plain reading of the lines of a log comes to', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...POLICIES),
      fc.constantFrom(undefined, { seed: 1, decrypt: 0.2, encrypt: 0.2, converted: 0.5, retries: 1 }),
      fc.array(step, { maxLength: 60 }),
      (policy, faults, steps) => {
        const pool = new Pool({
          memory: freshBoot(64 * 2 ** 20),
          platform: platformNamed('snp'),
          policy: policyNamed(policy),
          batchRows: 16,
          ...(faults && { faults }),
        });
        const metrics = metricsOfRun(pool.header);
        const lines: Line[] = [];
        pool.batches$.subscribe((batch: EventBatch) => {
          metrics.observe(batch);
          const text = Buffer.from(encodeEventLines(batch)).toString();
          lines.push(
            ...text
              .trim()
              .split('\n')
              .map((line): Line => JSON.parse(line)),
          );
        });
        for (const request of requestsOf(steps)) pool.request(request);
        pool.complete();
        const values = Object.fromEntries(metrics.values(pool.counters).map(({ id, value }) => [id, value]));
        expect(values).toMatchObject(readMetrics(lines));
      },
    ),
    { numRuns: randomRuns(240), seed: 1 },
  );
});
