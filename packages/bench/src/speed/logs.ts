/** How fast logs are written, read, sought and verified, beside what others do with the same events: one log, a process an operation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from './compiled.ts';
import type { Timed } from './log-ops.ts';
import { grouped, speedTable } from './table.ts';

/** In this order: the first makes the log that the others read, and writing NDJSON leaves one. */
const OPERATIONS = {
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
  'generate handover': 'run a pool under the policies of the fork, and write Arrow',
} as const;
type Operation = keyof typeof OPERATIONS;

type Measured = Readonly<Record<Operation, Timed>>;

/** Throws when an operation fails; its own message says why. */
export async function logTables(events: number): Promise<string> {
  const program = await compile('log-ops');
  const folder = mkdtempSync(join(tmpdir(), 'decpool-speed-'));
  try {
    const timed = {} as Record<Operation, Timed>;
    for (const operation of Object.keys(OPERATIONS) as Operation[]) {
      timed[operation] = program.printed(operation, folder, String(events)) as Timed;
    }
    return `${logTable(timed)}\n${ratioLines(timed).join('\n')}`;
  } finally {
    rmSync(folder, { recursive: true });
    program.remove();
  }
}

const perSecond = ({ events, seconds }: Timed) => events / seconds;

const logTable = (timed: Measured): string =>
  speedTable(
    [`a log of ${grouped(timed.generate.events)} events`, 'events', 'seconds', 'events/s', 'peak MiB'],
    Object.entries(timed).map(([operation, each]) => {
      const { events, seconds, latencies, peakMemory } = each;
      return [
        OPERATIONS[operation as Operation],
        grouped(events),
        latencies === undefined ? seconds.toFixed(2) : `${latencies[50].toFixed(0)} ms`,
        latencies === undefined ? grouped(perSecond(each)) : `p99 ${latencies[98].toFixed(0)} ms`,
        grouped(peakMemory / 2 ** 20),
      ];
    }),
  );

function ratioLines(timed: Measured): string[] {
  const ratio = (a: Operation, b: Operation) => (perSecond(timed[a]) / perSecond(timed[b])).toFixed(2);
  const size = ({ bytes = 0, events }: Timed) => (bytes / events).toFixed(1);
  return [
    `bytes per event: Arrow ${size(timed['write arrow'])}, NDJSON ${size(timed['write ndjson'])}`,
    `read NDJSON / JSON.parse loop: ${ratio('read ndjson', 'JSON.parse')}; read Arrow / apache-arrow scan: ${ratio('read arrow', 'Arrow scan')}`,
    `fold / emmett: ${ratio('fold', 'emmett, copying')} where it copies, ${ratio('fold', 'emmett, mutating')} where its state is changed in place`,
    `a run in the time of verify: ${ratio('verify', 'generate')}; of the same policies in the time of fork: ${ratio('fork', 'generate handover')}`,
    'emmett folds the first 200,000 events into a fraction of the state, and checks no rule',
  ];
}
