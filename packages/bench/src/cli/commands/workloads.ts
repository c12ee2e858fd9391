import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

export function addWorkloads(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('workloads')
    .summary('list the generated workloads')
    .description('Lists the generated workloads with what they model, at their default settings.')
    .action(async () => {
      const { workloadsCommand } = await import('../workloads-run.ts');
      exit(workloadsCommand(output));
    });
}
