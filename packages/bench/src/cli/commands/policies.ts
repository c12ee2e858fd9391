import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

export function addPolicies(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('policies')
    .summary('list the policies and what they are made of')
    .description(
      'Lists the baselines, the short names and the strategies that a policy is made of, with their parameters.',
    )
    .action(async () => {
      const { policiesCommand } = await import('../policies-run.ts');
      exit(policiesCommand(output));
    });
}
