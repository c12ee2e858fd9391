/** A small input for specs: 16 blocks, of which two are no memory, over 4 frames. */
import type { BlockChanges, InputHistory, RunHistory } from '../../../history/types.ts';

/** Block, frame, index of state, index of mapping. */
export type Change = readonly [block: number, frame: number, state: number, mapping: number];

export const PRIVATE = 0;
export const IDLE = 1;
export const USED = 2;
export const MIXED = 3;
export const UNKNOWN = 4;
export const LARGE = 0;
export const SPLIT = 1;

/** Of every change: 100 shared and 40 used pages since 1 s, held by the first two owners; and by 2 more if the block is mixed. */
export function changes(all: readonly Change[]): BlockChanges {
  const held = all.map(([, , state]) => state === USED || state === MIXED);
  const pins = held.flatMap((isHeld) => (isHeld ? [0, 1] : []));
  const starts = [0];
  for (const isHeld of held) starts.push(starts[starts.length - 1] + (isHeld ? 2 : 0));
  return {
    block: all.map(([block]) => block),
    frame: all.map(([, frame]) => frame),
    state: all.map(([, , state]) => state),
    mapping: all.map(([, , , mapping]) => mapping),
    sharedPages: all.map(([, , state]) => (state === PRIVATE ? 0 : 100)),
    usedPages: held.map((isHeld) => (isHeld ? 40 : 0)),
    since: all.map(([, , state]) => (state === PRIVATE ? -1 : 1e9)),
    pinStart: starts,
    pinOwner: pins,
    pinPages: pins.map((owner) => 30 - 20 * owner),
    pinSince: pins.map(() => 2e9),
    morePins: all.map(([, , state]) => (state === MIXED ? 2 : 0)),
  };
}

export function run(policy: string, all: readonly Change[]): RunHistory {
  const none: number[] = [];
  return {
    policy,
    log: `logs/${policy}.arrow`,
    events: 10,
    owners: ['netvsc', 'nvme\u202e'],
    series: {
      splits2M: none,
      splits1G: none,
      failedRequests: none,
      directMap4k: none,
      directMap2M: none,
      directMap1G: none,
      sharedIdleBytes: none,
      liveBytes: none,
      sharedBlocks: none,
      mixedBlocks: none,
    },
    blocks: changes(all),
    occupancy: [],
    longestFree: [],
    freeByOrder: [],
    ownerRows: [],
  };
}

export function history(runs: readonly RunHistory[]): InputHistory {
  return {
    frames: { requests: [0, 10, 20, 1200], times: [0, 1e9, 3e9, 4.5e9] },
    binning: '',
    blocks: 16,
    pagesPerBlock: 512,
    pageBytes: 4096,
    ram: [
      [0, 10],
      [12, 4],
    ],
    boot4K: [[0, 1]],
    leastBlocks: [],
    askedBytes: [],
    peakFrame: 2,
    lifetimes: [],
    runs,
  };
}
