/** How fast logs are written, read, sought and verified, beside what others do with the same events: one log, a process an operation. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import type { Timed } from './log-ops.ts';

/** In this order: the first makes the log that the others read, and writing NDJSON leaves one. */
const OPERATIONS = [
  'generate',
  'write arrow',
  'write ndjson',
  'fold',
  'read arrow',
  'read+fold arrow',
  'Arrow scan',
  'read ndjson',
  'read+fold ndjson',
  'JSON.parse',
  'emmett, mutating',
  'emmett, copying',
  'seek arrow',
  'seek ndjson',
  'verify',
  'explain',
  'fork',
] as const;
type Operation = (typeof OPERATIONS)[number];

const SHOWN: Readonly<Record<Operation, string>> = {
  generate: 'run a pool, and write what happens as Arrow',
  'write arrow': 'write Arrow: checkpoints, keyframes, seal',
  'write ndjson': 'write NDJSON: the same',
  fold: 'fold, from memory',
  'read arrow': 'read Arrow, hashes checked',
  'read+fold arrow': 'read Arrow and fold',
  'Arrow scan': 'peer: apache-arrow, each column summed up',
  'read ndjson': 'read NDJSON, hashes checked',
  'read+fold ndjson': 'read NDJSON and fold',
  'JSON.parse': 'peer: JSON.parse of each line',
  'emmett, mutating': 'peer: emmett aggregateStream, state changed in place',
  'emmett, copying': 'peer: emmett aggregateStream, a new state per event',
  'seek arrow': 'seek Arrow: 100 random events',
  'seek ndjson': 'seek NDJSON: 100 random events',
  verify: 'verify: look, and make all requests again',
  explain: 'explain a block',
  fork: 'fork in the middle',
};

/** Throws when an operation fails; its own message says why. */
export function logTables(events: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-speed-'));
  try {
    const timed = new Map<Operation, Timed>();
    for (const operation of OPERATIONS) timed.set(operation, timedRun(operation, folder, events));
    return `${speedTable(timed)}\n${ratioLines(timed).join('\n')}\n`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function timedRun(operation: Operation, folder: string, events: number): Timed {
  const program = fileURLToPath(new URL('./log-ops.ts', import.meta.url));
  const args = ['--import', 'tsx', program, operation, folder, String(events)];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

const perSecond = ({ events, seconds }: Timed) => events / seconds;
const grouped = (value: number) => Math.round(value).toLocaleString('en');

function speedTable(timed: ReadonlyMap<Operation, Timed>): string {
  const { events } = known(timed, 'generate');
  const table = new Table({
    head: [`a log of ${grouped(events)} events`, 'events', 'seconds', 'events/s', 'peak MiB'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  });
  for (const [operation, each] of timed) {
    const { latencies, seconds } = each;
    table.push([
      SHOWN[operation],
      grouped(each.events),
      latencies === undefined ? seconds.toFixed(2) : `${latencies[50].toFixed(0)} ms`,
      latencies === undefined ? grouped(perSecond(each)) : `p99 ${latencies[98].toFixed(0)} ms`,
      grouped(each.peakMemory / 2 ** 20),
    ]);
  }
  return table.toString();
}

function ratioLines(timed: ReadonlyMap<Operation, Timed>): string[] {
  const speed = (operation: Operation) => perSecond(known(timed, operation));
  const ratio = (a: Operation, b: Operation) => (speed(a) / speed(b)).toFixed(2);
  const size = (operation: Operation) => {
    const { bytes = 0, events } = known(timed, operation);
    return (bytes / events).toFixed(1);
  };
  return [
    `bytes per event: Arrow ${size('write arrow')}, NDJSON ${size('write ndjson')}`,
    `read NDJSON / JSON.parse loop: ${ratio('read ndjson', 'JSON.parse')}; read Arrow / apache-arrow scan: ${ratio('read arrow', 'Arrow scan')}`,
    `fold / emmett: ${ratio('fold', 'emmett, copying')} where it copies, ${ratio('fold', 'emmett, mutating')} where its state is changed in place`,
    'emmett folds the first 200,000 events into a fraction of the state, and checks no rule',
  ];
}

function known(timed: ReadonlyMap<Operation, Timed>, operation: Operation): Timed {
  const each = timed.get(operation);
  if (each === undefined) throw new Error(`${operation} was not run`);
  return each;
}
