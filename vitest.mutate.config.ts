/** The specs with mutants in the sources: see scripts/mutate/main.ts. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { mutate } from './scripts/mutate/mutants.ts';
import type { Task } from './scripts/mutate/progress.ts';
import usual from './vitest.config.ts';

const { files }: Task = JSON.parse(readFileSync(String(process.env['DECPOOL_MUTATION']), 'utf8'));
const isAlone = process.env['DECPOOL_MUTANT'] !== undefined;

const mutants = {
  name: 'mutants',
  enforce: 'pre' as const,
  transform(code: string, id: string) {
    const file = relative(import.meta.dirname, id.split('?')[0]);
    const mutated = files.find((other) => other.file === file);
    return mutated === undefined ? undefined : { code: mutate(file, code, mutated.firstId).code, map: null };
  },
};

/** In the order in which they were given: those beside the sources first. */
class GivenOrder extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const order = process.argv.filter((argument) => argument.endsWith('.spec.ts'));
    const place = (spec: TestSpecification) => order.indexOf(relative(import.meta.dirname, spec.moduleId));
    return specs.toSorted((a, b) => place(a) - place(b));
  }
}

export default {
  ...usual,
  plugins: [mutants],
  test: {
    ...usual.test,
    runner: './scripts/mutate/runner.ts',
    maxWorkers: 1,
    bail: isAlone ? 1 : 0,
    testTimeout: isAlone ? 30_000 : 300_000,
    globalSetup: isAlone ? [] : usual.test?.globalSetup,
    sequence: { sequencer: GivenOrder },
  },
};
