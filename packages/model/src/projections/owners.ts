/** The names of owners and caches by number, and the owner of each allocation, also after it is freed. */
import { columnsOf, type EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import { eventSet } from './event-sets.ts';
import type { Projection } from './projection.ts';

/** Owners by number, and of each allocation. */
export class Owners implements Projection {
  readonly sees = eventSet('allocation-requested', 'owner-registered');
  readonly names: string[] = [];
  /** By allocation. */
  #owners = new Uint16Array(1024);

  observe(batch: EventBatch, row: number): void {
    const type = batch.typeAt(row);
    if (type === TYPE.allocationRequested) this.#set(batch.allocationAt(row), batch.ownerAt(row));
    else if (type === TYPE.ownerRegistered) {
      this.names[batch.ownerAt(row)] = columnsOf(batch).names.get(row) ?? '';
    }
  }

  #set(allocation: number, owner: number): void {
    if (allocation >= this.#owners.length) {
      const grown = new Uint16Array(2 * allocation);
      grown.set(this.#owners);
      this.#owners = grown;
    }
    this.#owners[allocation] = owner;
  }

  /** Number of an allocation's owner. */
  of(allocation: number): number {
    return this.#owners[allocation];
  }

  /** Name of an allocation's owner; empty if it is not known. */
  nameOf(allocation: number): string {
    return this.names[this.of(allocation)] ?? '';
  }
}
