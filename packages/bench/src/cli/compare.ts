import { PLATFORM_NAMES } from '@decpool/model';
import { type Command, Option } from 'commander';
import { LOG_FORMATS } from '../log/format.ts';
import { WORKLOADS } from '../workloads/registry.ts';
import type { CommandContext } from './command-context.ts';
import type { CompareOptions } from './compare-run.ts';
import { percentage, wholeNumber } from './numbers.ts';
import { USUAL_PLATFORM } from './platform.ts';

/** Two kernels, the proposal of 2024, and two pools: one that keeps all it ever shared, one that keeps nothing. */
const DEFAULT_POLICIES = [
  'linux-6.12',
  'linux-7.3',
  'gfp-decrypted',
  'first-fit+block+never-return',
  'longest-free-range+block+immediate',
];

export function addCompare(decpool: Command, { commandLine, exit, output }: CommandContext): void {
  decpool
    .command('compare')
    .summary('compare allocator policies on a workload or a recorded kernel trace')
    .description(
      'Runs every policy over the same requests, from the same memory state, and prints a table per input. Without --trace and --workload it runs the three bundled inputs.',
    )
    .option(
      '--trace <file>',
      'requests of a recorded kernel, gzipped or not (docs/traces.md lists the formats)',
    )
    .option(
      '--shared <expr>',
      'which page events of the trace are for shared memory, as in order>=1 & task=kworker*',
    )
    .option('--workload <name>', `a generated workload: ${WORKLOADS.map(({ name }) => name).join(', ')}`)
    .option(
      '--policy <list>',
      'policies and files of your own, separated by commas; the first is the baseline; all: every one, ranked',
      DEFAULT_POLICIES.join(','),
    )
    .option(
      '--memory <size>',
      'memory after a fresh boot, 4G unless told or the workload is made for another; 4G:fragmented=0.6 or 4G:aged for a scattered start',
    )
    .addOption(
      new Option('--nodes <n>', 'NUMA nodes that made-up memory is spread over').argParser(wholeNumber(1, 8)),
    )
    .option('--memory-state <dir>', 'memory as recorded: a folder with buddyinfo and pagetypeinfo')
    .option(
      '--platform <name>',
      `${PLATFORM_NAMES.join(', ')}; ${USUAL_PLATFORM} unless the workload models another`,
    )
    .option('--restore', 'what if a block were mapped by one 2M page again once it is all private?')
    .option('--granule <KiB>', "the host's page size: 4, 16 or 64; a conversion is of whole ones", '4')
    .option('--no-word-access', 'a kernel built without DCACHE_WORD_ACCESS: no stray reads at borders')
    .option(
      '--faults <list>',
      'calls of set_memory_*() that fail, as in decrypt=0.01,encrypt=0.01,converted=0.5,retries=1,seed=1: chances per call; retries of set_memory_encrypted() after a failure, 1 unless told, 0: nobody tries',
    )
    .option(
      '--kernel <version>',
      'whose page allocator: 6.x or 7.x, which steal from other migratetypes differently',
      '6.x',
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
      new Option('--seeds <n>', 'placement seeds to run; a table shows median and spread')
        .default(5)
        .argParser(wholeNumber(1, 1000)),
    )
    .option(
      '--metrics <list>',
      'rows beside the usual ones, separated by commas, as in llfree-score,johnstone-wilson-4; or all (another name lists them)',
    )
    .option(
      '--bounds',
      'upper bounds by an offline packing also where it takes long: of 20,000 to 200,000 requests for pages, up to minutes',
    )
    .option('--pareto', 'show which policies no other beats at splits, idle memory and host calls at once')
    .option('--out <dir>', 'folder for results: a folder per input', 'decpool-results')
    .addOption(
      new Option(
        '--map [what]',
        'a map of memory in plain characters: under each policy when most shared memory lives, or each over time',
      )
        .choices(['policies', 'time'])
        .preset('policies'),
    )
    .option(
      '--json',
      'results on standard output and nothing else there: a JSON document per input, each on a line (docs/schemas)',
    )
    .option('--csv', 'results on standard output as tidy CSV: a value a line, and nothing else there')
    .option(
      '--check <baseline>',
      "exit 1 where a figure is worse than in an earlier run's results.json, or folder of results, by more than --max-regress, and the ranges over the seeds do not overlap",
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
  decpool compare --workload netvsc --policy gfp-decrypted,best-fit+block+never-return --log-format ndjson

SEE ALSO
  decpool policies, decpool workloads, decpool report; docs/metrics.md, docs/platforms.md, docs/traces.md`,
    )
    .action(async (options: CompareOptions) => {
      const { compareCommand } = await import('./compare-run.ts');
      exit(await compareCommand(options, commandLine(), output));
    });
}
