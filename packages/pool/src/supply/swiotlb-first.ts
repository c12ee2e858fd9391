import type { SupplyFactory } from './supply.ts';

/**
 * Beside any return: requests of at most 256 KiB take free slots of swiotlb's boot pool, which is shared anyway (swiotlb_alloc(),
 * kernel/dma/swiotlb.c, without a pool of the device's own). The blocks are for what is larger, or finds no slots.
 */
export const swiotlbFirst =
  (supply: SupplyFactory): SupplyFactory =>
  () => {
    const beside = supply();
    return { ...beside, name: `${beside.name}+swiotlb`, triesSwiotlbFirst: true };
  };
