/** How much code the command runs to start, which is checked, and how long that takes beside Node itself, which is only printed. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = 2;
/** Starts in a round: a shell knows times to 10 ms only. */
const STARTS = 10;

interface Start {
  readonly args: readonly string[];
  /** Aim: at most so many times the processor time of `node -e 0`. It depends on the machine and on what else runs there. */
  readonly aim: number;
  /** kB of JavaScript that it may evaluate. */
  readonly most: number;
}

/** Throws if a start evaluates much more code than today, with which it meets its aim on a quiet machine. */
export function checkStartUp(main: string, log: string): void {
  const starts: Readonly<Record<string, Start>> = {
    'node -e 0': { args: ['-e', '0'], aim: 1, most: 0 },
    // The entry, and no module of the program.
    '--version': { args: [main, '--version'], aim: 2, most: 15 },
    // What wraps lines. With commander and the declarations of all commands it would be 330 kB.
    '--help': { args: [main, '--help'], aim: 2, most: 40 },
    // Commander, the declarations of all commands and the packages that read an Arrow file.
    stats: { args: [main, 'stats', log], aim: 5, most: 1500 },
  };
  const times = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, { args }] of Object.entries(starts)) {
      times.set(name, Math.min(processorTime(args), times.get(name) ?? Number.POSITIVE_INFINITY));
    }
  }
  const node = times.get('node -e 0') ?? Number.NaN;
  for (const [name, { args, aim, most }] of Object.entries(starts)) {
    const time = times.get(name) ?? Number.NaN;
    const { files, bytes } = evaluated(args);
    const isMet = time <= aim * node ? 'met' : 'not met in this run';
    console.log(
      `  ${name}: ${(bytes / 1000).toFixed(0)} kB of JavaScript in ${files} files; ${(1000 * time).toFixed(0)} ms, ` +
        `${(time / node).toFixed(2)} times node -e 0 (aim: at most ${aim}; ${isMet})`,
    );
    if (bytes > 1000 * most) throw new Error(`${name} evaluates more than ${most} kB of JavaScript`);
  }
}

/** The files whose code a start evaluates, as V8 reports them: the same on every machine. */
function evaluated(args: readonly string[]): { readonly files: number; readonly bytes: number } {
  const folder = mkdtempSync(join(tmpdir(), 'decpool-coverage-'));
  try {
    const env = { ...process.env, NODE_V8_COVERAGE: folder };
    execFileSync(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const urls = readdirSync(folder).flatMap((name) => {
      const report: { readonly result: readonly { readonly url: string }[] } = JSON.parse(
        readFileSync(join(folder, name), 'utf8'),
      );
      return report.result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
    });
    const files = [...new Set(urls)].map((url) => fileURLToPath(url));
    return { files: files.length, bytes: files.reduce((sum, file) => sum + statSync(file).size, 0) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Seconds of processor time of a start of node with these arguments, its own and the kernel's for it. */
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
