/** Who caused splits and leaks: the owner of the request that an event belongs to. */
import { type EventBatch, TYPE } from '@decpool/model';

export interface OwnerFigures {
  readonly owner: string;
  readonly splits2M: number;
  readonly splits1G: number;
  readonly leakedPages: number;
}

/** Splits of the deferred worker, and of what happened at boot. */
const NOBODY = 'no request';

export class ByOwner {
  /** Owner of each allocation, by its id. */
  #ownerOf = new Uint16Array(1024);
  readonly #names: string[] = [];
  readonly #figures = new Map<number, { splits2M: number; splits1G: number; leakedPages: number }>();
  /** The request that events belong to, and its owner; the worker's events carry a request that is over. */
  #request = 0;
  #owner = -1;
  #lastTime = 0;

  observe(batch: EventBatch): void {
    for (let row = 0; row < batch.length; row++) {
      switch (batch.typeAt(row)) {
        case TYPE.ownerRegistered:
          this.#names[batch.ownerAt(row)] = batch.names().get(row) ?? '';
          break;
        case TYPE.allocationRequested:
          this.#begin(batch, row, batch.ownerAt(row));
          this.#remember(batch.allocationAt(row), batch.ownerAt(row));
          break;
        case TYPE.freeRequested:
          this.#begin(batch, row, this.#ownerOf[batch.allocationAt(row)]);
          break;
        case TYPE.largePageSplit:
          if (batch.codeAt(row) === 2) this.#of(this.#causer(batch, row)).splits2M++;
          else this.#of(this.#causer(batch, row)).splits1G++;
          break;
        case TYPE.pagesLeaked:
          this.#of(batch.ownerAt(row)).leakedPages += batch.pagesAt(row);
          break;
      }
    }
  }

  #begin(batch: EventBatch, row: number, owner: number): void {
    this.#request = batch.requestAt(row);
    this.#lastTime = batch.timeAt(row);
    this.#owner = owner;
  }

  #causer(batch: EventBatch, row: number): number {
    const isWorker = batch.requestAt(row) !== this.#request || batch.timeAt(row) !== this.#lastTime;
    return isWorker ? -1 : this.#owner;
  }

  #remember(allocation: number, owner: number): void {
    if (allocation >= this.#ownerOf.length) {
      const grown = new Uint16Array(2 * allocation);
      grown.set(this.#ownerOf);
      this.#ownerOf = grown;
    }
    this.#ownerOf[allocation] = owner;
  }

  #of(owner: number): { splits2M: number; splits1G: number; leakedPages: number } {
    const known = this.#figures.get(owner);
    if (known !== undefined) return known;
    const figures = { splits2M: 0, splits1G: 0, leakedPages: 0 };
    this.#figures.set(owner, figures);
    return figures;
  }

  /** Owners that caused any, most splits first. */
  figures(): OwnerFigures[] {
    return [...this.#figures]
      .map(([owner, figures]) => ({ owner: this.#names[owner] ?? NOBODY, ...figures }))
      .sort(
        (a, b) => b.splits2M - a.splits2M || b.leakedPages - a.leakedPages || (a.owner < b.owner ? -1 : 1),
      );
  }
}
