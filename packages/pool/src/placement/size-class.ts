import { orderFor } from '@decpool/model';
import type { FreeMap } from './free-map.ts';
import type { Placement } from './placement.ts';
import { segregated } from './segregated.ts';

/**
 * Size class: a block serves requests of one order only, as a slab does and as mimalloc's pages do. Nothing small ever lies
 * in the way of something large, and every hole fits the next request; in return each order in use keeps a block of its own
 * that is partly empty. A vmalloc area is of the order of its size.
 */
export function sizeClass(map: FreeMap): Placement {
  const largest = orderFor(map.geometry.pagesPerBlock);
  const classOf = (pages: number) => 1 + Math.min(largest, orderFor(pages));
  return {
    name: 'size-class',
    ...segregated(map, largest + 1, (pages, asker) => classOf(asker?.pages ?? pages)),
  };
}
