import type { InputHistory, RunHistory } from './types.ts';

/** Three frames; the splits of each policy at them. */
export function madeHistory(
  splits: Readonly<Record<string, readonly number[]>>,
  owner = 'nic0',
): InputHistory {
  return {
    frames: { requests: [0, 1, 3], times: [0, 1e9, 4e9] },
    binning: 'every request is a frame',
    blocks: 128,
    pagesPerBlock: 512,
    pageBytes: 4096,
    ram: [[0, 128]],
    boot4K: [],
    leastBlocks: [0, 1, 1],
    askedBytes: [0, 4096, 4096],
    peakFrame: 1,
    lifetimes: [{ owner, allocations: 2, neverFreed: 1, quantiles: [1, 10, 100, 1000, 1e4, 1e5], pages: 3 }],
    runs: Object.entries(splits).map(([policy, values]) => madeRun(policy, values, owner)),
  };
}

function madeRun(policy: string, splits2M: readonly number[], owner: string): RunHistory {
  const zeros = [0, 0, 0];
  const held = { pages: 3, blocks: 1, alone: 1 };
  return {
    policy,
    log: `logs/${policy}.arrow`,
    events: 9,
    owners: [owner],
    series: {
      splits2M,
      splits1G: zeros,
      failedRequests: zeros,
      directMap4k: zeros,
      directMap2M: zeros,
      directMap1G: zeros,
      sharedIdleBytes: [0, 8192, 4096],
      liveBytes: [0, 4096, 4096],
      sharedBlocks: [0, 1, 1],
      mixedBlocks: zeros,
    },
    blocks: {
      block: [7],
      frame: [1],
      state: [3],
      mapping: [1],
      sharedPages: [3],
      usedPages: [3],
      since: [1e9],
      pinStart: [0, 1],
      pinOwner: [0],
      pinPages: [3],
      pinSince: [1e9],
      morePins: [0],
    },
    occupancy: splits2M.map(() => Array.from({ length: 17 }, (_, bar) => Number(bar === 0))),
    longestFree: splits2M.map(() => Array.from({ length: 17 }, (_, bar) => Number(bar === 16))),
    freeByOrder: splits2M.map(() => Array.from({ length: 11 }, (_, order) => Number(order === 3))),
    ownerRows: [{ owner, splits2M: 1, splits1G: 0, leakedPages: 0, atPeak: held, atEnd: held }],
  };
}
