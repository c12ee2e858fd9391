import type { BlockView } from '@decpool/model';

/** Pages of blocks by what is true of them. */
export function factPages(blocks: readonly BlockView[]) {
  const sum = (fact: 'claimed' | 'shared' | 'allocated' | 'unknown' | 'leaked') =>
    blocks.reduce((pages, block) => pages + block[fact], 0);
  return {
    claimedPages: sum('claimed'),
    sharedPages: sum('shared'),
    allocatedPages: sum('allocated'),
    unknownPages: sum('unknown'),
    leakedPages: sum('leaked'),
  };
}

export type FactPages = Readonly<ReturnType<typeof factPages>>;
