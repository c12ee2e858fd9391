/**
 * The tool's own speed, measured in this run. Ratios count; the absolute figures are this machine's. Arguments: the parts to
 * measure, of fold, requests, peer, logs and page (default: all).
 */
import { bulkSpeed, type Guest, history, liveSpeed, naiveSpeed } from './fold.ts';
import { peerTable } from './peer.ts';
import { PLAIN_POLICY, speedPolicies } from './policies.ts';
import { secondsOfRun, speedWorkload } from './requests.ts';
import { grouped, speedTable, times } from './table.ts';

const GUESTS: readonly Guest[] = [
  { name: '64 GiB guest', bytes: 64 * 2 ** 30, liveAllocations: 1_000_000 },
  { name: '4 GiB guest', bytes: 4 * 2 ** 30, liveAllocations: 60_000 },
];

async function foldTable(guest: Guest): Promise<string> {
  const events = history(guest, 300_000);
  const naive = await naiveSpeed(events, 4_000, true);
  const withoutFreezing = await naiveSpeed(events, 4_000, false);
  const title = `${guest.name}, ${events.liveAllocations} live allocations`;
  return speedTable(
    [title, 'events', 'ns/event', 'events/s', 'vs naive'],
    [naive, withoutFreezing, liveSpeed(events, 50_000), bulkSpeed(events)].map(
      ({ way, events: count, nsPerEvent }) => [
        way,
        grouped(count),
        nsPerEvent.toFixed(0),
        grouped(1e9 / nsPerEvent),
        times(naive.nsPerEvent / nsPerEvent, 1),
      ],
    ),
  );
}

const RUN_REQUESTS = 1_000_000;

async function requestTable(): Promise<string> {
  const policies = speedPolicies();
  // A short run of each first: compiled code is timed, as in any long comparison.
  const warmUp = speedWorkload(100_000);
  for (const policy of policies) await secondsOfRun(policy, warmUp);
  const workload = speedWorkload(RUN_REQUESTS);
  const seconds = new Map<string, number>();
  for (const policy of policies) seconds.set(policy, await secondsOfRun(policy, workload));
  const plain = seconds.get(PLAIN_POLICY) ?? Number.NaN;
  return speedTable(
    ['compare run: decide + fold + metrics, 4 GiB guest', 'requests', 'requests/s', 'vs first-fit'],
    [...seconds].map(([policy, taken]) => [
      policy === PLAIN_POLICY ? `${policy} (first-fit)` : policy,
      grouped(RUN_REQUESTS),
      grouped(RUN_REQUESTS / taken),
      times(plain / taken),
    ]),
  );
}

/** Events of the log that is read and sought. */
const LOG_EVENTS = 10_000_000;

const PARTS: readonly (readonly [part: string, table: () => Promise<string>])[] = [
  ...GUESTS.map((guest) => ['fold', () => foldTable(guest)] as const),
  ['requests', requestTable],
  ['peer', peerTable],
  ['logs', async () => (await import('./logs.ts')).logTables(LOG_EVENTS)],
  ['page', async () => (await import('./page.ts')).pageTable()],
];

const wanted = process.argv.slice(2);
for (const [part, table] of PARTS) {
  if (wanted.length === 0 || wanted.includes(part)) console.log(`${await table()}\n`);
}
