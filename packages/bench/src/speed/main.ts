/**
 * The tool's own speed, every figure measured in this run: ways to carry the state side by side, whole comparison
 * runs per policy, first fit beside the same in C, a log of ten million events, and the page of
 * a report. Ratios are what counts; the absolute figures are this machine's. Names of parts may be given: fold, requests, peer,
 * logs, page.
 */

import Table from 'cli-table3';
import { compiler } from './c-program.ts';
import { bulkSpeed, type FoldSpeed, type Guest, history, liveSpeed, naiveSpeed } from './fold.ts';
import { comparePeers } from './peer.ts';
import { PLAIN_POLICY, speedPolicies } from './policies.ts';
import { type RequestSpeed, requestSpeed, speedWorkload } from './requests.ts';

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
  const policies = speedPolicies();
  // A short run of each first: what is timed is compiled code, as in any long comparison.
  const warmUp = speedWorkload(100_000);
  for (const policy of policies) await requestSpeed(policy, warmUp);
  const workload = speedWorkload(1_000_000);
  const speeds: RequestSpeed[] = [];
  for (const policy of policies) speeds.push(await requestSpeed(policy, workload));
  const plain = speeds.find(({ policy }) => policy === PLAIN_POLICY)?.requestsPerSecond ?? Number.NaN;
  const table = newTable([
    'compare run: decide + fold + metrics, 4 GiB guest',
    'requests',
    'requests/s',
    'vs first-fit',
  ]);
  for (const { policy, requests, requestsPerSecond } of speeds) {
    table.push([
      policy === PLAIN_POLICY ? `${policy} (first-fit)` : policy,
      requests.toLocaleString('en'),
      Math.round(requestsPerSecond).toLocaleString('en'),
      `${(requestsPerSecond / plain).toFixed(2)} x`,
    ]);
  }
  console.log(`${table.toString()}\n`);
}

async function peerTable(): Promise<void> {
  const cc = compiler();
  if (cc === undefined) {
    console.log('C beside TypeScript: skipped: no gcc (apt-get install gcc)');
    return;
  }
  const { requests, checksum, speeds } = await comparePeers(cc);
  const table = newTable(['C beside TypeScript, 4 GiB guest', 'requests', 'requests/s', 'time vs C']);
  for (const { what, requestsPerSecond, ratio } of speeds) {
    table.push([
      what,
      requests.toLocaleString('en'),
      Math.round(requestsPerSecond).toLocaleString('en'),
      `${ratio.toFixed(2)} x`,
    ]);
  }
  console.log(table.toString());
  console.log(`C and TypeScript put every allocation in the same place (checksum ${checksum}).`);
}

/** Events of the log that is read and sought. */
const LOG_EVENTS = 10_000_000;

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  async fold() {
    for (const guest of GUESTS) await foldTable(guest);
  },
  requests: requestTable,
  peer: peerTable,
  async logs() {
    const { logTables } = await import('./logs.ts');
    console.log(`${logTables(LOG_EVENTS)}\n`);
  },
  async page() {
    const { pageTable } = await import('./page.ts');
    console.log(`${await pageTable()}\n`);
  },
};

const wanted = process.argv.slice(2);
for (const [name, part] of Object.entries(PARTS))
  if (wanted.length === 0 || wanted.includes(name)) await part();
