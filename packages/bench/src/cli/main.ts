import { InputError, PLATFORM_NAMES } from '@decpool/model';
import { Command, CommanderError, Option } from 'commander';
import { LOG_FORMATS } from '../log/format.ts';
import { WORKLOADS } from '../workloads/registry.ts';
import type { CheckPolicyOptions } from './check-policy.ts';
import type { Output } from './command-context.ts';
import type { CompareOptions } from './compare.ts';
import type { FindingsOptions } from './findings.ts';
import { addLogCommands } from './log-commands.ts';
import { wholeNumber } from './numbers.ts';
import { USUAL_PLATFORM } from './platform.ts';
import { printableLines } from './printable.ts';
import type { SweepCommandOptions } from './sweep.ts';

/** 0: done. 1: a check found a difference. 2: something the user gave is wrong. 3: a defect of ours. */
const EXIT = { done: 0, different: 1, misuse: 2, defect: 3 } as const;

/** Two kernels, the proposal of 2024, and two pools: one that keeps all it ever shared, one that keeps nothing. */
const DEFAULT_POLICIES = [
  'linux-6.12',
  'linux-7.3',
  'gfp-decrypted',
  'first-fit+block+never-return',
  'longest-free-range+block+immediate',
];

// Whoever reads our output may stop, as `head` does. The run goes on: its results are files too.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`decpool: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.misuse);
});

const output: Output = {
  write: (text) => void process.stdout.write(text),
  isColoured: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
  isWatched: process.stderr.isTTY === true,
};

