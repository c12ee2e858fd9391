import { InputError } from '@decpool/model';
import { writeWhole } from '../files/folder.ts';
import { boundsOfInputs } from '../findings/bounds.ts';
import { findingsPage } from '../findings/page.ts';
import { readSweepResults } from '../sweep/results.ts';
import type { Output } from './output.ts';
import { prepareSweep } from './sweep-plan.ts';
import { sweepCommand } from './sweep-run.ts';

export interface FindingsOptions {
  /** Folder of the sweep. */
  readonly sweep: string;
  /** The file to write. */
  readonly out: string;
  readonly workers?: number;
}

/** Runs what is left of the sweep, and writes what it says. Returns the sweep's exit code when that was not finished. */
export async function findingsCommand(
  path: string,
  options: FindingsOptions,
  output: Output,
): Promise<number> {
  const { sweep, out, workers } = options;
  const code = await sweepCommand(
    path,
    { out: sweep, ...(workers === undefined ? {} : { workers }) },
    output,
  );
  if (code !== 0) return code;
  const plan = await prepareSweep(path);
  const results = readSweepResults(`${sweep}/results.json`);
  const [refused] = results.runs.flatMap((run) => ('refused' in run ? [run] : []));
  if (refused !== undefined) {
    throw new InputError(
      `${sweep}/results.json: findings need every run, but ${refused.policy} on ${refused.input}, ${refused.memory}, ${refused.platform} was refused: ${refused.refused}`,
    );
  }
  const text = findingsPage(results, boundsOfInputs(plan, results), `decpool findings ${path}`);
  try {
    writeWhole(out, text);
  } catch (error) {
    throw new InputError(`${out}: cannot be written: ${error instanceof Error ? error.message : error}`);
  }
  output.write(`written      ${out}\n`);
  return 0;
}
