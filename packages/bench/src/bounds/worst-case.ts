/**
 * The worst result of a placement that theory knows, as a multiple of the best possible. Most theorems are on volumes: bins
 * in which an item takes room and has no position. Contiguous and aligned pages can cost more; only the figure of the buddy
 * allocator is on these.
 */

/** A known ratio, or that there is none: `none known`, or shown to be `unbounded`. */
export interface KnownRatio {
  /** With r for the highest order, and mu as of lifetimesOf(). */
  readonly formula: string;
  /** Upper limit; undefined if there is none, or no mu. */
  readonly value?: number;
  readonly source?: string;
}

/** The ratio to the optimum that theory has for a placement, with its source. */
export interface WorstCase {
  /** What the theorem is on; missing if none is known. */
  readonly of?: 'volumes' | 'aligned pages';
  readonly blocksPeak: KnownRatio;
  readonly blockSeconds: KnownRatio;
}

const NONE_KNOWN: KnownRatio = { formula: 'none known' };

/** Items of sizes 1/w, which powers of two are, that come and go: most bins used at one time. */
const UNIT_FRACTIONS =
  'Chan, Lam, Wong: Dynamic bin packing of unit fractions items, Theoretical Computer Science 409 (2008)';
/** Bins are paid for by the time they are used, as block-seconds are. */
const USAGE_TIME =
  'Ren, Tang, Li, Cai: Competitiveness of dynamic bin packing for online cloud server allocation, IEEE/ACM Transactions on Networking 25 (2017)';
const BEST_FIT_USAGE_TIME =
  'Li, Tang, Cai: Dynamic bin packing for on-demand cloud resource allocation, IEEE Transactions on Parallel and Distributed Systems 27 (2016)';
const KNUTH = 'Knuth: The Art of Computer Programming, volume 1, section 2.5, exercise 41';

/** Order of a block, the largest chunk of a private buddy allocator here. */
const BLOCK_ORDER = 9;

/** By placement. */
const WORST_CASES: Readonly<Record<string, WorstCase>> = {
  'first-fit': {
    of: 'volumes',
    blocksPeak: { formula: 'at least 2.45', value: 2.4942, source: UNIT_FRACTIONS },
    blockSeconds: NONE_KNOWN,
  },
  'best-fit': {
    of: 'volumes',
    blocksPeak: { formula: '3', value: 3, source: UNIT_FRACTIONS },
    blockSeconds: { formula: 'unbounded', source: BEST_FIT_USAGE_TIME },
  },
  'worst-fit': {
    of: 'volumes',
    blocksPeak: { formula: '3', value: 3, source: UNIT_FRACTIONS },
    blockSeconds: NONE_KNOWN,
  },
  buddy: {
    of: 'aligned pages',
    blocksPeak: { formula: `1 + r/2, r = ${BLOCK_ORDER}`, value: 1 + BLOCK_ORDER / 2, source: KNUTH },
    blockSeconds: NONE_KNOWN,
  },
};

/** The known worst cases of a policy, by its full name: `first-fit+block+immediate`. `mu` as of lifetimesOf(). */
export function worstCaseOf(policy: string, mu: number | undefined): WorstCase {
  const [placement, ...others] = policy.split('+');
  if (others.length === 0 || !Object.hasOwn(WORST_CASES, placement)) {
    return { blocksPeak: NONE_KNOWN, blockSeconds: NONE_KNOWN };
  }
  const known = WORST_CASES[placement];
  // The theorem on first fit holds for bins that close when they are empty.
  if (placement !== 'first-fit' || others.at(-1) !== 'immediate') return known;
  const value = mu === undefined ? {} : { value: mu + 3 };
  return { ...known, blockSeconds: { formula: 'mu + 3', ...value, source: USAGE_TIME } };
}
