import { EXIT } from './exit-status.ts';

/**
 * Runs something that a SIGINT stops through its signal: where it throws the signal's reason, this is the exit code. A second one ends
 * the process at once. What must not end half-written belongs inside from its first file to its last: outside a SIGINT ends the
 * process where it is.
 */
export async function interruptible<T>(
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T | typeof EXIT.interrupted> {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  try {
    return await run(stop.signal);
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return EXIT.interrupted;
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}
