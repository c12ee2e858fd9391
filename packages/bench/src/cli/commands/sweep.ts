import { command, file, fileArgument } from '../declaration.ts';
import { WORKERS } from '../options.ts';

const DEFINITION = `Memory, platforms and settings may be left out; "default" is the platform that a workload models.
The first policy is the baseline. Paths are relative to the definition.

{
  "name": "rings",
  "policies": ["linux-6.12", "first-fit+block+immediate", "./my-policy.ts"],
  "inputs": [{ "workload": "netvsc" }, { "trace": "dma_trace.txt.gz", "memory": [{ "state": "snapshots/before" }] }],
  "memory": ["4G", "4G:aged"],
  "platforms": ["default", "cca"],
  "seeds": [1, 2, 3],
  "settings": { "kernel": "7.x", "pcp": true, "faults": { "decrypt": 0.01 } }
}`;

export const sweep = command({
  name: 'sweep',
  summary: 'run a grid of policies, inputs, memory states, platforms and seeds',
  description:
    'Runs every cell of the grid in the definition, on all cores, and writes one tidy table. If a sweep was stopped or killed, the same command continues it. No finished cell is lost.',
  arguments: { definition: fileArgument('<definition>', 'JSON file, as below') },
  options: {
    out: file('--out <dir>', 'folder for the cells and the results', { default: 'decpool-sweep' }),
    workers: WORKERS,
  },
  section: ['DEFINITION', DEFINITION],
  examples: ['decpool sweep rings.json --out rings'],
  seeAlso: 'docs/sweeps.md',
  async run({ definition, ...options }, { output }) {
    const { sweepCommand } = await import('../sweep-run.ts');
    return sweepCommand(definition, options, output);
  },
});
