import { isOff, type MeasuredAnswer, measureAnswer } from '../known-answers/measure.ts';
import { answersText, curvesText } from '../known-answers/report.ts';
import { WORKLOADS } from '../workloads/registry.ts';
import { parseMemory, USUAL_MEMORY } from './inputs.ts';
import type { Output } from './output.ts';
import { counted } from './progress.ts';

/** `decpool known-answers`. Returns the exit code: 1 if a figure deviates by more than its tolerance. */
export async function knownAnswersCommand(output: Output): Promise<number> {
  const answers: MeasuredAnswer[] = [];
  const all = WORKLOADS.reduce((sum, { expected }) => sum + expected.length, 0);
  const progress = counted('known-answers', 'figures', output);
  for (const { expected, memory = USUAL_MEMORY, generate } of WORKLOADS) {
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
  return off === 0 ? 0 : 1;
}
