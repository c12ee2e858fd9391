/** peer-run.ts, to be run beside the programs in C. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Compiled, compile } from './compiled.ts';

export type PeerTask = 'first-fit' | 'whole-run' | 'fold';

/** One measurement, in seconds: that passed, and of the CPU. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export class TypeScriptProgram {
  #compiled: Compiled | undefined;
  readonly #processes: ChildProcess[] = [];

  async compile(): Promise<void> {
    this.#compiled = await compile('peer-run');
  }

  /** Starts a process for a task, and warms it up. Each call of what this returns measures the task once more. */
  async start(task: PeerTask, requests: number): Promise<() => Promise<Measured>> {
    if (this.#compiled === undefined) throw new Error('a defect: not compiled');
    const process = fork(this.#compiled.path, [task, String(requests)], { execArgv: [] });
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
    this.#compiled?.remove();
  }
}
