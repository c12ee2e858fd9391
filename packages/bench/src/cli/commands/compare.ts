import { PLATFORM_NAMES } from '@decpool/model';
import { type Command, Option } from 'commander';
import { LOG_FORMATS } from '../../log/format.ts';
import type { CommandContext } from '../command-context.ts';
import type { CompareOptions } from '../compare-run.ts';
import { percentage, wholeNumber } from '../numbers.ts';
import { USUAL_PLATFORM } from '../platform.ts';

/**
 * What a current kernel does; the best known pool; the pool that converts least and keeps most; the proposal of 2024; the
 * kernel of 2024.
 */
const DEFAULT_POLICIES = [
  'linux-7.3',
  'longest-free-range',
  'first-fit+never-return',
  'gfp-decrypted',
  'linux-6.12',
];

export function addCompare(decpool: Command, { commandLine, exit, output }: CommandContext): void {
  decpool
    .command('compare')
    .summary('compare allocator policies on a workload or a recorded kernel trace')
    .description(
      'Runs every policy over the same requests, from the same memory state. Prints a verdict and a table per input. Default: the three bundled inputs.',
    )
    .option('--trace <file>', 'requests of a recorded kernel, gzipped or not; formats: docs/traces.md')
    .option(
      '--shared <expr>',
      'the page events of the trace that are for shared memory, as in order>=1 & task=kworker*',
    )
    .option('--workload <name>', "a generated workload; 'decpool workloads' lists them")
    .option(
      '--policy <list>',
      "policies and policy files, separated by commas; the first is the baseline; all: every policy; 'decpool policies' lists them",
      DEFAULT_POLICIES.join(','),
    )
    .option(
      '--memory <size>',
      'memory after a fresh boot (default: 4G, or what the workload needs); 4G:aged or 4G:fragmented=0.6 for a scattered start',
    )
    .addOption(new Option('--nodes <n>', 'NUMA nodes of the memory of --memory').argParser(wholeNumber(1, 8)))
    .option('--memory-state <dir>', 'recorded memory: a folder with buddyinfo and pagetypeinfo')
    .option(
      '--platform <name>',
      `${PLATFORM_NAMES.join(', ')} (default: the platform of the workload, or ${USUAL_PLATFORM})`,
    )
    .option('--restore', 're-form a 2M mapping once a block is fully private again')
    .option('--granule <KiB>', "the host's page size, 4, 16 or 64: conversions are of whole granules", '4')
    .option('--no-word-access', 'a kernel without DCACHE_WORD_ACCESS: no stray reads at borders')
    .option(
      '--faults <list>',
      'chances that a set_memory_*() call fails, as in decrypt=0.01,encrypt=0.01,converted=0.5,retries=1,seed=1; retries: of set_memory_encrypted() (default: 1)',
    )
    .option(
      '--kernel <version>',
      'page allocator version, 6.x or 7.x: they differ in migratetype fallback (default: 6.x)',
    )
    .option('--pcp', 'per-CPU page lists in the page allocator')
    .option('--compaction', 'the page allocator may empty a 2 MiB block by moving movable pages')
    .option('--swiotlb-dynamic', 'bounce buffers grow when they are full')
    .addOption(
      new Option('--seed <n>', 'first placement seed, and seed of a generated workload')
        .default(1)
        .argParser(wholeNumber(0, 0xffffffff)),
    )
    .addOption(
      new Option('--seeds <n>', 'placement seeds to run; values are medians over them')
        .default(5)
        .argParser(wholeNumber(1, 1000)),
    )
    .option(
      '--metrics <list>',
      "rows of the table: a,b,c exactly these; +a,b the usual ten and these; all every row; 'decpool metrics' lists them",
    )
    .option('--ranges', 'the smallest and the largest value over the seeds below each value')
    .option(
      '--bounds',
      'upper bounds by an offline packing for 20,000 to 200,000 page requests; can take minutes',
    )
    .option('--pareto', 'rank the policies by 2M splits, idle memory and host calls; show the Pareto front')
    .option('--out <dir>', 'folder for results: a folder per input', 'decpool-results')
    .addOption(
      new Option(
        '--map [what]',
        'a map of memory in plain characters: policies at peak, or each policy over time',
      )
        .choices(['policies', 'time'])
        .preset('policies'),
    )
    .option('--mail', 'print each report.md and nothing else: at most 40 lines of 72 columns')
    .option('--json', 'print results as JSON and nothing else: a document per line and input (docs/schemas)')
    .option('--csv', 'print results as tidy CSV and nothing else: a value per line')
    .option(
      '--check <baseline>',
      "exit 1 if a figure is worse than in an earlier run's results.json or folder by more than --max-regress, beyond the ranges over the seeds",
    )
    .addOption(
      new Option('--max-regress <percent>', 'how much worse --check lets a figure be')
        .default(5, '5%')
        .argParser(percentage),
    )
    .option('--log-format <format>', `event logs as ${Object.keys(LOG_FORMATS).join(', ')}`, 'arrow')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool compare
  decpool compare --workload netvsc --memory 16G --platform tdx
  decpool compare --trace dma_trace.txt.gz --memory-state snapshots/before --seeds 20
  decpool compare --workload netvsc --policy linux-7.3,best-fit,./my-policy.ts --metrics +borders
  decpool compare --workload netvsc --mail

SEE ALSO
  decpool policies, decpool workloads, decpool metrics, decpool report; docs/platforms.md, docs/traces.md`,
    )
    .action(async (options: CompareOptions) => {
      const { compareCommand } = await import('../compare-run.ts');
      exit(await compareCommand(options, commandLine(), output));
    });
}
