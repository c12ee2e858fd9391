/**
 * pnpm faults [WORD...] [--lines N] [--damages N]
 *
 * Runs the real command under each fault, and prints a table: the fault, the commands tried, tried x survived. Exits with 1 if a
 * command did not survive, and says why. WORD: only faults whose names contain it. --lines: of the long trace and its log that are
 * read with little memory (default: 1,000,000). --damages: of each kind that are done to a small log (default: 500); 100,000 are all
 * that there are.
 */
import { parseArgs } from 'node:util';
import { damageFaults } from './damage.ts';
import type { Fault } from './fault.ts';
import { inputFaults } from './inputs.ts';
import { limitFaults } from './limits.ts';
import { policyFaults } from './policies.ts';
import { signalFaults } from './signals.ts';
import { spaceFaults } from './space.ts';
import { makeWorld, removeWorld } from './world.ts';
import { writerFaults } from './writers.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    lines: { type: 'string', default: '1000000' },
    damages: { type: 'string', default: '500' },
  },
});

const world = await makeWorld();
const rows: string[] = [];
let losses = 0;
try {
  const all: Fault[] = [
    ...signalFaults(world),
    ...spaceFaults(world),
    ...limitFaults(world, Number(values.lines)),
    ...writerFaults(world),
    ...policyFaults(world),
    ...inputFaults(world),
    ...(await damageFaults(world, Number(values.damages))),
  ];
  const isWanted = ({ name }: Fault) =>
    positionals.length === 0 || positionals.some((word) => name.toLowerCase().includes(word.toLowerCase()));
  for (const fault of all.filter(isWanted)) rows.push(await rowOf(fault));
} finally {
  removeWorld(world);
}
console.log(['| fault | commands | tried | survived |', '|---|---|---:|---:|', ...rows].join('\n'));
if (losses > 0) {
  console.error(`${losses} lost`);
  process.exitCode = 1;
}

async function rowOf({ name, tries, skipped }: Fault): Promise<string> {
  if (skipped !== undefined) return `| ${name} | skipped: ${skipped} | 0 | 0 |`;
  let survived = 0;
  for (const { command, what, run } of tries) {
    const why = await run();
    if (why === undefined) survived++;
    else console.error(`LOST ${name}: ${command}${what === undefined ? '' : ` (${what})`}: ${why}`);
  }
  losses += tries.length - survived;
  const commands = [...new Set(tries.map(({ command }) => command))].join(', ');
  console.error(`${name}: ${survived} of ${tries.length}`);
  return `| ${name} | ${commands} | ${tries.length} | ${survived} |`;
}
