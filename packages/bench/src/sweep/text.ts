/** What `decpool sweep` prints. */
import type { SweepFolder } from './folder.ts';
import { cellsOf, type SweepPlan } from './plan.ts';
import type { SweepResults, SweepRun } from './results.ts';
import { type Shard, shardOf } from './shard.ts';

/** What a sweep is going to run. */
export function factsText(plan: SweepPlan, folder: SweepFolder, shard?: Shard): string {
  const { definition, scenarios, policies } = plan;
  const counts = [
    `${scenarios.length} scenarios (input, memory, platform)`,
    `${policies.length} policies`,
    `${definition.seeds.length} seeds`,
  ];
  const lines = [`sweep        ${definition.name}: ${counts.join(' x ')} = ${cellsOf(plan).length} cells`];
  if (shard !== undefined) {
    const cells = shardOf(cellsOf(plan), shard).length;
    lines.push(`part         ${shard.index} of ${shard.count}: ${cells} cells`);
  }
  if (folder.finished.size > 0) lines.push(`resumed      ${folder.finished.size} cells were already done`);
  if (folder.hasDroppedLine) {
    lines.push('resumed      the last line of cells.ndjson was cut off; its cell runs again');
  }
  return `${lines.join('\n')}\n`;
}

/** What is left, and how to go on. `done`: cells that have a result. */
export function unfinishedText(plan: SweepPlan, done: number, out: string, isInterrupted: boolean): string {
  const cells = `${done} of ${cellsOf(plan).length} cells are done`;
  return isInterrupted
    ? `interrupted  ${cells} and kept in ${out}; run the same command to continue\n`
    : `part done    ${cells} in ${out}; join all parts with decpool sweep merge\n`;
}

/** All of a kind are in results.json. */
const SHOWN = 5;

/** Refused and failed cells, and what was written. */
export function sweepResultsText({ runs, rows }: SweepResults, out: string): string {
  const refused = runs.flatMap((run) => ('refused' in run ? [lineOf('refused', run, run.refused)] : []));
  const failed = runs.flatMap((run) => ('failed' in run ? [lineOf('failed', run, run.failed)] : []));
  const written = `written      ${out}: results.csv (${rows.length} rows), results.json, cells.ndjson`;
  return `${[...some('refused', refused), ...some('failed', failed), written].join('\n')}\n`;
}

const lineOf = (what: string, { policy, input, memory, platform, seed }: SweepRun, why: string): string =>
  `${what.padEnd(13)}${policy} on ${input}, ${memory}, ${platform}, seed ${seed}: ${why}`;

const some = (what: string, lines: readonly string[]): string[] =>
  lines.length <= SHOWN
    ? [...lines]
    : [
        ...lines.slice(0, SHOWN),
        `${what.padEnd(13)}${lines.length - SHOWN} more cells; all are in results.json`,
      ];
