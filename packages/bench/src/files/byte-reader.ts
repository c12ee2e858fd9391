/** Where a reader gets its bytes. */
export interface ByteSource {
  /** The next bytes; none at the end. They are valid until the next call. */
  next(): Promise<Uint8Array>;
  /** Passes over bytes without reading them. Returns how many there were. */
  skip?(bytes: number): Promise<number>;
  /** Bytes of the file on disk that were read so far. */
  readonly fetched: number;
  close(): void;
}

/** Reads bytes in order. The bytes that a call returns are valid until the next call. */
export class ByteReader {
  readonly #source: ByteSource;
  /** Bytes of the last chunk that were not taken yet. */
  #held: Uint8Array = new Uint8Array();

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get fetched(): number {
    return this.#source.fetched;
  }

  /** That many bytes, or fewer at the end. */
  async take(bytes: number): Promise<Uint8Array> {
    if (this.#held.length < bytes) return this.#gather(bytes);
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  /** Bytes that lie in more than one chunk. */
  async #gather(bytes: number): Promise<Uint8Array> {
    // A damaged length may exceed the file: memory is allocated as the bytes come.
    const parts = [this.#held.slice()];
    for (let have = this.#held.length; have < bytes; ) {
      const next = await this.#source.next();
      const part = next.subarray(0, bytes - have);
      this.#held = next.subarray(part.length);
      if (part.length === 0) break;
      parts.push(part.slice());
      have += part.length;
    }
    return Buffer.concat(parts);
  }

  /** Some bytes; none at the end. */
  async some(): Promise<Uint8Array> {
    const bytes = this.#held.length > 0 ? this.#held : await this.#source.next();
    this.#held = new Uint8Array();
    return bytes;
  }

  /** Passes over bytes. Returns how many there were: fewer at the end. */
  async skip(bytes: number): Promise<number> {
    let skipped = 0;
    while (skipped < bytes) {
      if (this.#held.length === 0 && this.#source.skip !== undefined)
        return skipped + (await this.#source.skip(bytes - skipped));
      const next = await this.some();
      if (next.length === 0) break;
      const part = Math.min(next.length, bytes - skipped);
      this.#held = next.subarray(part);
      skipped += part;
    }
    return skipped;
  }

  /** To be called also if not all was read. */
  close(): void {
    this.#source.close();
  }
}
