import { SingleBar } from 'cli-progress';
import { INTERRUPTED, type Output } from './command-context.ts';

/** What lets somebody watch a log being converted, and stop it. */
export interface Watched {
  readonly onProgress: (done: number, all: number) => void;
  readonly signal: AbortSignal;
}

/** Thrown where a SIGINT stopped something. */
class Interrupted extends Error {}

/**
 * Runs something with a bar on a terminal, which a SIGINT stops: what it made half is removed then as after a mistake. Returns the
 * exit code.
 */
export async function watched(
  name: string,
  output: Output,
  run: (watched: Watched) => Promise<void>,
): Promise<number> {
  const bar = output.isWatched ? eventsBar(name) : undefined;
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Interrupted());
  process.once('SIGINT', interrupt);
  try {
    await run({ onProgress: (done, all) => bar?.show(done, all), signal: controller.signal });
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return INTERRUPTED;
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    bar?.stop();
  }
}

function eventsBar(name: string): { show(done: number, all: number): void; stop(): void } {
  const bar = new SingleBar({
    format: `${name} {bar} {percentage} % | {value}/{total} events | {eta_formatted} left`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  let isShown = false;
  return {
    show(done, all) {
      if (!isShown) bar.start(all, 0);
      isShown = true;
      bar.update(done);
      // What comes behind it is for the terminal too.
      if (done === all) bar.stop();
    },
    stop: () => bar.stop(),
  };
}
