import { INTERRUPTED, type Output } from './command-context.ts';
import { counted } from './progress.ts';

/** What lets somebody watch a log being converted, and stop it. */
export interface Watched {
  readonly onProgress: (done: number, all: number) => void;
  readonly signal: AbortSignal;
}

/** Thrown where a SIGINT stopped something. */
class Interrupted extends Error {}

/**
 * Runs something that tells how far it is, which a SIGINT stops: what it made half is removed then as after a mistake. Returns the
 * exit code.
 */
export async function watched(
  name: string,
  output: Output,
  run: (watched: Watched) => Promise<void>,
): Promise<number> {
  const bar = counted(name, 'events', output);
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Interrupted());
  process.once('SIGINT', interrupt);
  try {
    await run({ onProgress: (done, all) => bar.show(done, all), signal: controller.signal });
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return INTERRUPTED;
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    bar.stop();
  }
}
