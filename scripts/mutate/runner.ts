/**
 * Runs each test once without a mutant, and then once for each mutant that it reached and that no test has found so far. So a
 * mutant costs the time of a test, not that of loading all modules again. If DECPOOL_MUTANT is set, that mutant is on from the
 * start, and each test runs once: for what modules and hooks do before a test.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type RunnerTask, type RunnerTestCase, type RunnerTestSuite, TestRunner } from 'vitest';
import type { Line, Task } from './progress.ts';
import { MutantSwitch } from './switch.ts';

const task: Task = JSON.parse(readFileSync(String(process.env['DECPOOL_MUTATION']), 'utf8'));
const only = process.env['DECPOOL_MUTANT'];

// The same values in every run, and no search for the smallest that fails.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 1, endOnFailure: true });

const mutation = new MutantSwitch();
const found = new Set(task.found);
const left = new Set(task.leftOut);
const done = new Set(task.done);
const report = (line: Line): void => appendFileSync(task.progress, `${JSON.stringify(line)}\n`);

/** Steps of a mutant: so many times those without it, and so many more. */
const MORE_STEPS = 20;
const FREE_STEPS = 200_000;
/** ms for a mutant: so many times those without it, and so many more. */
const MORE_TIME = 5;
const FREE_TIME = 2000;
const spent = new Map<number, number>();

/** Errors that no test waits for, as of a subscriber of an Observable. The run fails by them, so they find a mutant. */
const strays: unknown[] = [];
for (const event of ['uncaughtException', 'unhandledRejection'])
  process.on(event, (error: unknown) => void strays.push(error));

/** ms of a test that waits until the others were run with all mutants. */
const SLOW = 400;

if (only !== undefined) mutation.turnOn(Number(only), task.most);
report({ kind: 'begin', pid: process.pid });

export default class MutationRunner extends TestRunner {
  override async onBeforeRunTask(test: RunnerTask): Promise<void> {
    if (only === undefined) {
      // What the file itself and hooks have reached.
      reportOutside(test.file.filepath);
      if (done.has(fullName(test))) test.mode = 'skip';
    }
    await super.onBeforeRunTask(test);
  }

  async runTask(test: RunnerTestCase): Promise<void> {
    const run = TestRunner.getTestFn(test);
    if (only !== undefined) return run();
    reportOutside(test.file.filepath);
    mutation.turnOff();
    const start = performance.now();
    await run();
    const ms = performance.now() - start;
    const { reached, calls } = mutation;
    const name = fullName(test);
    report({ kind: 'test', spec: test.file.filepath, name, ms, calls, reached: [...reached] });
    mutation.turnOff();
    if (ms > SLOW && !task.withSlow) {
      report({ kind: 'slow', name });
      return;
    }
    const wanted = [...reached].filter((id) => !found.has(id) && !left.has(id));
    const again = async (): Promise<boolean> => {
      mutation.turnOff();
      await runHooksAgain(test);
      return (await this.#outcome(test, run)) === undefined;
    };
    if (wanted.length > 0 && !(await again())) {
      report({ kind: 'once', spec: test.file.filepath, name });
      return;
    }
    for (const id of wanted) {
      const tried = spent.get(id) ?? 0;
      if (tried > task.mostMs) {
        report({ kind: 'left', id });
        continue;
      }
      spent.set(id, tried + ms);
      report({ kind: 'try', id, name, ms });
      await runHooksAgain(test);
      mutation.turnOn(id, calls * MORE_STEPS + FREE_STEPS);
      const why = await Promise.race([this.#outcome(test, run), late(ms * MORE_TIME + FREE_TIME)]);
      mutation.turnOff();
      if (why === undefined) continue;
      found.add(id);
      report({ kind: 'found', id, name, why });
      // A mutant may leave something behind that makes every other fail.
      if (await again()) continue;
      report({ kind: 'spoilt', spec: test.file.filepath, name });
      process.kill(process.pid, 'SIGKILL');
    }
    report({ kind: 'done', name });
    mutation.turnOff();
  }

  /** Why it fails; undefined if it passes. */
  async #outcome(test: RunnerTestCase, run: () => unknown): Promise<string | undefined> {
    const errors: unknown[] = [];
    try {
      super.onBeforeTryTask(test);
      await run();
      super.onAfterTryTask(test);
    } catch (error) {
      errors.push(error);
    }
    // Those that no test waits for are thrown in a turn of their own.
    await new Promise((resolve) => setTimeout(resolve));
    errors.push(...strays.splice(0));
    return errors.length === 0 ? undefined : String(errors[0]).split('\n')[0].slice(0, 200);
  }
}

/** Before a test is run again: the hooks behind and before each test, as they ran around it the first time. */
async function runHooksAgain(test: RunnerTestCase): Promise<void> {
  const suites: RunnerTestSuite[] = [];
  for (let suite: RunnerTestSuite | undefined = test.suite; suite !== undefined; suite = suite.suite) {
    suites.push(suite);
  }
  const hooks = [...suites, test.file].map((suite) => TestRunner.getSuiteHooks(suite));
  for (const { afterEach } of hooks) {
    for (const hook of afterEach.toReversed()) await hook(test.context, test.file);
  }
  for (const { beforeEach } of hooks.toReversed()) {
    for (const hook of beforeEach) await hook(test.context, test.file);
  }
  mutation.turnOff();
}

function reportOutside(spec: string): void {
  if (mutation.reached.size > 0) report({ kind: 'outside', spec, reached: [...mutation.reached] });
  mutation.turnOff();
}

const late = (ms: number): Promise<string> =>
  new Promise((resolve) => setTimeout(resolve, ms, 'it takes too long').unref());

const fullName = (test: RunnerTask): string =>
  test.suite === undefined ? `${test.file.name} > ${test.name}` : `${fullName(test.suite)} > ${test.name}`;
