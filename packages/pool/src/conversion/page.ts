import type { Conversion } from './conversion.ts';

/**
 * Exactly the pages of an allocation, when it is made, and back when it is freed. Nothing idle is ever shared;
 * in return each allocation pays two conversions, and the first in a block splits it.
 */
export const pageConversion: Conversion = {
  name: 'page',
  claimed() {},
  allocating: (start, pages, record) => record.decrypt(start, pages),
  freed: (start, pages, record) => record.encrypt(start, pages),
};
