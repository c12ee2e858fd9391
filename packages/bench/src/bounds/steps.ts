/** Work that takes long, in steps: between two of them others have their turn. */
import { setImmediate } from 'node:timers/promises';

/** Yields after each step of less than some ms; returns what it comes to. */
export type Steps<T> = Generator<void, T, void>;

/** ms between two turns of others. */
const TURN_MS = 50;

/** All steps; timers, messages and signals of the process have a turn in between. Throws the reason of `signal` once it was aborted. */
export async function inTurns<T>(steps: Steps<T>, signal: AbortSignal): Promise<T> {
  let turn = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() - turn < TURN_MS) continue;
    await setImmediate();
    signal.throwIfAborted();
    turn = performance.now();
  }
}
