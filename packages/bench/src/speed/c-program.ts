/** Builds and runs first-fit.c. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { encodeLog, type RequestLog } from './request-log.ts';

const SOURCE = fileURLToPath(new URL('./first-fit.c', import.meta.url));
const COMPILERS = ['gcc', 'cc'] as const;
const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra'] as const;

/** The C compiler of this machine, or undefined when there is none. */
export const compiler = (): string | undefined =>
  COMPILERS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);

const OUTPUT = z.object({
  requests: z.coerce.number().int(),
  ns: z.coerce.number().int(),
  checksum: z.string().regex(/^[0-9a-f]{8}$/),
  /** Blocks claimed. */
  blocks: z.coerce.number().int(),
});

/** The program, compiled into a directory of its own that remove() deletes. */
export class CProgram {
  /** What the compiler had to say; empty when it had no warning. */
  readonly warnings: string;
  readonly #directory: string;
  readonly #program: string;

  /** Throws an Error with the compiler's messages when it does not compile. */
  constructor(cc: string) {
    this.#directory = mkdtempSync(join(tmpdir(), 'decpool-first-fit-'));
    this.#program = join(this.#directory, 'first-fit');
    const { status, stderr } = spawnSync(cc, [...FLAGS, '-o', this.#program, SOURCE], { encoding: 'utf8' });
    if (status !== 0) {
      this.remove();
      throw new Error(`${cc} did not compile first-fit.c: ${stderr}`);
    }
    this.warnings = stderr;
  }

  /** Writes the log to a file, of which every run() reads what it serves. */
  write(log: RequestLog): void {
    writeFileSync(this.#path('log'), encodeLog(log));
  }

  /** Serves the log last written. Throws an Error with the program's message when it refuses it. */
  run(): z.infer<typeof OUTPUT> {
    const lines = this.#execute().trim().split('\n');
    return OUTPUT.parse(Object.fromEntries(lines.map((line) => line.split(' '))));
  }

  /** First page of each allocation id from 1 for the log last written. */
  placements(): Uint32Array {
    this.#execute(this.#path('placements'));
    return new Uint32Array(new Uint8Array(readFileSync(this.#path('placements'))).buffer);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #execute(...more: string[]): string {
    return execFileSync(this.#program, [this.#path('log'), ...more], { encoding: 'utf8', stdio: 'pipe' });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
