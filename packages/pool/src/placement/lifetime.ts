import type { AllocationId } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';
import { segregated } from './segregated.ts';

/** Upper ends of the lifetime classes, in ns: one for each factor of ten from a millisecond to a quarter of an hour. */
const CLASS_ENDS = [1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/** The class of owners that freed nothing yet, such as drivers that keep their buffers. */
const LONGEST = CLASS_ENDS.length + 1;
/** Weight of the newest lifetime in an owner's mean: about the last eight count. */
const WEIGHT = 1 / 8;

/**
 * Lifetime: a block serves requests that are expected to live about as long, so that it empties at once and not one page
 * after the other. What to expect of a request is learned per owner while the pool runs: a moving mean of the logarithms of
 * the lifetimes of what the owner has freed. Lifetime-aware huge-page allocators (LLAMA, ASPLOS 2020) learn it from call stacks.
 */
export function lifetime(map: FreeMap): Placement {
  /** Mean logarithm of the lifetimes of what an owner has freed. */
  const meanOf = new Map<string, number>();
  const born = new Map<AllocationId, { readonly time: number; readonly owner: string }>();

  const classOf = (owner: string | undefined): number => {
    const mean = owner === undefined ? undefined : meanOf.get(owner);
    if (mean === undefined) return LONGEST;
    const index = CLASS_ENDS.findIndex((end) => mean < Math.log(end));
    return index === -1 ? LONGEST : index + 1;
  };
  const blocks = segregated(map, LONGEST, (_, asker) => classOf(asker?.owner));

  return {
    ...blocks,
    name: 'lifetime',
    given(start, pages, asker) {
      blocks.given?.(start, pages, asker);
      born.set(asker.allocation, { time: asker.time, owner: asker.owner });
    },
    freeing({ allocation, time }) {
      const birth = born.get(allocation);
      if (birth === undefined) return;
      born.delete(allocation);
      const lived = Math.log(Math.max(1, time - birth.time));
      const mean = meanOf.get(birth.owner) ?? lived;
      meanOf.set(birth.owner, mean + WEIGHT * (lived - mean));
    },
  };
}
