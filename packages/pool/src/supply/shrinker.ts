import type { SupplyFactory } from './supply.ts';

/**
 * Beside any return: a shrinker (include/linux/shrinker.h). If a zone falls below its low watermark, or others are refused a
 * whole pageblock, the pool returns its empty blocks at once. It keeps what the reserve needs.
 */
export const shrinker =
  (supply: SupplyFactory): SupplyFactory =>
  () => {
    const beside = supply();
    return { ...beside, name: `${beside.name}+shrinker`, shrinks: true };
  };
