import { EXIT } from './exit-status.ts';

/**
 * Runs something that a SIGINT stops through its signal. A second one ends the process at once. What must not end half-written
 * belongs inside from its first file to its last: outside a SIGINT ends the process where it is.
 */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  try {
    return await run(stop.signal);
  } finally {
    process.off('SIGINT', interrupt);
  }
}
