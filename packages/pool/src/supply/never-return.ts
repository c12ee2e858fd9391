import { KEEP, type Supply } from './supply.ts';

/** What the pool has claimed it keeps, as lib/genalloc.c and the atomic DMA pools do: no second conversion, no way back. */
export const neverReturn = (): Supply => ({
  name: 'never-return',
  returnsAt: () => KEEP,
});
