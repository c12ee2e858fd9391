/** What the adversaries that steer a pool block by block share. */
import type { AllocationId, Nanoseconds } from '@decpool/model';
import { type RequestList, wholePages } from './request-list.ts';

/** Pages of a block of 2 MiB. */
export const BLOCK_PAGES = 512;

/** Simulated ns that a filler lives. */
export const FILLER_NS = 1_000_000;

/** With one page more they fill a block. */
const HALVES = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

/**
 * Fills the rest of a block whose first page is taken (`ascending`: 1, 2, 4, ... 256), or all of an empty one (`descending`:
 * 256, ... 2, 1, 1), each chunk at its natural alignment. Returns the chunks in this order.
 */
export function fill(
  list: RequestList,
  time: Nanoseconds,
  direction: 'ascending' | 'descending',
): AllocationId[] {
  const sizes = direction === 'ascending' ? HALVES : [...HALVES.toReversed(), 1];
  return sizes.map((pages) => list.allocate(time, wholePages(pages, 'filler')));
}
