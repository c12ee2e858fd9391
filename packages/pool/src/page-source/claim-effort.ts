/** What the page allocator may do for a request that finds no chunk above the watermarks: the flags of __GFP_RECLAIM, and __GFP_NORETRY. */
import { GFP } from '@decpool/model';
import { maySleep } from '@decpool/model/internal';

/**
 * - `reclaim`: GFP_KERNEL. It reclaims and compacts, and tries again.
 * - `noretry`: with __GFP_NORETRY: one round of both.
 * - `nowait`: without __GFP_DIRECT_RECLAIM: it only wakes kswapd.
 * - `none`: without __GFP_RECLAIM: it does not wake kswapd either.
 */
export const CLAIM_EFFORTS = ['reclaim', 'noretry', 'nowait', 'none'] as const;
export type ClaimEffort = (typeof CLAIM_EFFORTS)[number];

/** Of a request with these flags of GFP. */
export function effortOf(gfp: number): ClaimEffort {
  if (!maySleep(gfp)) return 'nowait';
  return (gfp & GFP.__GFP_NORETRY) === 0 ? 'reclaim' : 'noretry';
}
