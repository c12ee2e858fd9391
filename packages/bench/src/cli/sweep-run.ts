import { availableParallelism } from 'node:os';
import { SweepFolder } from '../sweep/folder.ts';
import { cellsOf, type SweepPlan } from '../sweep/plan.ts';
import type { SweepResults } from '../sweep/results.ts';
import { sweep } from '../sweep/sweep.ts';
import { EXIT } from './exit-status.ts';
import { interruptible } from './interrupt.ts';
import type { Output } from './output.ts';
import { prepareSweep } from './sweep-plan.ts';
import { type SweepProgress, sweepProgress } from './sweep-progress.ts';

export interface SweepCommandOptions {
  readonly out: string;
  readonly workers?: number;
}

/** Runs what is left of the sweep, and writes its results. */
export async function sweepCommand(
  path: string,
  { out, workers = availableParallelism() }: SweepCommandOptions,
  output: Output,
): Promise<number> {
  const plan = await prepareSweep(path);
  return interruptible(async (signal) => {
    const folder = await SweepFolder.open(out, plan);
    const progress = sweepProgress(plan.definition.name, output);
    try {
      output.write(factsText(plan, folder));
      const { done, results } = await runWith(plan, folder, workers, signal, progress);
      if (results === undefined) {
        output.write(
          `interrupted  ${done} of ${cellsOf(plan).length} cells are done and kept in ${out}; run the same command to continue\n`,
        );
        return EXIT.interrupted;
      }
      output.write(resultsText(results, out));
      return EXIT.done;
    } finally {
      folder.close();
    }
  });
}

async function runWith(
  plan: SweepPlan,
  folder: SweepFolder,
  workers: number,
  signal: AbortSignal,
  progress: SweepProgress,
): Promise<{ readonly done: number; readonly results: SweepResults | undefined }> {
  let done = folder.finished.size;
  try {
    const results = await sweep(plan, folder, {
      workers,
      signal,
      onStart: (toDo) => progress.start(toDo, workers),
      onCell: (cell, seconds) => {
        done++;
        progress.cell(cell, seconds);
      },
    });
    return { done, results };
  } finally {
    progress.stop();
  }
}

function factsText(plan: SweepPlan, folder: SweepFolder): string {
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

const REFUSALS_SHOWN = 5;

function resultsText({ runs, rows }: SweepResults, out: string): string {
  const refused = runs.flatMap((run) => ('refused' in run ? [run] : []));
  const lines = refused
    .slice(0, REFUSALS_SHOWN)
    .map(
      ({ input, memory, platform, policy, seed, refused: why }) =>
        `refused      ${policy} on ${input}, ${memory}, ${platform}, seed ${seed}: ${why}`,
    );
  if (refused.length > REFUSALS_SHOWN) {
    lines.push(`refused      ${refused.length - REFUSALS_SHOWN} more cells; all are in results.json`);
  }
  lines.push(`written      ${out}: results.csv (${rows.length} rows), results.json, cells.ndjson`);
  return `${lines.join('\n')}\n`;
}
