/** Arguments and options that several commands have. */
import { InputError, PLATFORM_NAMES } from '@decpool/model';
import { LOG_FORMATS } from '../log/format.ts';
import { file, fileArgument, flag, list, number, text } from './declaration.ts';
import { GRANULES_KIB, USUAL_PLATFORM } from './platform.ts';

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

export const PLATFORM_OPTIONS = {
  platform: text(
    '--platform <name>',
    `${PLATFORM_NAMES.join(', ')} (default: the platform of the workload, or ${USUAL_PLATFORM})`,
    { words: () => PLATFORM_NAMES },
  ),
  restore: flag('--restore', 're-form a 2M mapping once a block is fully private again'),
  granule: number('--granule <KiB>', "the host's page size, 4, 16 or 64: conversions are of whole granules", {
    ...{ from: 4, to: 64, default: 4 },
    parse: granule,
    words: () => Object.keys(GRANULES_KIB),
  }),
  wordAccess: flag('--no-word-access', 'a kernel without DCACHE_WORD_ACCESS: no stray reads at borders'),
};

function granule(text: string): number {
  if (Object.hasOwn(GRANULES_KIB, text)) return Number(text);
  const expected = Object.keys(GRANULES_KIB).join(', ');
  throw new InputError(`--granule '${text}': expected the host's page size in KiB, ${expected}`);
}

/** The names of all policies, and their short names. */
export async function policyNames(): Promise<readonly string[]> {
  const { ALL_POLICIES, SHORT_NAMES } = await import('@decpool/pool');
  return [...ALL_POLICIES, ...Object.keys(SHORT_NAMES)];
}

export const logFormatNames = (): readonly string[] => Object.keys(LOG_FORMATS);

export async function workloadNames(): Promise<readonly string[]> {
  const { WORKLOADS } = await import('../workloads/registry.ts');
  return WORKLOADS.map(({ name }) => name);
}
