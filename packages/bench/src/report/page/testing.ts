/** For specs: results and histories with only what a page needs, made by hand. */

import type { InputHistory, RunHistory } from '../../history/types.ts';
import { byMetric } from '../../metrics/metric.ts';
import type { Results } from '../results.ts';
import { madeOf } from '../testing-made.ts';

/** Text that would do harm in a page that does not escape it. */
export const HOSTILE = '</script><img src=x onerror=alert(1)>"\'{a}|{b|c}\u202e';

const METRICS = [
  'splits-2m',
  'shared-idle-byte-seconds',
  'host-calls',
  'full-flushes',
  'failures',
  'waited-share',
] as const;
const UNITS = { 'shared-idle-byte-seconds': 'byte-seconds' } as const;

export interface Made {
  /** By policy: 2M splits, shared-idle byte-seconds, host calls, and optionally refused requests. */
  readonly policies: Readonly<Record<string, readonly number[]>>;
  /** Best first. */
  readonly ranked: readonly (readonly string[])[];
  readonly name?: string;
  /** The range of each value over the seeds. */
  readonly spread?: number;
}

export function madeResults({ policies, ranked, name = 'made', spread = 0 }: Made): Results {
  const spreadOf = (median: number) => ({
    values: [median - spread / 2, median, median + spread / 2],
    median,
    min: median - spread / 2,
    max: median + spread / 2,
  });
  return {
    ...madeOf(name),
    platform: { name: 'snp', confidential: true },
    notes: [name],
    metrics: METRICS.map((id) => ({
      id,
      label: id,
      unit: id in UNITS ? ('byte-seconds' as const) : ('count' as const),
      better: 'lower' as const,
      formula: name,
    })),
    ranking: {
      isParetoWanted: false,
      objectives: ['splits-2m', 'shared-idle-byte-seconds', 'host-calls'],
      ranked: ranked.map((group, index) => ({
        policies: [...group],
        values: [...(policies[group[0]] ?? [])].slice(0, 3),
        front: index === 0 ? 1 : 2,
      })),
      refused: Object.keys(policies).filter((policy) => ranked.every((group) => !group.includes(policy))),
    },
    policies: Object.entries(policies).map(([policy, [splits, idle, calls, failures = 0]], index) => ({
      policy,
      isBaseline: index === 0,
      runs: [{ seed: 1, events: 9, stateHash: 'ab' }],
      metrics: byMetric([
        ['splits-2m', spreadOf(splits)],
        ['shared-idle-byte-seconds', spreadOf(idle)],
        ['host-calls', spreadOf(calls)],
        ['full-flushes', spreadOf(0)],
        ['waited-share', spreadOf(0)],
        [
          'failures',
          { values: [failures, failures, failures], median: failures, min: failures, max: failures },
        ],
      ]),
      byOwner: [],
      timeline: [],
      worstCase: { blocksPeak: { formula: 'none known' }, blockSeconds: { formula: 'none known' } },
    })),
  };
}

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
