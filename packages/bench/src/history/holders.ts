/** What holds pages: an allocation's extent, or a slab. They have small numbers, which are given again. */
export class Holders {
  #owner = new Uint16Array(1024);
  #since = new Float64Array(1024);
  readonly #unused: number[] = [];
  /** Numbers from this on were never given; 0 stands for nobody. */
  #next = 1;

  /** The number of a new one; `since` in simulated ns. */
  add(owner: number, since: number): number {
    const number = this.#unused.pop() ?? this.#next++;
    if (number >= this.#owner.length) this.#grow();
    this.change(number, owner, since);
    return number;
  }

  change(number: number, owner: number, since: number): void {
    this.#owner[number] = owner;
    this.#since[number] = since;
  }

  remove(number: number): void {
    this.#unused.push(number);
  }

  ownerOf(number: number): number {
    return this.#owner[number];
  }

  sinceOf(number: number): number {
    return this.#since[number];
  }

  #grow(): void {
    const owner = new Uint16Array(2 * this.#owner.length);
    const since = new Float64Array(2 * this.#owner.length);
    owner.set(this.#owner);
    since.set(this.#since);
    this.#owner = owner;
    this.#since = since;
  }
}
