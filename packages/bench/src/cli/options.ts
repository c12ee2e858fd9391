/** Arguments and options that several commands have. */
import { LOG_FORMATS } from '../log/format.ts';
import { file, fileArgument, flag, list, number } from './declaration.ts';

export const LOG = fileArgument('<log>', 'an event log: NDJSON or Arrow, gzipped or not');

export const JSON_DOCUMENT = flag('--json', 'print one JSON document');

export const OWN_POLICIES = list(
  '--own <files>',
  'files of policies of your own that the log names, separated by commas',
  { isFile: true },
);

export const NEW_LOG = file('--out <file>', 'the new log: .ndjson or .arrow');

export const WORKERS = number('--workers <n>', 'threads (default: one per core)', { from: 1, to: 256 });

export const ANY_SEED = { from: 0, to: 0xffffffff };

/** The names of all policies, and their short names. */
export async function policyNames(): Promise<readonly string[]> {
  const { ALL_POLICIES } = await import('@decpool/pool');
  const { SHORT_NAMES } = await import('@decpool/pool/internal');
  return [...ALL_POLICIES, ...Object.keys(SHORT_NAMES)];
}

export const logFormatNames = (): readonly string[] => Object.keys(LOG_FORMATS);

export async function workloadNames(): Promise<readonly string[]> {
  const { WORKLOADS } = await import('../workloads/registry.ts');
  return WORKLOADS.map(({ name }) => name);
}
