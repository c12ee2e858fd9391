import { COMPARE_OPTIONS } from '../compare-options.ts';
import { command } from '../declaration.ts';

export const compare = command({
  name: 'compare',
  summary: 'compare allocator policies on a workload or a recorded kernel trace',
  description:
    'Runs every policy over the same requests, from the same memory state. Prints a verdict and a table per input. Default: the three bundled inputs.',
  options: COMPARE_OPTIONS,
  different: 'With --check: a figure is worse than in the earlier run.',
  examples: [
    'decpool compare',
    'decpool compare --workload netvsc --memory 16G --platform tdx',
    'decpool compare --trace dma_trace.txt.gz --memory-state snapshots/before --seeds 20',
    'decpool compare --workload netvsc --policy linux-7.3,best-fit,./my-policy.ts --metrics +borders',
    'decpool compare --workload netvsc --mail',
  ],
  seeAlso:
    'decpool policies, decpool workloads, decpool metrics, decpool report; docs/platforms.md, docs/traces.md',
  async run(options, { output, commandLine }) {
    const { compareCommand } = await import('../compare-run.ts');
    return compareCommand(options, commandLine(), output);
  },
});
