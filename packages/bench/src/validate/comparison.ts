/** One value that the kernel has otherwise than the model. */
export interface Mismatch {
  readonly line: number;
  /** The column, or the place in the map. */
  readonly what: string;
  readonly kernel: string;
  readonly model: string;
}

/** Compares values, counts, and keeps the first mismatch: what follows it is often only its consequence. */
export class Comparison {
  #count = 0;
  #mismatches = 0;
  #first: Mismatch | undefined;

  equal(line: number, what: string, kernel: number | string, model: number | string): void {
    this.#count++;
    if (kernel === model) return;
    this.#mismatches++;
    this.#first ??= { line, what, kernel: String(kernel), model: String(model) };
  }

  /** Values compared. */
  get count(): number {
    return this.#count;
  }

  get mismatches(): number {
    return this.#mismatches;
  }

  get first(): Mismatch | undefined {
    return this.#first;
  }
}
