/**
 * The layer above the policy that serves small objects. It keeps the slabs of each cache and a map of their units; all
 * of that is derived from the events that it records. It asks the policy for pages and knows nothing of where they come from.
 */
import type { SlabId } from '@decpool/model';
import type { SlabCache } from './slab-cache.ts';

/** A slab and which of its units are used. */
class Slab {
  readonly id: SlabId;
  readonly cache: SlabCache;
  readonly #used: Uint8Array;
  freeUnits: number;
  /** No unit below this one is free. */
  #lowest = 0;
  /** As many units as this, or more, have been looked for in vain since the last were given back. */
  #tooMany = Number.POSITIVE_INFINITY;

  constructor(id: SlabId, cache: SlabCache) {
    this.id = id;
    this.cache = cache;
    this.#used = new Uint8Array(Math.floor((cache.pages * 4096) / cache.unitBytes));
    this.freeUnits = this.#used.length;
  }

  get isEmpty(): boolean {
    return this.freeUnits === this.#used.length;
  }

  /** Takes the lowest run of free units that begins at a multiple of `align` and returns its first, or -1. */
  take(units: number, align: number): number {
    if (units >= this.#tooMany) return -1;
    const used = this.#used;
    while (this.#lowest < used.length && used[this.#lowest] === 1) this.#lowest++;
    let first = Math.ceil(this.#lowest / align) * align;
    let end = first;
    while (end < used.length) {
      if (used[end] === 1) {
        first = Math.ceil((end + 1) / align) * align;
        end = first;
      } else if (++end - first === units) {
        used.fill(1, first, end);
        this.freeUnits -= units;
        return first;
      }
    }
    // At any alignment: what does not fit a free run of the slab now will not until more is free.
    if (align === 1) this.#tooMany = units;
    return -1;
  }

  give(first: number, units: number): void {
    this.#used.fill(0, first, first + units);
    this.freeUnits += units;
    this.#tooMany = Number.POSITIVE_INFINITY;
    if (first < this.#lowest) this.#lowest = first;
  }
}

/** Where an object was put. */
interface PlacedObject {
  readonly slab: SlabId;
  readonly unit: number;
}

export class SlabLayer {
  /** Slabs with free units, by key of cache. The first that fits is used, so that the last ones run empty. */
  readonly #partial = new Map<string, Slab[]>();
  readonly #slabs = new Map<SlabId, Slab>();
  readonly #keys = new Map<SlabId, string>();

  /** A run of free units at a multiple of `align` units in a slab of the cache, or undefined: then the caller makes a slab and asks again. */
  place(key: string, units: number, align: number): PlacedObject | undefined {
    const slabs = this.#partial.get(key) ?? [];
    for (const [index, slab] of slabs.entries()) {
      if (slab.freeUnits < units) continue;
      const unit = slab.take(units, align);
      if (unit < 0) continue;
      if (slab.freeUnits === 0) slabs.splice(index, 1);
      return { slab: slab.id, unit };
    }
    return undefined;
  }

  /** A slab was created. */
  created(id: SlabId, cache: SlabCache, key: string): void {
    const slab = new Slab(id, cache);
    this.#slabs.set(id, slab);
    this.#keys.set(id, key);
    const partial = this.#partial.get(key);
    if (partial === undefined) this.#partial.set(key, [slab]);
    else partial.push(slab);
  }

  /** An object was freed. Returns whether its slab is empty now and should go. */
  freed(id: SlabId, unit: number, units: number): boolean {
    const slab = this.#slab(id);
    const wasFull = slab.freeUnits === 0;
    slab.give(unit, units);
    if (wasFull) this.#partial.get(this.#keys.get(id) ?? '')?.push(slab);
    return slab.isEmpty && !slab.cache.keepsEmpty;
  }

  isEmpty(id: SlabId): boolean {
    return this.#slabs.get(id)?.isEmpty ?? false;
  }

  destroyed(id: SlabId): void {
    const slab = this.#slab(id);
    const partial = this.#partial.get(this.#keys.get(id) ?? '') ?? [];
    partial.splice(partial.indexOf(slab), 1);
    this.#slabs.delete(id);
    this.#keys.delete(id);
  }

  #slab(id: SlabId): Slab {
    const slab = this.#slabs.get(id);
    if (slab === undefined) throw new Error(`slab ${id} is not in the slab layer`);
    return slab;
  }
}
