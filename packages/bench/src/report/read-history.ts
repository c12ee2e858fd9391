/** Reads the history of an input from the event logs that lie beside its results. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, type LogHeader } from '@decpool/model';
import { policyNamed } from '@decpool/pool';
import { inputHistory, type NamedRecording } from '../history/assemble.ts';
import { type Demand, DemandRecorder } from '../history/demand.ts';
import { RunRecorder } from '../history/recorder.ts';
import type { InputHistory } from '../history/types.ts';
import { atPath } from '../log/byte-file.ts';
import { initialColumns } from '../log/fold.ts';
import { type OpenLog, openLog } from '../log/open.ts';
import type { OnRead } from '../log/read.ts';
import { present } from '../text/listed.ts';
import type { PolicyResults, Results } from './results.ts';

/**
 * The history of the runs whose logs exist, in the order of the results; undefined if none does. `folder`: that of `results.json`.
 * `onRead` gets the events read of one log after the other. Throws InputError that names both files for a log that is damaged, or of
 * another run than the results.
 */
export async function readInputHistory(
  folder: string,
  results: Results,
  onRead?: OnRead,
): Promise<InputHistory | undefined> {
  const { requests } = results.input;
  const recorded: NamedRecording[] = [];
  let demand: Demand | undefined;
  let header: LogHeader | undefined;
  for (const policy of results.policies) {
    const found = policy.log === undefined ? undefined : await openIfThere(join(folder, policy.log), onRead);
    if (policy.log === undefined || found === undefined) continue;
    try {
      expectRunOf(results, policy, found, join(folder, 'results.json'));
      const run = new RunRecorder(found.header, requests);
      const demandRecorder = demand === undefined ? new DemandRecorder(found.header, requests) : undefined;
      for await (const batch of found.batches()) {
        try {
          run.observe(batch);
        } catch (error) {
          throw atPath(found.path, error);
        }
        demandRecorder?.observe(batch);
      }
      recorded.push({ policy: policy.policy, log: policy.log, recording: run.finish() });
      demand ??= demandRecorder?.finish();
      header ??= found.header;
    } finally {
      await found.close();
    }
  }
  if (demand === undefined || header === undefined) return undefined;
  return inputHistory(header, requests, demand, recorded);
}

/** Events in the logs that are there: those of the first seed. */
export const eventsInLogs = (folder: string, { policies }: Results): number =>
  policies.reduce(
    (sum, { log, runs }) =>
      log === undefined || !existsSync(join(folder, log)) ? sum : sum + runs[0].events,
    0,
  );

async function openIfThere(path: string, onRead: OnRead | undefined): Promise<OpenLog | undefined> {
  const isThere = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw new InputError(`${path}: cannot be read: ${error.message}`);
    },
  );
  return isThere ? openLog(path, onRead) : undefined;
}

/** The first seed's run of the policy, and nothing else. */
function expectRunOf(results: Results, policy: PolicyResults, log: OpenLog, path: string): void {
  const [first] = policy.runs;
  const { header, seal } = log;
  const differences = present([
    nameInHeaders(policy.policy, header) !== header.policy &&
      `its policy is '${header.policy}', expected '${policy.policy}'`,
    header.workload.requests !== results.input.requestsHash && 'its requests differ',
    header.seed !== first.seed && `its seed is ${header.seed}, expected ${first.seed}`,
    seal === undefined && 'it has no seal (it was cut off)',
    seal !== undefined && seal.stateHash !== first.stateHash && 'its final state differs',
  ]);
  if (differences.length === 0) return;
  throw new InputError(`${log.path}: does not belong to the results in ${path}: ${differences.join('; ')}`);
}

/** A policy as logs have it: with the parameters that its name leaves out. One of the user's own is called as it calls itself. */
function nameInHeaders(policy: string, header: LogHeader): string {
  if (policy === header.policy) return policy;
  try {
    return policyNamed(policy)(initialColumns(header).view()).name;
  } catch (error) {
    if (error instanceof InputError) return policy;
    throw error;
  }
}
