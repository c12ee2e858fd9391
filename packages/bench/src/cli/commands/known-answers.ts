import type { MeasuredAnswer } from '../../known-answers/measure.ts';
import { command } from '../declaration.ts';
import { EXIT } from '../exit-status.ts';
import { counted } from '../progress.ts';

export const knownAnswers = command({
  name: 'known-answers',
  summary: 'check figures that theory or a publication gives',
  description:
    "Runs the workloads with a known answer. Prints the expected figure beside the measured one, and the curves of LLFree's benchmark.",
  different: 'A figure is off by more than its tolerance.',
  async run(_, { output }) {
    const { isOff, measureAnswer } = await import('../../known-answers/measure.ts');
    const { answersText, curvesText } = await import('../../known-answers/report.ts');
    const { WORKLOADS } = await import('../../workloads/registry.ts');
    const { DEFAULT_MEMORY, parseMemory } = await import('../../compare/machine.ts');
    const answers: MeasuredAnswer[] = [];
    const all = WORKLOADS.reduce((sum, { expected }) => sum + expected.length, 0);
    const progress = counted('known-answers', 'figures', output);
    for (const { expected, memory = DEFAULT_MEMORY, generate } of WORKLOADS) {
      if (expected.length === 0) continue;
      const workload = generate();
      const state = parseMemory(memory, 1);
      for (const answer of expected) {
        progress.show(answers.length, all);
        answers.push(await measureAnswer(workload, state, answer));
      }
    }
    progress.stop();
    output.write(`${answersText(answers)}\n${curvesText(answers)}`);
    const off = answers.filter(isOff).length;
    output.write(
      off === 0
        ? `All ${answers.length} figures are as expected.\n`
        : `${off} of ${answers.length} figures are OFF.\n`,
    );
    return off === 0 ? EXIT.done : EXIT.different;
  },
});
