/**
 * How fast a sweep goes, and how long it will. Cells of one input take about as long as each other, and those of another
 * a hundred times that: so what is left is estimated input by input.
 */
export class SweepPace {
  readonly all: number;
  done = 0;
  readonly #workers: number;
  /** By input: its cells that are left, and those done with the seconds they took. */
  readonly #inputs = new Map<string, { left: number; done: number; seconds: number }>();

  /** `inputs`: that of each cell that is to be run. */
  constructor(inputs: readonly string[], workers: number) {
    this.all = inputs.length;
    this.#workers = workers;
    for (const input of inputs) this.#of(input).left++;
  }

  /** A cell is done that took so many seconds. */
  add(input: string, seconds: number): void {
    const counts = this.#of(input);
    counts.left--;
    counts.done++;
    counts.seconds += seconds;
    this.done++;
  }

  /** Seconds until all is done, with every worker busy. Inputs of which nothing is known yet take as long as the mean. */
  get secondsLeft(): number {
    const inputs = [...this.#inputs.values()];
    const total = inputs.reduce((sum, { seconds }) => sum + seconds, 0);
    const mean = total / Math.max(1, this.done);
    const left = inputs.reduce(
      (sum, { left, done, seconds }) => sum + left * (done === 0 ? mean : seconds / done),
      0,
    );
    return left / this.#workers;
  }

  #of(input: string): { left: number; done: number; seconds: number } {
    const known = this.#inputs.get(input);
    if (known !== undefined) return known;
    const counts = { left: 0, done: 0, seconds: 0 };
    this.#inputs.set(input, counts);
    return counts;
  }
}
