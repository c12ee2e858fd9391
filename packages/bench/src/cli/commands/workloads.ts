import { command, text } from '../declaration.ts';
import { workloadNames } from '../options.ts';

export const workloads = command({
  name: 'workloads',
  summary: 'list the generated workloads, or the parameters of one',
  description:
    'Lists the generated workloads with what they model, at their default settings. With a name: the parameters of that workload.',
  arguments: {
    workload: text('[workload]', 'the workload whose parameters to list', { words: workloadNames }),
  },
  examples: ['decpool workloads', 'decpool workloads netvsc'],
  seeAlso: 'docs/workloads.md',
  async run({ workload }, { output }) {
    const { WORKLOADS, workloadNamed } = await import('../../workloads/registry.ts');
    const { parametersText, workloadRow, workloadsTable } = await import('../../workloads/list-text.ts');
    output.write(
      workload === undefined
        ? workloadsTable(WORKLOADS.map(workloadRow))
        : parametersText(workloadNamed(workload), output.columns),
    );
  },
});
