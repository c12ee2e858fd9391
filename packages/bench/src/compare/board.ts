/**
 * What the threads of a comparison share: which runs are taken, how far each is, and whether to stop. A run is a policy with a seed;
 * they are numbered policy by policy.
 */

/** The numbers in front of those of the runs. */
const IS_STOPPED = 0;
const FIRST_FAILED = 1;
const HEAD = 2;

/** In shared memory, so that it can be sent to a thread. */
export interface PackedBoard {
  readonly seeds: number;
  /** IS_STOPPED and FIRST_FAILED; then a 1 for each run that is taken; then for each run how many requests it has served. */
  readonly counts: SharedArrayBuffer;
  /** By policy: the seconds of its last run; infinite before it. */
  readonly seconds: SharedArrayBuffer;
}

export class Board {
  readonly packed: PackedBoard;
  readonly #runs: number;
  readonly #seeds: number;
  readonly #counts: Int32Array;
  readonly #seconds: Float64Array;
  /** All runs of the seeds before it are taken. */
  #seed = 0;

  constructor(packed: PackedBoard) {
    this.packed = packed;
    this.#seeds = packed.seeds;
    this.#counts = new Int32Array(packed.counts);
    this.#seconds = new Float64Array(packed.seconds);
    this.#runs = this.#seconds.length * this.#seeds;
  }

  static of(policies: number, seeds: number): Board {
    const counts = new SharedArrayBuffer(4 * (HEAD + 2 * policies * seeds));
    const seconds = new SharedArrayBuffer(8 * policies);
    new Int32Array(counts)[FIRST_FAILED] = policies * seeds;
    new Float64Array(seconds).fill(Number.POSITIVE_INFINITY);
    return new Board({ seeds, counts, seconds });
  }

  /**
   * Takes the next run; undefined if none is left. Seed by seed, since runs with one seed start from the same guess of where memory is
   * free; of these the longest first, so that no thread is left with a long one at the end. Once a run has failed only those before it
   * count: which failure is told does not depend on the threads.
   */
  take(): number | undefined {
    for (; this.#seed < this.#seeds && !this.isStopped; this.#seed++) {
      for (let run = this.#longest(); run !== undefined; run = this.#longest()) {
        if (Atomics.compareExchange(this.#counts, HEAD + run, 0, 1) === 0) return run;
      }
    }
    return undefined;
  }

  #longest(): number | undefined {
    let longest: number | undefined;
    let most = Number.NEGATIVE_INFINITY;
    const end = Math.min(this.#runs, Atomics.load(this.#counts, FIRST_FAILED));
    for (let run = this.#seed; run < end; run += this.#seeds) {
      const seconds = this.#seconds[Math.floor(run / this.#seeds)];
      if (seconds <= most || Atomics.load(this.#counts, HEAD + run) === 1) continue;
      longest = run;
      most = seconds;
    }
    return longest;
  }

  progress(run: number, served: number): void {
    Atomics.store(this.#counts, HEAD + this.#runs + run, served);
  }

  done(run: number, seconds: number): void {
    this.#seconds[Math.floor(run / this.#seeds)] = seconds;
  }

  failed(run: number): void {
    const first = Atomics.load(this.#counts, FIRST_FAILED);
    if (run >= first) return;
    if (Atomics.compareExchange(this.#counts, FIRST_FAILED, first, run) !== first) this.failed(run);
  }

  /** Requests served, over all runs. */
  get served(): number {
    return this.#counts.subarray(HEAD + this.#runs).reduce((sum, served) => sum + served, 0);
  }

  /** No run is taken any more, and those that run end. */
  stop(): void {
    Atomics.store(this.#counts, IS_STOPPED, 1);
  }

  get isStopped(): boolean {
    return Atomics.load(this.#counts, IS_STOPPED) === 1;
  }
}
