import { EXIT } from './exit-status.ts';

/** What ends a command, with its exit code as a shell reports it: 128 + the number of the signal. */
const EXIT_CODES = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof EXIT_CODES;

class Stopped extends Error {
  readonly exitCode: number;

  constructor(name: Signal) {
    super(`stopped by ${name}`);
    this.exitCode = EXIT_CODES[name];
  }
}

/**
 * Runs something that a SIGINT, SIGTERM or SIGHUP stops through its signal: where it throws the signal's reason, the exit code is
 * returned. A second one ends the process at once. What must not end half-written belongs inside from its first file to its last:
 * outside they end the process where it is.
 */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T | number> {
  const stop = new AbortController();
  const interrupt = (name: Signal) => {
    if (stop.signal.aborted) process.exit(EXIT_CODES[name]);
    stop.abort(new Stopped(name));
  };
  const names = Object.keys(EXIT_CODES) as Signal[];
  const handlers = names.map((name) => ({ name, handle: () => interrupt(name) }));
  for (const { name, handle } of handlers) process.on(name, handle);
  try {
    return await run(stop.signal);
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return exitCodeOf(stop.signal);
    throw error;
  } finally {
    for (const { name, handle } of handlers) process.off(name, handle);
  }
}

/** The exit code of a command that its signal has stopped. */
export const exitCodeOf = ({ reason }: AbortSignal): number =>
  reason instanceof Stopped ? reason.exitCode : EXIT.interrupted;
