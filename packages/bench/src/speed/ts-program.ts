/** Compiles peer-run.ts as the command is compiled, and runs it beside the programs in C. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export type PeerTask = 'first-fit' | 'whole-run' | 'fold';

/** One measurement, in seconds: that passed, and of the CPU. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export class TypeScriptProgram {
  readonly #directory = mkdtempSync(join(tmpdir(), 'decpool-peer-'));
  readonly #processes: ChildProcess[] = [];

  async compile(): Promise<void> {
    await build({
      entryPoints: [fileURLToPath(new URL('./peer-run.ts', import.meta.url))],
      outfile: this.#compiled,
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      // For packages that are not ES modules.
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      logLevel: 'error',
    });
  }

  get #compiled(): string {
    return join(this.#directory, 'peer-run.mjs');
  }

  /** Starts a process for a task, and warms it up. Each call of what this returns measures the task once more. */
  async start(task: PeerTask, requests: number): Promise<() => Promise<Measured>> {
    const process = fork(this.#compiled, [task, String(requests)], { execArgv: [] });
    this.#processes.push(process);
    const answer = async () => {
      const exited = once(process, 'exit').then(([code]) => {
        throw new Error(`peer-run ${task}: exited with ${code}`);
      });
      const [message] = await Promise.race([once(process, 'message'), exited]);
      return message;
    };
    await answer();
    return () => {
      const answered = answer();
      process.send('measure');
      return answered;
    };
  }

  remove(): void {
    for (const process of this.#processes) process.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
