import { expect, it } from 'vitest';
import { EventRows } from '../events/batch.ts';
import { x86Geometry } from '../geometry.ts';
import type { LogHeader } from '../log/header.ts';
import { platformNamed } from '../platforms/all.ts';
import { allocationId, pfn } from '../units.ts';
import { BootPoolEvents } from './boot-pool.ts';
import { RunProjections } from './run.ts';

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
const HEADER: Pick<LogHeader, 'geometry' | 'platform' | 'swiotlb'> = {
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

const found = (header: Pick<LogHeader, 'swiotlb'>): boolean[] => {
  const bootPool = new BootPoolEvents(header);
  const isOf: boolean[] = [];
  show(AT_BOOT, (batch, row) => {
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

it('the splits, shared blocks and idle memory of a boot pool are in no figure', () => {
  const run = new RunProjections(HEADER);
  show(AT_BOOT, (batch, row) => run.observe(batch, row));
  const { blocks, idle, splits } = run;
  expect(blocks).toMatchObject({ peak: 1, now: 1 });
  expect(idle.idleBytes).toBe(2 ** 21);
  expect([splits.figures()[0]?.splits1G, splits.ofBootPool['1G']]).toEqual([1, 1]);
});
