import { expect, it } from 'vitest';
import { EventRows } from '../events/batch.ts';
import { x86Geometry } from '../geometry.ts';
import type { LogHeader } from '../log/header.ts';
import { platformNamed } from '../platforms/all.ts';
import { allocationId, pfn } from '../units.ts';
import { BootPoolEvents, isBootSlab } from './boot-pool.ts';
import { EventPass } from './projection.ts';
import { type RunPart, RunProjections } from './run.ts';

const range = (type: string, block: number, rest = {}) => ({
  type,
  pfn: pfn(512 * block),
  pages: 512,
  ...rest,
});
const claimed = (block: number) => range('pages-claimed', block, { migratetype: 'Unmovable' });
const split = (block: number) => ({ type: 'large-page-split', pfn: pfn(512 * block), level: 3 });
const slab = (block: number) =>
  range('slab-created', block, { allocation: allocationId(0), unitBytes: 2048, cache: 0 });
/** The boot pool is in block 5; then the policy makes something ready in block 2. */
const AT_BOOT = [
  claimed(5),
  split(0),
  range('pages-decrypted', 5),
  slab(5),
  claimed(2),
  split(512),
  range('pages-decrypted', 2),
];

/** The header of a guest with a boot pool. */
const HEADER: Pick<LogHeader, 'geometry' | 'platform' | 'swiotlb' | 'atomicPools'> = {
  geometry: x86Geometry(8 * 512),
  platform: platformNamed('snp'),
  swiotlb: { bytes: 2 ** 21, dynamic: false },
};

/** Shows each event after the one before to `see`. */
function show(
  events: readonly object[],
  see: (batch: ReturnType<EventRows['seal']>, row: number) => void,
): void {
  for (const [seq, event] of events.entries()) {
    const rows = new EventRows(1);
    rows.appendObject(event);
    see(rows.seal(seq), 0);
  }
}

const found = (
  header: Pick<LogHeader, 'swiotlb' | 'atomicPools'>,
  events: readonly object[] = AT_BOOT,
): boolean[] => {
  const bootPool = new BootPoolEvents(header);
  const isOf: boolean[] = [];
  show(events, (batch, row) => {
    bootPool.observe(batch, row);
    isOf.push(bootPool.isCurrent);
  });
  return isOf;
};

it('the events of a boot pool end with its slabs: what the policy does at boot is its own', () => {
  expect(found(HEADER)).toEqual([true, true, true, true, false, false, false]);
});

it('no event is one of a boot pool, if the guest has none', () => {
  expect(found({})).not.toContain(true);
});

it('a boot pool that has no slabs ends with what the policy claims, or with the first request', () => {
  const decrypted = range('pages-decrypted', 5);
  expect(found(HEADER, [claimed(5), decrypted, claimed(2), decrypted])).toEqual([true, true, false, false]);
  expect(found(HEADER, [claimed(5), { ...decrypted, request: 1 }, slab(5)])).toEqual([true, false, false]);
});

it('a boot pool may have several slabs; it ends with whatever comes behind them', () => {
  const events = [claimed(5), slab(5), slab(6), { ...slab(7), request: 1 }, slab(8)];
  expect(found(HEADER, events)).toEqual([true, true, true, false, false]);
  expect(found(HEADER, [claimed(5), slab(5), range('pages-decrypted', 2)])).toEqual([true, true, false]);
  expect(new BootPoolEvents(HEADER).isCurrent).toBe(false);
});

it('with atomic pools, all is a boot pool’s until `boot-pools-made`, or until the first request', () => {
  const made = { type: 'boot-pools-made', pages: 1024 };
  const grown = range('atomic-pool-grown', 6);
  const header = { ...HEADER, atomicPools: true } as const;
  expect(found(header, [claimed(5), slab(5), claimed(6), grown, made, claimed(2)])).toEqual([
    ...[true, true, true, true, true],
    false,
  ]);
  expect(found({ atomicPools: true }, [claimed(5), { ...claimed(6), request: 1 }, claimed(7)])).toEqual([
    true,
    false,
    false,
  ]);
});

it('only a slab of no request and no allocation is one of the boot pool', () => {
  const of = (event: object) => {
    const rows = new EventRows(1);
    rows.appendObject(event);
    return isBootSlab(rows.seal(0), 0);
  };
  expect(of(slab(5))).toBe(true);
  expect(of({ ...slab(5), request: 1 })).toBe(false);
  expect(of({ ...slab(5), allocation: allocationId(1) })).toBe(false);
  expect(of(range('pages-decrypted', 5))).toBe(false);
});

/** The shared blocks after some events, all in one batch. */
const blocksAfter = (events: readonly object[], header: typeof HEADER = HEADER) => {
  const run = new RunProjections(header);
  show(events, (batch, row) => run.observe(batch, row));
  const { now, peak, mixedPeak } = run.blocks;
  return { now, peak, mixedPeak };
};

