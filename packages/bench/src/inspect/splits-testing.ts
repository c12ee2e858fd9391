/** What the specs of splits share: events written by hand, and the splits in them. */
import { allocationId, pfn, x86Geometry } from '@decpool/model';
import { EventRows, observeAll } from '@decpool/model/internal';
import { requested } from '../metrics/testing.ts';
import { type FoundSplits, Splits } from './splits.ts';

export const split = (block: number, level: 2 | 3) => ({
  type: 'large-page-split',
  pfn: pfn(512 * block),
  level,
});
const contiguousSplit = (page: number, level: 1 | 2) => ({
  type: 'contiguous-split',
  pfn: pfn(page),
  level,
});
const freeRequested = (allocation: number) => ({
  type: 'free-requested',
  allocation: allocationId(allocation),
});

/** The splits of events written by hand, by owners of these names. */
export function splitsIn(events: readonly object[], owners: readonly string[]): FoundSplits {
  const projection = new Splits({ geometry: x86Geometry(4096) });
  // An event per batch: a projection must not mind where batches begin.
  const show = (event: object, seq: number) => {
    const rows = new EventRows(1);
    rows.appendObject(event);
    observeAll(rows.seal(seq), [projection]);
  };
  for (const [owner, name] of owners.entries()) show({ type: 'owner-registered', owner, name }, 0);
  for (const [seq, event] of events.entries()) show(event, seq);
  return { ...projection.result(), endState: () => 'mixed' };
}

/** Splits of two owners, of the deferred worker and of the boot. */
export const HISTORY = [
  { ...split(9, 3), request: 0, time: 0 },
  { ...requested(1, 4, 4 * 4096), request: 1, time: 10 },
  { ...split(0, 2), request: 1, time: 10 },
  { ...requested(2, 8, 8 * 4096), owner: 1, request: 2, time: 20 },
  { ...split(5, 2), request: 2, time: 20 },
  { ...split(2, 2), request: 2, time: 20 },
  { ...split(8, 2), request: 2, time: 99 },
  { ...freeRequested(1), request: 3, time: 100 },
  { ...split(3, 2), request: 3, time: 100 },
];
export const OWNERS = ['nvme', 'netvsc'];

/** A 32M run, a 2M entry in it, and two 64K runs in that. */
export const CONTIGUOUS_HISTORY = [
  { ...requested(1, 1, 4096), request: 1, time: 10 },
  { ...contiguousSplit(8192, 2), request: 1, time: 10 },
  { ...split(17, 2), request: 1, time: 10 },
  { ...contiguousSplit(8704, 1), request: 1, time: 10 },
  { ...contiguousSplit(8720, 1), request: 1, time: 10 },
];
