/** Comparisons as tidy CSV: one value a line, of one metric of one policy under one seed; unrounded; empty if there is none. */
import { stringify } from 'csv-stringify/sync';
import type { Results } from './results.ts';

/** With a head line; RFC 4180, with LF at line ends. */
export function resultsCsv(comparisons: readonly Results[]): string {
  return stringify(comparisons.flatMap(linesOf), { header: true });
}

/** The names of the columns are those of the fields. */
function linesOf({ input, memory, platform, seeds, metrics, policies }: Results) {
  return policies.flatMap(({ policy, isBaseline, metrics: spreads }) =>
    metrics.flatMap(({ id, unit, better }) =>
      seeds.map((seed, index) => ({
        input: input.name,
        memory,
        platform: platform.name,
        policy,
        is_baseline: isBaseline ? 1 : 0,
        seed,
        metric: id,
        unit,
        better,
        value: spreads[id]?.values[index] ?? '',
      })),
    ),
  );
}
