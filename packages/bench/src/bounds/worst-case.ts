/**
 * What is known in theory of the worst that a placement can come to, as a multiple of the best that is possible. All of
 * it is on volumes: bins in which an item takes some room and does not lie anywhere. Pages that must be contiguous and
 * aligned can come to more; only the figure of the buddy allocator is on these.
 */

/** A known ratio, or that there is none: `none known`, or shown to be `unbounded`. */
export interface KnownRatio {
  /** As a formula, with r for the highest order and mu as of lifetimesOf(); or what is known beside the value. */
  readonly formula: string;
  /** At most; undefined where there is none, or no mu. */
  readonly value?: number;
  /** Where it was shown. */
  readonly source?: string;
}

export interface WorstCase {
  /** What the ratios are on; missing where none is known. */
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

/** The known worst cases of a policy, by its name in full: `first-fit+block+immediate`. `mu` as of lifetimesOf(). */
export function worstCaseOf(policy: string, mu: number | undefined): WorstCase {
  const [placement, ...others] = policy.split('+');
  // The theorem is about bins that close when they are empty.
  const returnsAtOnce = others.at(-1) === 'immediate';
  if (others.length === 0) return { blocksPeak: NONE_KNOWN, blockSeconds: NONE_KNOWN };
  switch (placement) {
    case 'first-fit':
      return {
        of: 'volumes',
        blocksPeak: { formula: 'at least 2.45', value: 2.4942, source: UNIT_FRACTIONS },
        blockSeconds: returnsAtOnce
          ? { formula: 'mu + 3', ...(mu === undefined ? {} : { value: mu + 3 }), source: USAGE_TIME }
          : NONE_KNOWN,
      };
    case 'best-fit':
      return {
        of: 'volumes',
        blocksPeak: { formula: '3', value: 3, source: UNIT_FRACTIONS },
        blockSeconds: { formula: 'unbounded', source: BEST_FIT_USAGE_TIME },
      };
    case 'worst-fit':
      return {
        of: 'volumes',
        blocksPeak: { formula: '3', value: 3, source: UNIT_FRACTIONS },
        blockSeconds: NONE_KNOWN,
      };
    case 'buddy':
      return {
        of: 'aligned pages',
        blocksPeak: {
          formula: `1 + r/2, r = ${BLOCK_ORDER}`,
          value: 1 + BLOCK_ORDER / 2,
          source: KNUTH,
        },
        blockSeconds: NONE_KNOWN,
      };
    default:
      return { blocksPeak: NONE_KNOWN, blockSeconds: NONE_KNOWN };
  }
}
