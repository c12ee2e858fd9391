/** What was made last, by its key: for what is costly to make and asked for several times in a row. */
export class Latest<Made> {
  readonly #kept: number;
  /** A map keeps its keys in the order in which they were set. */
  readonly #byKey = new Map<string, Made>();

  /** `kept`: how many; the one that was asked for least recently goes first. */
  constructor(kept: number) {
    this.#kept = kept;
  }

  get(key: string, make: () => Made): Made {
    const made = this.#byKey.get(key) ?? make();
    this.#byKey.delete(key);
    this.#byKey.set(key, made);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > this.#kept) this.#byKey.delete(oldest);
    return made;
  }
}
