/**
 * The tool's own speed, every figure measured in this run: ways to carry the state side by side, and whole comparison
 * runs per policy. Ratios are what counts; the absolute figures are this machine's.
 */

import { BASELINES, CONVERSIONS, PLACEMENTS, SUPPLIES } from '@decpool/pool';
import Table from 'cli-table3';
import { bulkSpeed, type FoldSpeed, type Guest, history, liveSpeed, naiveSpeed } from './fold.ts';
import { requestSpeed, speedWorkload } from './requests.ts';

const GUESTS: readonly Guest[] = [
  { name: '64 GiB guest', bytes: 64 * 2 ** 30, liveAllocations: 1_000_000 },
  { name: '4 GiB guest', bytes: 4 * 2 ** 30, liveAllocations: 60_000 },
];

const newTable = (head: string[]) =>
  new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  });

async function foldTable(guest: Guest): Promise<void> {
  const events = history(guest, 300_000);
  const naive = await naiveSpeed(events, 4_000, true);
  const results: FoldSpeed[] = [
    naive,
    await naiveSpeed(events, 4_000, false),
    liveSpeed(events, 50_000),
    bulkSpeed(events),
  ];
  const table = newTable([
    `${guest.name}, ${events.liveAllocations} live allocations`,
    'events',
    'ns/event',
    'events/s',
    'vs naive',
  ]);
  for (const { way, events: count, nsPerEvent } of results) {
    table.push([
      way,
      count.toLocaleString('en'),
      nsPerEvent.toFixed(0),
      Math.round(1e9 / nsPerEvent).toLocaleString('en'),
      `${(naive.nsPerEvent / nsPerEvent).toFixed(1)} x`,
    ]);
  }
  console.log(`${table.toString()}\n`);
}

async function requestTable(): Promise<void> {
  const workload = speedWorkload();
  const pools = Object.keys(PLACEMENTS).flatMap((placement) =>
    Object.keys(CONVERSIONS).flatMap((conversion) =>
      Object.keys(SUPPLIES).map((supply) => `${placement}+${conversion}+${supply}`),
    ),
  );
  const policies = [...Object.keys(BASELINES), ...pools];
  // A short run of each first: what is timed is compiled code, as in any long comparison.
  const warmUp = speedWorkload(100_000);
  for (const policy of policies) await requestSpeed(policy, warmUp);
  const table = newTable([
    'compare run: decide + fold + metrics, 4 GiB guest',
    'requests',
    'requests/s',
    'vs first',
  ]);
  let first: number | undefined;
  for (const policy of policies) {
    const { requests, requestsPerSecond } = await requestSpeed(policy, workload);
    first ??= requestsPerSecond;
    table.push([
      policy,
      requests.toLocaleString('en'),
      Math.round(requestsPerSecond).toLocaleString('en'),
      `${(requestsPerSecond / first).toFixed(1)} x`,
    ]);
  }
  console.log(table.toString());
}

for (const guest of GUESTS) await foldTable(guest);
await requestTable();
