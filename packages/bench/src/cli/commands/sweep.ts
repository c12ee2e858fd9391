import { type Command, Option } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { wholeNumber } from '../numbers.ts';
import type { SweepCommandOptions } from '../sweep-run.ts';

export function addSweep(decpool: Command, { exit, output }: CommandContext): void {
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
DEFINITION
  Memory, platforms and settings may be left out; "default" is the platform that a workload models.
  The first policy is the baseline. Files are looked for beside the definition.

  {
    "name": "rings",
    "policies": ["linux-6.12", "first-fit+block+immediate", "./my-policy.ts"],
    "inputs": [{ "workload": "netvsc" }, { "trace": "dma_trace.txt.gz", "memory": [{ "state": "snapshots/before" }] }],
    "memory": ["4G", "4G:aged"],
    "platforms": ["default", "cca"],
    "seeds": [1, 2, 3],
    "settings": { "kernel": "7.x", "pcp": true, "faults": { "decrypt": 0.01 } }
  }

EXAMPLES
  decpool sweep rings.json --out rings

SEE ALSO
  docs/sweeps.md`,
    )
    .action(async (definition: string, options: SweepCommandOptions) => {
      const { sweepCommand } = await import('../sweep-run.ts');
      exit(await sweepCommand(definition, options, output));
    });
}
