import { availableParallelism } from 'node:os';
import type { Cell } from '../../sweep/plan.ts';
import { command, file, fileArgument } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { interruptible } from '../interrupt.ts';
import { WORKERS } from '../options.ts';
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
  async run({ definition, out, workers = availableParallelism() }, { output }) {
    const { prepareSweep } = await import('../../sweep/prepare.ts');
    const { SweepFolder } = await import('../../sweep/folder.ts');
    const { cellsOf } = await import('../../sweep/plan.ts');
    const { SweepPace } = await import('../../sweep/pace.ts');
    const { sweep: runSweep } = await import('../../sweep/sweep.ts');
    const { factsText, sweepResultsText } = await import('../../sweep/text.ts');
    const plan = await prepareSweep(definition);
    return interruptible(async (signal) => {
      const folder = await SweepFolder.open(out, plan);
      const already = folder.finished.size;
      const progress = counted(plan.definition.name, 'cells', output);
      let pace = new SweepPace([], workers);
      try {
        output.write(factsText(plan, folder));
        const results = await runSweep(plan, folder, {
          ...{ workers, signal },
          onStart(toDo) {
            pace = new SweepPace(toDo.map(inputOf), workers);
            if (toDo.length > 0) progress.show(0, pace.all);
          },
          onCell(cell, seconds) {
            pace.add(inputOf(cell), seconds);
            progress.show(pace.done, pace.all, pace.secondsLeft);
          },
        });
        progress.stop();
        output.write(
          results === undefined
            ? `interrupted  ${already + pace.done} of ${cellsOf(plan).length} cells are done and kept in ${out}; run the same command to continue\n`
            : sweepResultsText(results, out),
        );
        return results === undefined ? EXIT.interrupted : EXIT.done;
      } finally {
        progress.stop();
        folder.close();
      }
    });
  },
});

const inputOf = ({ input }: Cell): string => input.facts.name;
