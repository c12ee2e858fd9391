/** Builds and runs the programs in c/. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { encodeGuest, type Guest } from './guest.ts';
import { encodeLog, type RequestLog } from './request-log.ts';

const COMPILERS = ['gcc', 'cc'] as const;
const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra'] as const;

/** The C compiler of this machine, or undefined when there is none. */
export const compiler = (): string | undefined =>
  COMPILERS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);

/** One of the programs, compiled into a directory of its own that remove() deletes. */
class CProgram {
  /** What the compiler had to say; empty when it had no warning. */
  readonly warnings: string;
  readonly #directory: string;
  readonly #name: string;

  /** Throws an Error with the compiler's messages when it does not compile. */
  constructor(cc: string, name: 'first-fit' | 'whole-run', flags: readonly string[] = []) {
    this.#name = name;
    this.#directory = mkdtempSync(join(tmpdir(), `decpool-${name}-`));
    const source = fileURLToPath(new URL(`./c/${name}.c`, import.meta.url));
    const args = [...FLAGS, ...flags, '-o', this.path(name), source];
    const { status, stderr } = spawnSync(cc, args, { encoding: 'utf8' });
    if (status !== 0) {
      this.remove();
      throw new Error(`${cc} did not compile ${name}.c: ${stderr}`);
    }
    this.warnings = stderr;
  }

  /** Runs it. Returns the lines that it printed; throws an Error with its message when it refuses its input. */
  protected execute(...args: readonly string[]): string[] {
    return execFileSync(this.path(this.#name), args, { encoding: 'utf8', stdio: 'pipe' }).trim().split('\n');
  }

  /** A file in its directory. */
  protected path(name: string): string {
    return join(this.#directory, name);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const whole = z.coerce.number().int();
const checksum = z.string().regex(/^[0-9a-f]{8}$/);
const timed = {
  requests: whole,
  /** Time that passed, and time of the CPU. */
  ns: whole,
  'cpu-ns': whole,
  checksum,
};
/** `blocks`: claimed. */
const FIRST_FIT = z.object({ ...timed, blocks: whole });
const WHOLE_RUN = z.object({ ...timed, events: whole, state: z.string().regex(/^[0-9a-f]{64}$/) });

const fieldsOf = (lines: readonly string[]) => Object.fromEntries(lines.map((line) => line.split(' ')));

/** c/first-fit.c. */
export class FirstFitProgram extends CProgram {
  constructor(cc: string) {
    super(cc, 'first-fit');
  }

  /** Writes the log to a file, of which every run() reads what it serves. */
  write(log: RequestLog): void {
    writeFileSync(this.path('log'), encodeLog(log));
  }

  /** Serves the log last written. */
  run(): z.infer<typeof FIRST_FIT> {
    return FIRST_FIT.parse(fieldsOf(this.execute(this.path('log'))));
  }

  /** First page of each allocation id from 1 for the log last written. */
  placements(): Uint32Array {
    this.execute(this.path('log'), this.path('placements'));
    return new Uint32Array(new Uint8Array(readFileSync(this.path('placements'))).buffer);
  }
}

/** What a run of c/whole-run.c came to. */
export type WholeRun = z.infer<typeof WHOLE_RUN> & {
  /** By the metric's id. */
  readonly metrics: Readonly<Record<string, number>>;
};

/** c/whole-run.c. */
export class WholeRunProgram extends CProgram {
  constructor(cc: string, flags: readonly string[] = []) {
    super(cc, 'whole-run', flags);
  }

  /** Writes the files that every run() reads. */
  write(log: RequestLog, guest: Guest): void {
    writeFileSync(this.path('log'), encodeLog(log));
    writeFileSync(this.path('guest'), encodeGuest(guest, log.owners));
  }

  /** Serves the log last written. */
  run(): WholeRun {
    return this.#run([]);
  }

  /** Serves the log, and folds its rows again: the time is that of this fold. */
  fold(): WholeRun {
    return this.#run(['fold']);
  }

  #run(mode: readonly string[]): WholeRun {
    const lines = this.execute(this.path('log'), this.path('guest'), ...mode);
    const isMetric = (line: string) => line.startsWith('metric ');
    const metrics = lines.filter(isMetric).map((line) => line.split(' ').slice(1));
    return {
      ...WHOLE_RUN.parse(fieldsOf(lines.filter((line) => !isMetric(line)))),
      metrics: Object.fromEntries(metrics.map(([id, value]) => [id, Number(value)])),
    };
  }
}
