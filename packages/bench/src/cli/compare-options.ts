/** The options of compare. */
import { InputError, PLATFORM_NAMES } from '@decpool/model';
import { InvalidArgumentError } from 'commander';
import { DEFAULT_PLATFORM, GRANULES_KIB, KERNELS } from '../compare/choices.ts';
import { choice, file, flag, list, number, text, type Values } from './declaration.ts';
import { ANY_SEED, logFormatNames, policyNames, WORKERS, workloadNames } from './options.ts';

/** The rows of the table after the baseline: best known pool, fewest conversions, the proposal of 2024, the kernel of 2024. */
const DEFAULT_POLICIES = ['linux-7.3', 'decpool', 'first-fit+never-return', 'gfp-decrypted', 'linux-6.12'];

async function metricNames(): Promise<readonly string[]> {
  const { METRICS } = await import('../metrics/metric.ts');
  return [...METRICS.map(({ id }) => id), 'all'];
}

export const COMPARE_OPTIONS = {
  trace: file(
    '--trace <file>',
    'requests of a recorded kernel, also compressed; - is standard input; formats: docs/traces.md',
  ),
  recording: file(
    '--recording <path>',
    "a folder or .tar.gz of 'decpool record': its requests, memory and direct map, and the kernel's counters beside the model's",
  ),
  shared: text(
    '--shared <expr>',
    'the page events of the trace that are for shared memory, as in order>=1 & task=kworker*',
  ),
  workload: text(
    '--workload <name>',
    "a generated workload, as kvm-snp:cpus=16,nvme=4,seed=2 or joined, as netvsc+file-churn; 'decpool workloads' lists them",
    { words: workloadNames },
  ),
  policy: list(
    '--policy <list>',
    "policies and policy files, separated by commas; the first is the baseline; all: every policy; 'decpool policies' lists them",
    {
      default: DEFAULT_POLICIES.join(','),
      words: async () => [...(await policyNames()), 'all'],
      isFile: true,
    },
  ),
  memory: text(
    '--memory <size>',
    'memory after a fresh boot (default: 4G, or what the workload needs); 4G:aged or 4G:fragmented=0.6 for a scattered start',
  ),
  nodes: number('--nodes <n>', 'NUMA nodes of the memory of --memory', { from: 1, to: 8 }),
  memoryState: file(
    '--memory-state <path>',
    'recorded memory: a folder with buddyinfo and pagetypeinfo, a freelists v1 file, or a bundled state like k73/fresh-mix-1',
    { words: async () => (await import('../traces/memory-state/bundled.ts')).bundledStates() },
  ),
  platform: text(
    '--platform <name>',
    `${PLATFORM_NAMES.join(', ')} (default: the platform of the workload, or ${DEFAULT_PLATFORM})`,
    { words: () => PLATFORM_NAMES },
  ),
  restore: flag('--restore', 're-form a 2M mapping once a block is fully private again'),
  granule: number('--granule <KiB>', "the host's page size, 4, 16 or 64: conversions are of whole granules", {
    ...{ from: 4, to: 64, default: 4 },
    parse: granule,
    words: () => Object.keys(GRANULES_KIB),
  }),
  wordAccess: flag('--no-word-access', 'a kernel without DCACHE_WORD_ACCESS: no stray reads at borders'),
  faults: list(
    '--faults <list>',
    'chances that a set_memory_*() call fails, as in decrypt=0.01,encrypt=0.01,converted=0.5,retries=1,seed=1; retries: of set_memory_encrypted() (default: 1)',
  ),
  kernel: text(
    '--kernel <version>',
    'page allocator version: 6.x (to 6.9), 6.12 (6.10 to 6.14) or 7.x; they differ in migratetype fallback and per-CPU lists (default: 7.x, or that of an exact --memory-state)',
    { words: () => KERNELS },
  ),
  pcp: flag('--no-pcp', 'a page allocator without per-CPU page lists'),
  compaction: flag('--no-compaction', 'the page allocator empties no 2 MiB block by moving movable pages'),
  reclaim: flag('--no-reclaim', 'the page allocator reclaims no page cache that was in use at the start'),
  swiotlbDynamic: flag('--swiotlb-dynamic', 'bounce buffers grow when they are full'),
  seed: number('--seed <n>', 'first placement seed, and seed of a generated workload', {
    ...ANY_SEED,
    default: 1,
  }),
  seeds: number('--seeds <n>', 'placement seeds to run; values are medians over them', {
    ...{ from: 1, to: 1000, default: 5 },
  }),
  metrics: list(
    '--metrics <list>',
    "rows of the table: a,b,c exactly these; +a,b the usual ten and these; all every row; 'decpool metrics' lists them",
    { words: metricNames },
  ),
  ranges: flag('--ranges', 'the smallest and the largest value over the seeds below each value'),
  bounds: flag(
    '--bounds',
    'upper bounds by an offline packing for 20,000 to 200,000 page requests; can take minutes',
  ),
  pareto: flag(
    '--pareto',
    'rank the policies by 2M splits, idle memory and host calls; show the Pareto front',
  ),
  workers: { ...WORKERS, isPresentation: true },
  out: file('--out <dir>', 'folder for results: a folder per input', {
    ...{ default: 'decpool-results', isPresentation: true },
  }),
  map: choice(
    '--map [what]',
    'a map of memory in plain characters: policies at peak, or each policy over time',
    ['policies', 'time'],
    { preset: 'policies', isPresentation: true },
  ),
  mail: flag('--mail', 'print each report.md and nothing else: at most 40 lines of 72 columns', {
    isPresentation: true,
  }),
  json: flag(
    '--json',
    'print results as JSON and nothing else: a document per line and input (docs/schemas)',
    { isPresentation: true },
  ),
  csv: flag('--csv', 'print results as tidy CSV and nothing else: a value per line', {
    isPresentation: true,
  }),
  check: file(
    '--check <baseline>',
    "exit 1 if a figure is worse than in an earlier run's results.json or folder by more than --max-regress, beyond the ranges over the seeds",
    { isPresentation: true },
  ),
  maxRegress: number('--max-regress <percent>', 'how much worse --check lets a figure be', {
    ...{ from: 0, to: Number.POSITIVE_INFINITY, default: 5, defaultText: '5%' },
    parse: percentage,
    isPresentation: true,
  }),
  logFormat: text('--log-format <format>', `event logs as ${logFormatNames().join(', ')}`, {
    default: 'arrow',
    words: logFormatNames,
  }),
};

export type CompareOptions = Values<typeof COMPARE_OPTIONS>;

function granule(text: string): number {
  if (Object.hasOwn(GRANULES_KIB, text)) return Number(text);
  const expected = Object.keys(GRANULES_KIB).join(', ');
  throw new InputError(`--granule '${text}': expected the host's page size in KiB, ${expected}`);
}

/** Parses `5%` or `0.5`: percent. */
function percentage(given: string): number {
  if (!/^\d+(\.\d+)?\s*%?$/.test(given)) throw new InvalidArgumentError('expected a percentage such as 5%.');
  return Number.parseFloat(given);
}
