/** For specs: waits that are written down and end a hundred times as early. */
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

const FASTER = 100;
const { setTimeout } = timers;

/** Waits by setTimeout of node:timers/promises, until `restore()`. */
export class Waits {
  /** Milliseconds of each, as the code asked for. */
  readonly asked: number[] = [];

  constructor() {
    use((ms = 0, value, options) => {
      this.asked.push(ms);
      return setTimeout(ms / FASTER, value, options);
    });
  }

  restore(): void {
    use(setTimeout);
  }
}

function use(wait: typeof setTimeout): void {
  Object.assign(timers, { setTimeout: wait });
  syncBuiltinESMExports();
}
