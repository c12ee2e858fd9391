/** A lane makes runs of a comparison, one after the other, until none is left: in this thread, or in one of its own. */
import type { LogHeader, MemoryState, Platform } from '@decpool/model';
import type { LogFormat } from '../log/format.ts';
import { policyFor } from '../policies/load.ts';
import type { RequestSequence } from '../workloads/requests.ts';
import type { Board } from './board.ts';
import { faultsOfRun } from './faults.ts';
import { type RunResult, type RunSettings, runPolicy } from './run.ts';

/** The runs of a comparison: every policy with every seed. */
export interface Runs {
  readonly workload: { readonly name: string; readonly requests: RequestSequence };
  /** The requests' requestsHash(). */
  readonly requests: string;
  readonly memory: MemoryState;
  readonly platform: Platform;
  readonly settings: RunSettings;
  /** By its name, or by the path of its file. `log`: of the first seed. */
  readonly policies: readonly { readonly source: string; readonly log?: string }[];
  readonly logFormat: LogFormat;
  readonly seeds: readonly number[];
}

/** What a comparison keeps of a run. */
export interface RunFigures extends Omit<RunResult, 'header'> {
  readonly seed: number;
  /** Its name in the log's header. */
  readonly policy: LogHeader['policy'];
}

/** A run that ended: its number on the board, and what came of it. */
export type Ended = { readonly run: number } & (
  | { readonly figures: RunFigures }
  | { readonly error: unknown }
);

/** Never throws. `signal` ends a run between two requests. */
export async function runLane(
  runs: Runs,
  board: Board,
  signal: AbortSignal,
  onProgress: () => void,
): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (let run = board.take(); run !== undefined && !signal.aborted; run = board.take()) {
    const begun = performance.now();
    try {
      ended.push({ run, figures: await figuresOf(runs, run, board, signal, onProgress) });
      board.done(run, (performance.now() - begun) / 1000);
    } catch (error) {
      board.failed(run);
      ended.push({ run, error });
    }
  }
  return ended;
}

async function figuresOf(
  { workload, requests, memory, platform, settings, policies, logFormat, seeds }: Runs,
  run: number,
  board: Board,
  signal: AbortSignal,
  onProgress: () => void,
): Promise<RunFigures> {
  const { source, log } = policies[Math.floor(run / seeds.length)];
  const index = run % seeds.length;
  const { header, ...figures } = await runPolicy({
    ...settings,
    ...(settings.faults === undefined ? {} : { faults: faultsOfRun(settings.faults, index) }),
    ...{ workload, requests, memory, platform, signal },
    policy: await policyFor(source),
    seed: seeds[index],
    hasDetails: index === 0,
    ...(log === undefined || index > 0 ? {} : { log: { path: log, format: logFormat } }),
    onProgress(served) {
      board.progress(run, served);
      onProgress();
    },
  });
  return { ...figures, seed: header.seed, policy: header.policy };
}
