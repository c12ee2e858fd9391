import { availableParallelism } from 'node:os';
import { InputError } from '@decpool/model';
import { InvalidArgumentError } from 'commander';
import type { SweepFolder } from '../../sweep/folder.ts';
import type { CoordinatorOptions, DeliveryCounts } from '../../sweep/nats/coordinator.ts';
import type { Cell, SweepPlan } from '../../sweep/plan.ts';
import type { SweepResults } from '../../sweep/results.ts';
import { parseShard, type Shard } from '../../sweep/shard.ts';
import type { Engine } from '../../sweep/sweep.ts';
import { command, file, fileArgument, flag, type Parameter } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { exitCodeOf, interruptible } from '../interrupt.ts';
import { NATS_OPTIONS, on } from '../nats-options.ts';
import { WORKERS } from '../options.ts';
import type { Output } from '../output.ts';
import { counted } from '../progress.ts';

const DEFINITION = `Memory, platforms and settings may be left out; "default" is the platform that a workload models.
The first policy is the baseline. Paths are relative to the definition.

{
  "name": "rings",
  "policies": ["linux-6.12", "first-fit+block+immediate", "./my-policy.ts"],
  "inputs": [{ "workload": "netvsc" }, { "trace": "dma_trace.txt.gz", "memory": [{ "state": "snapshots/before" }] }],
  "memory": ["4G", "4G:aged"],
  "platforms": ["default", "cca"],
  "seeds": [1, 2, 3],
  "workloadPerSeed": true,
  "settings": { "kernel": "7.x", "pcp": true, "faults": { "decrypt": 0.01 } }
}`;

/** `merge` in the place of a definition. */
const MERGE = 'merge';

const SHARD: Parameter<Shard | undefined, 'text'> = {
  flags: '--shard <i/n>',
  text: 'run only this fixed part of the grid, as 3/16; the folders of all parts are merged later',
  kind: 'text',
  parse: parsedShard,
};

const PARTS: Parameter<string[] | undefined, 'text'> = {
  flags: '[folders...]',
  text: 'with merge: the folders of the parts',
  kind: 'text',
  isFile: true,
};

export const sweep = command({
  name: 'sweep',
  summary: 'run a grid of policies, inputs, memory states, platforms and seeds',
  description:
    'Runs every cell of the grid in the definition, on all cores, and writes one tidy table. If a sweep was stopped or killed, the same command continues it. No finished cell is lost. With --shard any scheduler can run the parts of a grid on many machines; `decpool sweep merge` joins them to the table that one machine writes.',
  arguments: {
    definition: fileArgument('<definition>', 'JSON file, as below; or merge, which joins parts'),
    parts: PARTS,
  },
  options: {
    out: file('--out <dir>', 'folder for the cells and the results', { default: 'decpool-sweep' }),
    workers: WORKERS,
    shard: SHARD,
    on: on('have workers run the cells, by this NATS server: nats://HOST:4222; see decpool worker'),
    replace: flag('--replace', 'with --on: remove another sweep from the server first'),
    ...NATS_OPTIONS,
  },
  section: ['DEFINITION', DEFINITION],
  different: 'A cell failed, on two workers.',
  examples: [
    'decpool sweep rings.json --out rings',
    'decpool sweep rings.json --shard 3/16 --out rings-3',
    'decpool sweep merge rings-* --out rings',
    'decpool sweep rings.json --on nats://queue:4222 --out rings',
  ],
  seeAlso: 'docs/sweeps.md',
  async run({ definition, parts = [], ...options }, { output }) {
    if (definition === MERGE) return merge(parts, options, output);
    if (parts.length > 0) {
      throw new InputError(
        `'${parts[0]}': one definition is run at a time; decpool sweep merge joins folders`,
      );
    }
    expectTogether(options);
    const { prepareSweep } = await import('../../sweep/prepare.ts');
    return runSweep(await prepareSweep(definition), options, output);
  },
});

