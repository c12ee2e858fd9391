/** How long the command takes to start, beside Node itself. */
import { execFileSync } from 'node:child_process';

const ROUNDS = 2;
/** Starts in a round: a shell knows times to 10 ms only. */
const STARTS = 10;

/**
 * Throws if a start takes more than so many times the processor time of `node -e 0`. Processor time, and the least of all rounds: other
 * programs of the machine only make a round longer.
 */
export function checkStartUp(main: string, log: string): void {
  const cases: Readonly<Record<string, { readonly args: readonly string[]; readonly most: number }>> = {
    'node -e 0': { args: ['-e', '0'], most: 1 },
    '--version': { args: [main, '--version'], most: 2 },
    '--help': { args: [main, '--help'], most: 2 },
    stats: { args: [main, 'stats', log], most: 5 },
  };
  const least = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, { args }] of Object.entries(cases)) {
      least.set(name, Math.min(processorTime(args), least.get(name) ?? Number.POSITIVE_INFINITY));
    }
  }
  const node = least.get('node -e 0') ?? Number.NaN;
  for (const [name, { most }] of Object.entries(cases)) {
    const taken = least.get(name) ?? Number.NaN;
    console.log(`  ${name}: ${(1000 * taken).toFixed(0)} ms, ${(taken / node).toFixed(2)} times node -e 0`);
    if (taken > most * node) throw new Error(`${name} takes more than ${most} times what node -e 0 does`);
  }
}

/** Seconds that node spends with these arguments in a start, its own and the kernel's for it. */
function processorTime(args: readonly string[]): number {
  const script = `for i in ${'x '.repeat(STARTS)}; do "$0" "$@" >/dev/null; done; times`;
  const text = execFileSync('sh', ['-c', script, process.execPath, ...args], { encoding: 'utf8' });
  // The second line is of the children.
  const times = text
    .trim()
    .split('\n')[1]
    .matchAll(/(\d+)m([\d.]+)s/g);
  const seconds = [...times].reduce((sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest), 0);
  return seconds / STARTS;
}
