import { expect } from 'vitest';
import { tellFailure } from './failure.ts';
import type { Output } from './output.ts';
import { programOf, run } from './program.ts';

/** Keeps what is written, as into a pipe that nobody watches. */
export function keptOutput(settings: Partial<Output> = {}): Output & { written: string; told: string } {
  const output = {
    written: '',
    told: '',
    write(text: string) {
      output.written += text;
    },
    tell(text: string) {
      output.told += text;
    },
    isColoured: false,
    columns: 100,
    isWatched: false,
    ...settings,
  };
  return output;
}

/** The command in this process, without the time that a process takes to start. */
export async function decpool(
  ...words: string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const output = keptOutput();
  let code = 0;
  const exit = (given: number) => {
    code = given;
  };
  try {
    await run({ words, output, exit });
  } catch (error) {
    code = tellFailure(error, output);
  }
  return { code, stdout: output.written, stderr: output.told };
}

/** The program, for what it says about itself. */
export const anyProgram = () => programOf({ words: [], output: keptOutput(), exit: () => {} });

/** Nothing on standard error but how far a long run is, a line now and then. */
export const PROGRESS_ONLY: string = expect.stringMatching(/^(\S+: [\d,]+ of [\d,]+ requests.*\n)*$/);
