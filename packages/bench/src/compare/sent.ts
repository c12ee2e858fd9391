/** What the threads of a comparison send each other. An error keeps no class on its way. */
import { InputError } from '@decpool/model';
import { UnwrittenError } from '../log/write.ts';
import type { PackedRequests } from '../workloads/request-columns.ts';
import type { PackedBoard } from './board.ts';
import type { Ended, RunFigures, Runs } from './lane.ts';

export interface ThreadTask {
  readonly runs: Omit<Runs, 'workload'>;
  readonly workload: { readonly name: string; readonly requests: PackedRequests };
  readonly board: PackedBoard;
}

export type SentEnded = { readonly run: number } & (
  | { readonly figures: RunFigures }
  | { readonly kind: 'input' | 'unwritten'; readonly message: string }
  | { readonly kind: 'other'; readonly error: unknown }
);

export function sent(ended: Ended): SentEnded {
  if (!('error' in ended)) return ended;
  const { run, error } = ended;
  if (error instanceof UnwrittenError) return { run, kind: 'unwritten', message: error.message };
  if (error instanceof InputError) return { run, kind: 'input', message: error.message };
  return { run, kind: 'other', error };
}

export function received(answer: SentEnded): Ended {
  if ('figures' in answer) return answer;
  const { run, kind } = answer;
  if (kind === 'other') return { run, error: answer.error };
  return {
    run,
    error: kind === 'input' ? new InputError(answer.message) : new UnwrittenError(answer.message),
  };
}