interface SweepOptions {
  readonly out: string;
  readonly workers?: number;
  readonly shard?: Shard;
  readonly on?: string;
  readonly replace?: boolean;
  readonly creds?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

async function runSweep(plan: SweepPlan, options: SweepOptions, output: Output): Promise<number> {
  const { out, workers = availableParallelism(), shard } = options;
  const { SweepFolder } = await import('../../sweep/folder.ts');
  const { outlineOf } = await import('../../sweep/plan.ts');
  const { SweepPace } = await import('../../sweep/pace.ts');
  const { sweep } = await import('../../sweep/sweep.ts');
  const { factsText, unfinishedText } = await import('../../sweep/text.ts');
  return interruptible(async (signal) => {
    const folder = await SweepFolder.open(out, { identity: plan.identity, outline: outlineOf(plan) });
    const progress = counted(plan.definition.name, 'cells', output);
    let pace = new SweepPace([], workers);
    let others: string | undefined;
    const show = () => progress.show(pace.done, pace.all, pace.secondsLeft, others);
    const watch = {
      onWorkers(machines: number, threads: number) {
        pace.workers = threads;
        others = machines === 1 ? '1 worker' : `${machines} workers`;
        show();
      },
      onEnd: ({ redelivered, repeated }: DeliveryCounts) =>
        output.write(`delivered    ${redelivered} cells again, ${repeated} results twice\n`),
    };
    try {
      output.write(factsText(plan, folder, shard));
      const results = await sweep(plan, folder, {
        ...{ engine: await engineFor(options, folder, watch), shard, signal },
        onStart(toDo) {
          pace = new SweepPace(toDo.map(inputOf), workers);
          if (toDo.length > 0) progress.show(0, pace.all);
        },
        onCell(cell, seconds) {
          pace.add(inputOf(cell), seconds);
          show();
        },
      });
      progress.stop();
      if (results !== undefined) return await tellResults(results, out, output);
      output.write(unfinishedText(plan, folder.finished.size + pace.done, out, signal.aborted));
      return signal.aborted ? exitCodeOf(signal) : EXIT.done;
    } finally {
      progress.stop();
      folder.close();
    }
  });
}

/** Threads of this machine, or workers on others. */
async function engineFor(
  { on, workers = availableParallelism(), shard, replace = false, ...server }: SweepOptions,
  folder: SweepFolder,
  watch: Pick<CoordinatorOptions, 'onWorkers' | 'onEnd'>,
): Promise<Engine> {
  if (on === undefined) {
    const { onThreads } = await import('../../sweep/threads.ts');
    return onThreads(workers);
  }
  const { onNats } = await import('../../sweep/nats/coordinator.ts');
  return onNats({ ...server, on, replace, folder: folder.id(), ...watch });
}

/** Throws InputError for options that do not go together. */
function expectTogether({ on, shard, workers, ...others }: SweepOptions): void {
  const { replace, creds, tlsCa, tlsCert, tlsKey } = others;
  const needsServer = Object.entries({
    replace,
    creds,
    'tls-ca': tlsCa,
    'tls-cert': tlsCert,
    'tls-key': tlsKey,
  });
  const lonely = on === undefined && needsServer.find(([, value]) => value !== undefined && value !== false);
  if (lonely) throw new InputError(`--${lonely[0]} needs --on: the address of a NATS server`);
  if (on === undefined) return;
  if (shard !== undefined)
    throw new InputError('--shard and --on are two ways to share a grid: give one of them');
  if (workers !== undefined)
    throw new InputError('--workers is for this machine; with --on give --threads to each worker');
}

async function merge(
  parts: readonly string[],
  { out, shard }: SweepOptions,
  output: Output,
): Promise<number> {
  if (parts.length === 0) throw new InputError('merge: give the folders of the parts');
  if (shard !== undefined) throw new InputError('merge joins all parts; --shard is for running one');
  const { mergeParts } = await import('../../sweep/merge.ts');
  return tellResults(await mergeParts(parts, out), out, output);
}

async function tellResults(results: SweepResults, out: string, output: Output): Promise<number> {
  const { sweepResultsText } = await import('../../sweep/text.ts');
  output.write(sweepResultsText(results, out));
  return results.runs.some((run) => 'failed' in run) ? EXIT.different : EXIT.done;
}

function parsedShard(text: string): Shard {
  const shard = parseShard(text);
  if (shard !== undefined) return shard;
  throw new InvalidArgumentError('expected a part and the number of parts, as 1/16 to 16/16.');
}

const inputOf = ({ input }: Cell): string => input.facts.name;
