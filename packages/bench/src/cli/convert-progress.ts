import type { Output } from './command-context.ts';
import { EXIT } from './exit-status.ts';
import { interruptible } from './interrupt.ts';
import { counted } from './progress.ts';

/** What lets somebody watch a log being converted, and stop it. */
export interface Watched {
  readonly onProgress: (done: number, all: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs something that tells how far it is, which a SIGINT stops: what it made half is removed then as after a mistake. Returns the
 * exit code.
 */
export function watched(
  name: string,
  output: Output,
  run: (watched: Watched) => Promise<void>,
): Promise<number> {
  return interruptible(async (signal) => {
    const bar = counted(name, 'events', output);
    try {
      await run({ onProgress: (done, all) => bar.show(done, all), signal });
      return 0;
    } catch (error) {
      if (signal.aborted && error === signal.reason) return EXIT.interrupted;
      throw error;
    } finally {
      bar.stop();
    }
  });
}