it('a boot pool that could not be converted, and is leaked or private again, leaves no peak', () => {
  const failed = { ...range('conversion-failed', 5), direction: 'decrypt' };
  const half = { ...failed, pages: 256 };
  expect(blocksAfter([claimed(5), half, { ...range('pages-leaked', 5), pages: 256, owner: 0 }])).toEqual({
    ...{ now: 0, peak: 0, mixedPeak: 0 },
  });
  expect(blocksAfter([claimed(5), half, { ...range('pages-encrypted', 5), pages: 256 }])).toEqual({
    ...{ now: 0, peak: 0, mixedPeak: 0 },
  });
});

it('a boot pool is shared since it was converted, though no figure has it', () => {
  const run = new RunProjections(HEADER);
  const at = (time: number, event: object) => ({ ...event, time });
  const failed = { ...range('conversion-failed', 6), direction: 'decrypt' };
  show(
    [
      ...[at(1, claimed(5)), at(2, range('pages-decrypted', 5)), at(3, failed)],
      ...[at(4, { ...range('pages-leaked', 6), owner: 0 }), at(5, slab(5))],
    ],
    (batch, row) => run.observe(batch, row),
  );
  expect([5, 6, 2].map((block) => run.blocks.since(block))).toEqual([2, 3, -1]);
  expect(run.blocks.now).toBe(0);
});

it('what leaks later, or is shared by a request, counts', () => {
  const failed = { ...range('conversion-failed', 2), direction: 'decrypt', request: 1 };
  const leaked = { ...range('pages-leaked', 2), owner: 0, request: 1 };
  const counted = { now: 1, peak: 1, mixedPeak: 0 };
  expect(blocksAfter([...AT_BOOT.slice(0, 4), claimed(2), failed, leaked])).toEqual(counted);
  expect(
    blocksAfter([claimed(2), failed, leaked], { geometry: HEADER.geometry, platform: HEADER.platform }),
  ).toEqual(counted);
});

it('chunks of atomic pools at boot are left out as the boot pool of swiotlb is', () => {
  const made = { type: 'boot-pools-made', pages: 1024 };
  const pools = [claimed(5), range('pages-decrypted', 5), slab(5), claimed(6), range('pages-decrypted', 6)];
  const events = [...pools, range('atomic-pool-grown', 6), made, range('pages-decrypted', 2)];
  expect(blocksAfter(events, { ...HEADER, atomicPools: true })).toEqual({ now: 1, peak: 1, mixedPeak: 0 });
});

it('nothing is left out where nothing is shared: the guest is not confidential', () => {
  const header = { ...HEADER, platform: platformNamed('none') };
  expect(blocksAfter([claimed(5), slab(5)], header)).toEqual({ now: 0, peak: 0, mixedPeak: 0 });
});

it('a part of the projections gives the same as all of them', () => {
  const events = [
    ...AT_BOOT,
    { ...split(1024), request: 1 },
    { ...range('pages-encrypted', 2), request: 1, time: 9 },
  ];
  const all = new RunProjections(HEADER);
  show(events, (batch, row) => all.observe(batch, row));
  const after = (...parts: readonly RunPart[]) => {
    const run = new RunProjections(HEADER);
    const pass = new EventPass(run.projections(parts));
    show(events, (batch) => pass.observe(batch));
    return run;
  };
  expect(after('splits').splits.figures()).toEqual(all.splits.figures());
  expect(after('splits').splits.ofBootPool).toEqual(all.splits.ofBootPool);
  const blocks = ({ blocks: { now, peak, blockTime } }: RunProjections) => [now, peak, blockTime.pageNs];
  expect(blocks(after('blocks'))).toEqual(blocks(all));
  const idle = ({ idle: { idleBytes, peakBytes, idleTime } }: RunProjections) => [
    ...[idleBytes, peakBytes, idleTime.pageNs],
  ];
  expect(idle(after('idle'))).toEqual(idle(all));
});

it('projections that nobody asked for see nothing', () => {
  const run = new RunProjections(HEADER);
  const pass = new EventPass(run.projections([]));
  show(AT_BOOT, (batch) => pass.observe(batch));
  expect([run.splits.ofBootPool['1G'], run.blocks.now, run.idle.idleBytes]).toEqual([0, 0, 0]);
});

it('the splits, shared blocks and idle memory of a boot pool are in no figure', () => {
  const run = new RunProjections(HEADER);
  show(AT_BOOT, (batch, row) => run.observe(batch, row));
  const { blocks, idle, splits } = run;
  expect(blocks).toMatchObject({ peak: 1, now: 1 });
  expect(idle.idleBytes).toBe(2 ** 21);
  expect([splits.figures()[0]?.splits1G, splits.ofBootPool['1G']]).toEqual([1, 1]);
});
