/**
 * How long a sweep still takes, estimated input by input: cells of one input can take a hundred times as long as those of
 * another.
 */
export class SweepPace {
  readonly all: number;
  done = 0;
  /** Cells that run at a time. */
  workers: number;
  /** By input: its cells that are left, and those done with the seconds they took. */
  readonly #inputs: ReadonlyMap<string, { left: number; done: number; seconds: number }>;

  /** `inputs`: that of each cell that is to be run. */
  constructor(inputs: readonly string[], workers: number) {
    this.all = inputs.length;
    this.workers = workers;
    this.#inputs = new Map(
      [...new Set(inputs)].map((input) => {
        const left = inputs.filter((other) => other === input).length;
        return [input, { left, done: 0, seconds: 0 }];
      }),
    );
  }

  /** A cell is done that took so many seconds. */
  add(input: string, seconds: number): void {
    this.done++;
    const counts = this.#inputs.get(input);
    if (counts === undefined) return;
    counts.left--;
    counts.done++;
    counts.seconds += seconds;
  }

  /** Seconds until all is done, with every worker busy. Inputs of which nothing is known yet take as long as the mean. */
  get secondsLeft(): number {
    const inputs = [...this.#inputs.values()];
    const mean = inputs.reduce((sum, { seconds }) => sum + seconds, 0) / Math.max(1, this.done);
    const expected = inputs.map(({ left, done, seconds }) => left * (done === 0 ? mean : seconds / done));
    return expected.reduce((sum, seconds) => sum + seconds, 0) / Math.max(1, this.workers);
  }
}
