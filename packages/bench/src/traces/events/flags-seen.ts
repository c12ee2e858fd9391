/** A flag in --shared that no allocation of the trace has is likely a typing mistake: which flags there are. */
import { nearestNames } from '@decpool/model/internal';
import type { SharedExpression } from '../shared-expression.ts';
import { gfpSpelling } from './gfp-flags.ts';

/** The expression, watched: `missing()` are sentences on its gfp flags that no allocation before had. */
export function watchFlags(shared: SharedExpression): {
  readonly shared: SharedExpression;
  missing(): readonly string[];
} {
  // The sets are few: parseGfp() gives one for each text.
  const seen = new Set<ReadonlySet<string>>();
  return {
    shared: {
      ...shared,
      matches(allocation) {
        seen.add(allocation.gfp);
        return shared.matches(allocation);
      },
    },
    missing() {
      const names = [...new Set([...seen].flatMap((flags) => [...flags]))].sort();
      const unknown = shared.gfpFlags.filter((flag) => !names.includes(gfpSpelling(flag)));
      if (names.length === 0) return [];
      return unknown.map((flag) => {
        const [near] = nearestNames(flag, names);
        const meant = near === undefined ? '' : ` Did you mean ${near}?`;
        return `No allocation of the trace has the gfp flag ${flag}.${meant} Its flags are ${names.join(', ')}.`;
      });
    },
  };
}
