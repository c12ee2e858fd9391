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

  /** `30 of 120 cells | 4.5 cells/s | 20 s left`, when so many seconds have gone by. */
  text(elapsed: number): string {
    const count = `${this.done} of ${this.all} cells`;
    if (this.done === 0) return count;
    const rate = Number((this.done / elapsed).toPrecision(2));
    return `${count} | ${rate} cells/s | ${durationText(this.secondsLeft)} left`;
  }

  #of(input: string): { left: number; done: number; seconds: number } {
    const known = this.#inputs.get(input);
    if (known !== undefined) return known;
    const counts = { left: 0, done: 0, seconds: 0 };
    this.#inputs.set(input, counts);
    return counts;
  }
}

/** As people say it: `20 s`, `3 min`, `2 h 5 min`. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
