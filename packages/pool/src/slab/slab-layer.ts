/** The slabs of each cache, and which of their units are used. */
import { PAGE_SIZE, type SlabId } from '@decpool/model';
import { UnitMap } from '../unit-map.ts';
import type { SlabCache } from './slab-cache.ts';

interface Slab {
  readonly id: SlabId;
  readonly cache: SlabCache;
  readonly key: string;
  readonly units: UnitMap;
  readonly ofCache: UnitCount;
}

/** Units of all slabs of a cache. */
interface UnitCount {
  all: number;
  free: number;
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
  readonly #units = new Map<string, UnitCount>();

  /** Share of a cache's units that are free, 0 to 1; 1 if it has none. */
  freeShare(key: string): number {
    const { all, free } = this.#unitsOf(key);
    return all === 0 ? 1 : free / all;
  }

  #unitsOf(key: string): UnitCount {
    const known = this.#units.get(key) ?? { all: 0, free: 0 };
    this.#units.set(key, known);
    return known;
  }

  /** Takes a run of free units at a multiple of `align` units; undefined if no slab has one: the caller then makes a slab. */
  place(key: string, units: number, align: number): PlacedObject | undefined {
    const slabs = this.#partial.get(key) ?? [];
    for (const [index, slab] of slabs.entries()) {
      const unit = slab.units.take(units, align);
      if (unit < 0) continue;
      slab.ofCache.free -= units;
      if (slab.units.free === 0) slabs.splice(index, 1);
      return { slab: slab.id, unit };
    }
    return undefined;
  }

  created(id: SlabId, cache: SlabCache, key: string): void {
    const units = new UnitMap(Math.floor((cache.pages * PAGE_SIZE) / cache.unitBytes));
    const ofCache = this.#unitsOf(key);
    ofCache.all += units.free;
    ofCache.free += units.free;
    const slab = { id, cache, key, units, ofCache };
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
    slab.ofCache.free += units;
    return slab.units.isEmpty && !slab.cache.keepsEmpty;
  }

  isEmpty(id: SlabId): boolean {
    return this.#slabs.get(id)?.units.isEmpty ?? false;
  }

  destroyed(id: SlabId): void {
    const slab = this.#slab(id);
    const partial = this.#partial.get(slab.key) ?? [];
    partial.splice(partial.indexOf(slab), 1);
    slab.ofCache.all -= slab.units.free;
    slab.ofCache.free -= slab.units.free;
    this.#slabs.delete(id);
  }

  #slab(id: SlabId): Slab {
    const slab = this.#slabs.get(id);
    if (slab === undefined) throw new Error(`slab ${id} is not in the slab layer`);
    return slab;
  }
}
