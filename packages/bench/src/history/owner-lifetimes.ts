/** How long the allocations of each owner lived. */
import type { AllocateRequest } from '@decpool/model';
import { OWNERS_KEPT, type OwnerLifetimes } from './types.ts';

const QUANTILES = [0, 0.25, 0.5, 0.75, 0.9, 1];

interface Lives {
  readonly owner: string;
  allocations: number;
  pages: number;
  /** ns, of those that were freed. */
  readonly ended: number[];
}

export class LifetimesByOwner {
  readonly #owners = new Map<string, Lives>();
  readonly #living = new Map<number, { readonly since: number; readonly lives: Lives }>();

  allocate({ owner, allocation, pages, time }: AllocateRequest): void {
    const lives = this.#owners.get(owner) ?? { owner, allocations: 0, pages: 0, ended: [] };
    this.#owners.set(owner, lives);
    lives.allocations++;
    lives.pages += pages;
    this.#living.set(allocation, { since: time, lives });
  }

  free(allocation: number, time: number): void {
    const living = this.#living.get(allocation);
    if (living === undefined) return;
    this.#living.delete(allocation);
    living.lives.ended.push(time - living.since);
  }

  /** Most pages first; if there are more than OWNERS_KEPT, the last are together. */
  lifetimes(): OwnerLifetimes[] {
    const owners = [...this.#owners.values()].sort(
      (a, b) => b.pages - a.pages || b.allocations - a.allocations || (a.owner < b.owner ? -1 : 1),
    );
    if (owners.length <= OWNERS_KEPT) return owners.map(summary);
    const others = owners.slice(OWNERS_KEPT - 1);
    return [...owners.slice(0, OWNERS_KEPT - 1).map(summary), summary(together(others))];
  }
}

const together = (owners: readonly Lives[]): Lives => ({
  owner: `${owners.length} others`,
  allocations: owners.reduce((sum, { allocations }) => sum + allocations, 0),
  pages: owners.reduce((sum, { pages }) => sum + pages, 0),
  ended: owners.flatMap(({ ended }) => ended),
});

const summary = ({ owner, allocations, pages, ended }: Lives): OwnerLifetimes => ({
  owner,
  allocations,
  neverFreed: allocations - ended.length,
  quantiles: ended.length === 0 ? [] : quantilesOf(ended),
  pages,
});

/** Nearest ranks: each is a lifetime that there was. */
function quantilesOf(lengths: readonly number[]): number[] {
  const sorted = Float64Array.from(lengths).sort();
  return QUANTILES.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
}
