import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

export function addKnownAnswers(decpool: Command, { exit, output }: CommandContext): void {
  decpool
    .command('known-answers')
    .summary('check figures that theory or a publication gives')
    .description(
      "Runs the workloads with a known answer and prints what is expected beside what is measured, and the curves of LLFree's benchmark. Exit code 1 when a figure is off by more than its tolerance.",
    )
    .action(async () => {
      const { knownAnswersCommand } = await import('../known-answers-run.ts');
      exit(await knownAnswersCommand(output));
    });
}
