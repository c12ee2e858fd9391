/**
 * A policy of your own: the block with most allocations in it first, so that the others run empty and go back.
 * Run: decpool compare --workload churn --policy first-fit+block+immediate,./examples/custom-policy.ts
 */
import type { Pfn } from '@decpool/model';
import { blockConversion, type FreeMap, immediate, type Placement, poolPolicy } from '@decpool/pool';

function busiestBlock(map: FreeMap): Placement {
  return {
    name: 'busiest-block',
    place(pages, align, { firstBlock, endBlock }) {
      let best: Pfn | -1 = -1;
      let most = -1;
      for (let block = firstBlock; block < endBlock; block++) {
        const extents = map.extents[block] ?? 0;
        if ((map.largest[block] ?? 0) < pages || extents <= most) continue;
        const found = map.findInBlock(block, pages, align);
        if (found === -1) continue;
        best = found;
        most = extents;
      }
      return best;
    },
  };
}

export default poolPolicy(busiestBlock, blockConversion, immediate);
