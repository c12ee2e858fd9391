/** The slabs of each cache, and which of their units are used. */
import { PAGE_SIZE, type SlabId } from '@decpool/model';
import { UnitMap } from '../unit-map.ts';
import type { SlabCache } from './slab-cache.ts';

interface Slab {
  readonly id: SlabId;
  readonly cache: SlabCache;
  readonly key: string;
  readonly units: UnitMap;
}

/** Where an object was put. */
export interface PlacedObject {
  readonly slab: SlabId;
  readonly unit: number;
}

export class SlabLayer {
  /** Slabs with free units, by key of cache. The first that fits is used, so that the last ones run empty. */
  readonly #partial = new Map<string, Slab[]>();
  readonly #slabs = new Map<SlabId, Slab>();

  /** Takes a run of free units at a multiple of `align` units; undefined if no slab has one: the caller then makes a slab. */
  place(key: string, units: number, align: number): PlacedObject | undefined {
    const slabs = this.#partial.get(key) ?? [];
    for (const [index, slab] of slabs.entries()) {
      const unit = slab.units.take(units, align);
      if (unit < 0) continue;
      if (slab.units.free === 0) slabs.splice(index, 1);
      return { slab: slab.id, unit };
    }
    return undefined;
  }

  created(id: SlabId, cache: SlabCache, key: string): void {
    const units = new UnitMap(Math.floor((cache.pages * PAGE_SIZE) / cache.unitBytes));
    const slab = { id, cache, key, units };
    this.#slabs.set(id, slab);
    this.#addPartial(slab);
  }

  #addPartial(slab: Slab): void {
    const partial = this.#partial.get(slab.key);
    if (partial === undefined) this.#partial.set(slab.key, [slab]);
    else partial.push(slab);
  }

  /** An object was freed. Returns whether its slab is empty now and should go. */
  freed(id: SlabId, unit: number, units: number): boolean {
    const slab = this.#slab(id);
    if (slab.units.free === 0) this.#addPartial(slab);
    slab.units.give(unit, units);
    return slab.units.isEmpty && !slab.cache.keepsEmpty;
  }

  isEmpty(id: SlabId): boolean {
    return this.#slabs.get(id)?.units.isEmpty ?? false;
  }

  destroyed(id: SlabId): void {
    const slab = this.#slab(id);
    const partial = this.#partial.get(slab.key) ?? [];
    partial.splice(partial.indexOf(slab), 1);
    this.#slabs.delete(id);
  }

  #slab(id: SlabId): Slab {
    const slab = this.#slabs.get(id);
    if (slab === undefined) throw new Error(`slab ${id} is not in the slab layer`);
    return slab;
  }
}
