import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

export function addMetrics(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('metrics')
    .summary('list the metrics, with their formulas')
    .description(
      'Lists every metric: its id for --metrics, its unit, and its formula. The ten rows that compare shows come first.',
    )
    .action(async () => {
      const { metricsCommand } = await import('../metrics-run.ts');
      exit(metricsCommand(output));
    });
}
