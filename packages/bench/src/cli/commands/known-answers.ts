import { command } from '../declaration.ts';

export const knownAnswers = command({
  name: 'known-answers',
  summary: 'check figures that theory or a publication gives',
  description:
    "Runs the workloads with a known answer. Prints the expected figure beside the measured one, and the curves of LLFree's benchmark.",
  different: 'A figure is off by more than its tolerance.',
  async run(_, { output }) {
    const { knownAnswersCommand } = await import('../known-answers-run.ts');
    return knownAnswersCommand(output);
  },
});
