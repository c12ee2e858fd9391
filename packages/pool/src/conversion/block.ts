import { type Conversion, NOTHING_LEAKED } from './conversion.ts';

/**
 * A whole block as soon as it is claimed: an aligned 2 MiB conversion keeps the 2M mapping, and one conversion serves
 * every allocation in the block. In return its free pages are shared too, until the block is returned.
 */
export const blockConversion: Conversion = {
  name: 'block',
  keepsShared: true,
  unitPages: ({ granulePages }) => granulePages,
  claimed: (start, pages, record) => record.decrypt(start, pages),
  freed: () => NOTHING_LEAKED,
};
