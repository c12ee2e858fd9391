import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

export function addWorkloads(decpool: Command, { output }: CommandContext): void {
  decpool
    .command('workloads')
    .summary('list the generated workloads, or the parameters of one')
    .description(
      'Lists the generated workloads with what they model, at their default settings. With a name: the parameters of that workload.',
    )
    .argument('[workload]', 'the workload whose parameters to list')
    .addHelpText(
      'after',
      `
EXAMPLES
  decpool workloads
  decpool workloads netvsc

SEE ALSO
  docs/workloads.md`,
    )
    .action(async (name: string | undefined) => {
      const [{ WORKLOADS, workloadNamed }, { parametersText, workloadRow, workloadsTable }] =
        await Promise.all([import('../../workloads/registry.ts'), import('../../workloads/list-text.ts')]);
      output.write(
        name === undefined
          ? workloadsTable(WORKLOADS.map(workloadRow))
          : parametersText(workloadNamed(name), output.columns),
      );
    });
}
