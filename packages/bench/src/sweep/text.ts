/** What `decpool sweep` prints. */
import type { SweepFolder } from './folder.ts';
import { cellsOf, type SweepPlan } from './plan.ts';
import type { SweepResults } from './results.ts';

/** What a sweep is going to run. */
export function factsText(plan: SweepPlan, folder: SweepFolder): string {
  const { definition, scenarios, policies } = plan;
  const counts = [
    `${scenarios.length} scenarios (input, memory, platform)`,
    `${policies.length} policies`,
    `${definition.seeds.length} seeds`,
  ];
  const lines = [`sweep        ${definition.name}: ${counts.join(' x ')} = ${cellsOf(plan).length} cells`];
  if (folder.finished.size > 0) lines.push(`resumed      ${folder.finished.size} cells were already done`);
  if (folder.hasDroppedLine) {
    lines.push('resumed      the last line of cells.ndjson was cut off; its cell runs again');
  }
  return `${lines.join('\n')}\n`;
}

/** All refusals are in results.json. */
const REFUSALS_SHOWN = 5;

/** Refused cells, and what was written. */
export function sweepResultsText({ runs, rows }: SweepResults, out: string): string {
  const refused = runs.flatMap((run) => ('refused' in run ? [run] : []));
  const lines = refused.slice(0, REFUSALS_SHOWN).map((run) => {
    const { input, memory, platform, policy, seed } = run;
    return `refused      ${policy} on ${input}, ${memory}, ${platform}, seed ${seed}: ${run.refused}`;
  });
  if (refused.length > REFUSALS_SHOWN) {
    lines.push(`refused      ${refused.length - REFUSALS_SHOWN} more cells; all are in results.json`);
  }
  lines.push(`written      ${out}: results.csv (${rows.length} rows), results.json, cells.ndjson`);
  return `${lines.join('\n')}\n`;
}
