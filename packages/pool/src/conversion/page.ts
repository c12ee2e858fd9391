import type { Conversion } from './conversion.ts';
import { perUnit } from './per-unit.ts';

/**
 * Exactly the pages of an allocation, when it is made, and back when it is freed; where the host's page is larger, the
 * granules they lie in, back when the last allocation in them is freed. Nothing else idle is ever shared; in return each
 * allocation pays two conversions, and the first in a block splits it.
 */
export const pageConversion: Conversion = perUnit('page', 1);