function program(exit: (code: number) => void): Command {
  const decpool = new Command('decpool')
    .description('Compare policies for a pool of decrypted memory in confidential Linux guests.')
    .showHelpAfterError('(see decpool --help)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'decpool: ')) })
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 a check found a difference; 2 something given is wrong; 3 a defect of decpool.',
    );

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
    .option('--log-format <format>', `event logs as ${Object.keys(LOG_FORMATS).join(', ')}`, 'arrow')
    .addHelpText(
      'after',
      `
Examples:
  decpool compare
  decpool compare --workload netvsc --memory 16G --platform tdx
  decpool compare --trace dma_trace.txt.gz --memory-state snapshots/before --seeds 20
  decpool compare --workload netvsc --policy gfp-decrypted,best-fit+block+never-return --log-format ndjson`,
    )
    .action(async (options: CompareOptions) => {
      const { compareCommand } = await import('./compare.ts');
      exit(await compareCommand(options, commandLine(), output));
    });

  decpool
    .command('sweep')
    .summary('run a grid of policies, inputs, memory states, platforms and seeds')
    .description(
      'Runs every cell of the grid that the definition, a JSON file, names, on all cores, and writes one tidy table. A sweep that was stopped or killed goes on where it was when the same command is given again; no finished cell is lost.',
    )
    .argument('<definition>', 'JSON file, as below')
    .option('--out <dir>', 'folder for the cells and the results', 'decpool-sweep')
    .addOption(
      new Option('--workers <n>', 'threads; as many as there are cores unless told').argParser(
        wholeNumber(1, 256),
      ),
    )
    .addHelpText(
      'after',
      `
A definition; memory, platforms and settings may be left out, "default" is the platform that a workload models:
  {
    "name": "rings",
    "policies": ["linux-6.12", "first-fit+block+immediate", "./my-policy.ts"],
    "inputs": [{ "workload": "netvsc" }, { "trace": "dma_trace.txt.gz", "memory": [{ "state": "snapshots/before" }] }],
    "memory": ["4G", "4G:aged"],
    "platforms": ["default", "cca"],
    "seeds": [1, 2, 3],
    "settings": { "kernel": "7.x", "pcp": true, "faults": { "decrypt": 0.01 } }
  }
The first policy is the baseline. Files are looked for beside the definition.

Example:
  decpool sweep rings.json --out rings`,
    )
    .action(async (definition: string, options: SweepCommandOptions) => {
      const { sweepCommand } = await import('./sweep.ts');
      exit(await sweepCommand(definition, options, output));
    });

  decpool
    .command('check-policy')
    .summary('check that a policy keeps the rules that every policy must')
    .description(
      'Tries a policy with random histories of requests and prints a line per rule, and for each that is broken the shortest history found that shows it. Exit code 1 when one is broken.',
    )
    .argument('<policy>', 'a policy, or a file that exports one')
    .addOption(new Option('--runs <n>', 'histories to try').default(100).argParser(wholeNumber(1, 1_000_000)))
    .addOption(
      new Option('--seed <n>', 'seed of the histories').default(1).argParser(wholeNumber(0, 0xffffffff)),
    )
    .addHelpText(
      'after',
      `
Examples:
  decpool check-policy ./my-policy.ts
  decpool check-policy first-fit+block+immediate --runs 1000`,
    )
    .action(async (policy: string, options: CheckPolicyOptions) => {
      const { checkPolicyCommand } = await import('./check-policy.ts');
      exit(await checkPolicyCommand(policy, options, output));
    });

  decpool
    .command('findings')
    .summary('run a sweep and write what it says as docs/findings.md')
    .description(
      'Runs what is left of a sweep, as the command sweep does, and writes a page of Markdown: which policy does best in what, by how much against the kernels, how far from the bounds, and how sure that is.',
    )
    .argument(
      '<definition>',
      'JSON file of a sweep with linux-6.12, linux-7.3 and gfp-decrypted among its policies',
    )
    .option('--sweep <dir>', 'folder for the cells and the results of the sweep', 'decpool-findings')
    .option('--out <file>', 'the page', 'docs/findings.md')
    .addOption(
      new Option('--workers <n>', 'threads; as many as there are cores unless told').argParser(
        wholeNumber(1, 256),
      ),
    )
    .addHelpText('after', '\nExample:\n  decpool findings examples/sweeps/findings.json')
    .action(async (definition: string, options: FindingsOptions) => {
      const { findingsCommand } = await import('./findings.ts');
      exit(await findingsCommand(definition, options, output));
    });

  addLogCommands(decpool, { exit, output });

  decpool
    .command('policies')
    .summary('list the policies and what they are made of')
    .description(
      'Lists the baselines, the short names and the strategies that a policy is made of, with their parameters.',
    )
    .action(async () => {
      const { policiesCommand } = await import('./policies.ts');
      exit(policiesCommand(output));
    });

  decpool
    .command('workloads')
    .summary('list the generated workloads')
    .description('Lists the generated workloads with what they model, at their default settings.')
    .action(async () => {
      const { workloadsCommand } = await import('./workloads.ts');
      exit(workloadsCommand(output));
    });

  decpool
    .command('known-answers')
    .summary('check figures that theory or a publication gives')
    .description(
      "Runs the workloads with a known answer and prints what is expected beside what is measured, and the curves of LLFree's benchmark. Exit code 1 when a figure is off by more than its tolerance.",
    )
    .action(async () => {
      const { knownAnswersCommand } = await import('./known-answers.ts');
      exit(await knownAnswersCommand(output));
    });

  decpool
    .command('validate')
    .summary('check the models against recordings of real kernels')
    .description(
      "Replays recordings through the direct-map model and compares splits, collapses and DirectMap changes row by row. With --scatter, gives the requests of recorded runs to the page source, never their page frames, and compares where they land by what they split. Exit code 1 when a model disagrees with the kernel's values.",
    )
    .argument(
      '<recording...>',
      'CSV files, gzipped or not, the kernel version comes from meta.json beside them; with --scatter folders of runs',
    )
    .option('--scatter', 'compare the page source, from the memory state before each run')
    .addHelpText(
      'after',
      `
Examples:
  decpool validate examples/traces/recordings/*/*/*.csv.gz
  decpool validate --scatter examples/traces/recordings/k61/E1f`,
    )
    .action(async (paths: string[], options: { readonly scatter?: boolean }) => {
      const { scatterCommand, validateCommand } = await import('./validate.ts');
      const command = options.scatter === true ? scatterCommand : validateCommand;
      exit(await command(paths, output.write));
    });

  return decpool;
}

/** The command as typed, for the reports: it reproduces them. Where they were written to makes no difference. */
function commandLine(): string {
  const given = process.argv.slice(2);
  const out = given.indexOf('--out');
  if (out !== -1) given.splice(out, 2);
  const words = given
    .filter((word) => !word.startsWith('--out='))
    .map((word) => (/^[\w./:=,+@-]+$/.test(word) ? word : `'${word}'`));
  return ['decpool', ...words].join(' ');
}

async function main(): Promise<number> {
  let code: number = EXIT.done;
  try {
    await program((given) => {
      code = given;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misuse;
    if (error instanceof InputError) {
      process.stderr.write(`decpool: ${printableLines(error.message)}\n`);
      return EXIT.misuse;
    }
    process.stderr.write(
      `decpool: a defect, please report it\n${error instanceof Error ? error.stack : error}\n`,
    );
    return EXIT.defect;
  }
  return code;
}

process.exitCode = await main();
