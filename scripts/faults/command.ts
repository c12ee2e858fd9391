/** The real command, run under a fault, and what must hold of it in any case. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const DECPOOL = fileURLToPath(new URL('../../packages/bench/bin/decpool.js', import.meta.url));

/** ms after which a command counts as hung. */
const MOST = 300_000;

export interface Options {
  /** Shell commands before it, as `ulimit -n 20`. */
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the command's output, as `head -1` does. */
  readonly closesOutput?: boolean;
  /** Called again and again while the command runs, until it returns true. */
  readonly strike?: (child: ChildProcess) => boolean;
  readonly cwd?: string;
}

export interface Ended {
  /** As a shell has it: 128 more than a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly isHung: boolean;
  readonly wasStruck: boolean;
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGPIPE: 13,
  SIGTERM: 15,
};

export async function decpool(words: readonly string[], options: Options = {}): Promise<Ended> {
  const { shell, env = {}, closesOutput = false, strike, cwd = ROOT } = options;
  const call = [process.execPath, DECPOOL, ...words];
  const [file, ...args] = shell === undefined ? call : ['bash', '-c', `${shell}; exec "$@"`, 'bash', ...call];
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  if (closesOutput) child.stdout.destroy();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  let isOver = false;
  let isHung = false;
  const ended = new Promise<number>((resolve) => {
    child.on('close', (code, signal) => {
      isOver = true;
      resolve(code ?? 128 + (SIGNALS[String(signal)] ?? 127));
    });
  });
  const start = performance.now();
  let wasStruck = false;
  while (!isOver) {
    if (strike !== undefined && !wasStruck) wasStruck = strike(child);
    if (performance.now() - start > MOST) {
      isHung = true;
      child.kill('SIGKILL');
    }
    await Promise.race([ended, setTimeout(wasStruck || strike === undefined ? 200 : 5)]);
  }
  return { code: await ended, ...text, isHung, wasStruck };
}

/** What no command may do under any fault: hang, print a stack trace, call it a defect, or end by a signal of its own. */
export function lost(
  { code, stderr, stdout, isHung }: Ended,
  allowed: readonly number[],
): string | undefined {
  if (isHung) return 'hangs';
  if (/^ {4}at |a defect, please report/m.test(stdout + stderr)) return `a stack trace: ${tail(stderr)}`;
  if (!allowed.includes(code)) return `exit status ${code}: ${tail(stderr)}`;
  if (code === 2 && !/^decpool: .+\n$/m.test(stderr)) return `no message: ${tail(stderr)}`;
  return undefined;
}

/** Lines of an error: progress is left out. */
export const errorLines = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line !== '' && !/^\S+: [\d,]+ of [\d,]+ |^sweep |^\S+: \d/.test(line));

const tail = (text: string): string => JSON.stringify(text.slice(-300));
