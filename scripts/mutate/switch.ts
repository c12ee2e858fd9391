/** The switch that mutated files ask, in the thread that runs the specs: which mutant is on, and which were reached. */

interface Switch {
  /** What mutated files call. */
  readonly on: (id: number) => boolean;
}

declare global {
  var __mutation: Switch | undefined;
}

/** Thrown where a mutant makes a loop that does not end. */
export class EndlessLoop extends Error {
  override readonly name = 'EndlessLoop';
}

const NONE = -1;

export class MutantSwitch {
  #on = NONE;
  #calls = 0;
  #most = Number.POSITIVE_INFINITY;
  #reached = new Set<number>();

  constructor() {
    globalThis.__mutation = {
      on: (id) => {
        if (++this.#calls > this.#most) throw new EndlessLoop(`more than ${this.#most} steps`);
        if (this.#on === NONE) this.#reached.add(id);
        return id === this.#on;
      },
    };
  }

  /** Turns a mutant on. `most`: steps after which it counts as endless. */
  turnOn(id: number, most: number): void {
    this.#on = id;
    this.#most = most;
    this.#calls = 0;
  }

  /** Turns all off, and forgets what was reached. */
  turnOff(): void {
    this.#on = NONE;
    this.#most = Number.POSITIVE_INFINITY;
    this.#calls = 0;
    this.#reached = new Set();
  }

  get calls(): number {
    return this.#calls;
  }

  /** Ids that were reached since turnOff(). */
  get reached(): ReadonlySet<number> {
    return this.#reached;
  }
}
