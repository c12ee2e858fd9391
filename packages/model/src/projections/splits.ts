/** Splits of the direct map, and who caused them. */
import type { EventBatch } from '../events/batch.ts';
import { TYPE } from '../events/schema.ts';
import type { Cause, Causes } from './causes.ts';
import { eventSet } from './event-sets.ts';
import type { Owners } from './owners.ts';
import type { Projection } from './projection.ts';

/** What the split entry mapped. 32M and 64K are runs of contiguous entries, on platforms that have them. */
export const SPLIT_LEVELS = ['2M', '1G', '32M', '64K'] as const;
/** The level of a mapping that was split. */
export type SplitLevel = (typeof SPLIT_LEVELS)[number];

/** Number of splits of each level. */
export type SplitCounts = Readonly<Record<SplitLevel, number>>;

const NONE: SplitCounts = { '2M': 0, '1G': 0, '32M': 0, '64K': 0 };

/** Level of the entry that an event splits; undefined if it splits none. */
export function splitLevel(batch: EventBatch, row: number): SplitLevel | undefined {
  const type = batch.typeAt(row);
  if (type === TYPE.largePageSplit) return batch.codeAt(row) === 2 ? '2M' : '1G';
  if (type === TYPE.contiguousSplit) return batch.codeAt(row) === 2 ? '32M' : '64K';
  return undefined;
}

/** What the requests of one owner split; or the deferred worker, or the policy at boot. */
export interface SplitsOfOwner {
  readonly cause: Cause['by'];
  /** Missing for the worker, the boot, and requests of other page users. */
  readonly owner?: string;
  readonly splits: SplitCounts;
  /** Number of requests that split; 0 for the worker and the boot. */
  readonly requests: number;
  /** Event number of the first split. */
  readonly firstSeq: number;
}

/** What a comparison stores of an owner. */
export interface OwnerFigures {
  readonly owner: string;
  readonly splits2M: number;
  readonly splits1G: number;
  readonly leakedPages: number;
}

/** Owner in OwnerFigures of what the deferred worker did, and of what the policy did at boot. */
const NO_REQUEST = 'no request';

interface Sums {
  readonly cause: Cause['by'];
  readonly owner?: string;
  readonly splits: Record<SplitLevel, number>;
  requests: number;
  lastRequest: number;
  readonly firstSeq: number;
}

/** Adds up splits and leaks by owner. `causes` and `owners` see each row before. */
export class SplitsByOwner implements Projection {
  readonly sees = eventSet('pages-leaked', 'large-page-split', 'contiguous-split');
  readonly #causes: Causes;
  readonly #owners: Owners;
  readonly #sums = new Map<string, Sums>();
  /** Pages by owner's number. */
  readonly #leaked = new Map<number, number>();

  constructor(causes: Causes, owners: Owners) {
    this.#causes = causes;
    this.#owners = owners;
  }

  observe(batch: EventBatch, row: number): void {
    if (batch.typeAt(row) === TYPE.pagesLeaked) {
      const owner = batch.ownerAt(row);
      this.#leaked.set(owner, (this.#leaked.get(owner) ?? 0) + batch.pagesAt(row));
      return;
    }
    const level = splitLevel(batch, row);
    if (level === undefined) return;
    const sums = this.#sumsOf(batch, row);
    sums.splits[level]++;
    const request = batch.requestAt(row);
    if (sums.cause === 'request' && request !== sums.lastRequest) sums.requests++;
    sums.lastRequest = request;
  }

  #sumsOf(batch: EventBatch, row: number): Sums {
    const cause = this.#causes.of(batch, row);
    const owner = cause.by === 'request' ? cause.owner : undefined;
    const key = `${cause.by} ${owner ?? ''}`;
    const sums = this.#sums.get(key) ?? {
      cause: cause.by,
      ...(owner === undefined ? {} : { owner }),
      splits: { ...NONE },
      requests: 0,
      lastRequest: 0,
      firstSeq: batch.firstSeq + row,
    };
    this.#sums.set(key, sums);
    return sums;
  }

  /** In the order of their first splits; without those of the boot pool. */
  groups(): SplitsOfOwner[] {
    return [...this.#sums.values()]
      .filter(({ cause }) => cause !== 'boot pool')
      .map(({ lastRequest: _, ...group }) => group);
  }

  /** Splits that the boot pool caused. */
  get ofBootPool(): SplitCounts {
    return this.#sums.get('boot pool ')?.splits ?? NONE;
  }

  /** The same: owners with 2M or 1G splits or leaked pages, most 2M splits first. */
  figures(): OwnerFigures[] {
    const figures = new Map<string, { -readonly [Key in keyof OwnerFigures]: OwnerFigures[Key] }>();
    const of = (owner: string) => {
      const known = figures.get(owner) ?? { owner, splits2M: 0, splits1G: 0, leakedPages: 0 };
      figures.set(owner, known);
      return known;
    };
    for (const { cause, owner = NO_REQUEST, splits } of this.#sums.values()) {
      if (splits['2M'] + splits['1G'] === 0 || cause === 'boot pool') continue;
      of(owner).splits2M += splits['2M'];
      of(owner).splits1G += splits['1G'];
    }
    for (const [owner, pages] of this.#leaked) {
      of(this.#owners.names[owner] ?? NO_REQUEST).leakedPages += pages;
    }
    return [...figures.values()].sort(
      (a, b) => b.splits2M - a.splits2M || b.leakedPages - a.leakedPages || (a.owner < b.owner ? -1 : 1),
    );
  }
}
