/**
 * Tries the mutants of some sources: all in one process as long as none hangs; then each that was not found and that is also reached
 * outside tests, when modules are loaded or in hooks, in a process of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { isEquivalent } from './equivalent.ts';
import { type Mutant, mutate } from './mutants.ts';
import type { Line, Ran, Task } from './progress.ts';
import type { Outcome } from './table.ts';

export interface Trial {
  readonly module: string;
  readonly sources: readonly string[];
  readonly specs: readonly string[];
  readonly triesEquivalent: boolean;
  /** Mutants to try, spread over the sources, always the same. Default: all. */
  readonly sample?: number | undefined;
  /** Seconds of tests, without a mutant, that are run for one that none has found. */
  readonly each: number;
  /** After so long nothing more is tried. */
  readonly seconds: number;
}

/** ms of a mutant without a word: it hangs. So many times the test's own, and so many more. */
const MORE_TIME = 20;
const FREE_TIME = 8000;
/** ms of a process for one mutant. */
const MOST_ALONE = 120_000;
/** Steps after which a mutant that is on from the start counts as endless: so many times all tests' own, and so many more. */
const MORE_STEPS = 20;
const FREE_STEPS = 5_000_000;

export async function trial({
  module,
  sources,
  specs,
  triesEquivalent,
  sample = Number.POSITIVE_INFINITY,
  each,
  seconds,
}: Trial): Promise<Outcome> {
  const start = performance.now();
  const isLate = () => performance.now() - start > seconds * 1000;
  const mutants: Mutant[] = [];
  const files = sources.map((file) => {
    const firstId = mutants.length;
    mutants.push(...mutate(file, readFileSync(file, 'utf8'), firstId).mutants);
    return { file, firstId };
  });
  const equivalent = triesEquivalent ? [] : mutants.filter(isEquivalent);
  const isEquivalentHere = new Set(equivalent);
  const wanted = new Set(
    spread(
      mutants.filter((mutant) => !isEquivalentHere.has(mutant)),
      sample,
    ),
  );
  const run = new Runs(
    files,
    specs,
    mutants.filter((mutant) => !wanted.has(mutant)).map(({ id }) => id),
    each * 1000,
  );
  try {
    const isOver = await run.together(isLate);
    const untried = await run.alone(mutants, isLate);
    const { reached, found } = run;
    const isTried = (mutant: Mutant) => reached.has(mutant.id) && wanted.has(mutant);
    // A test that was not run might have found them.
    for (const mutant of mutants.filter(isTried)) {
      if ((!isOver || run.left.has(mutant.id)) && !found.has(mutant.id)) untried.add(mutant.id);
    }
    return {
      module,
      mutants,
      equivalent,
      unreached: mutants.filter(({ id }) => !reached.has(id)),
      survivors: mutants.filter(
        (mutant) => isTried(mutant) && !found.has(mutant.id) && !untried.has(mutant.id),
      ),
      found: mutants.filter((mutant) => isTried(mutant) && found.has(mutant.id)).length,
      untried: mutants.filter(({ id }) => untried.has(id)),
      seconds: (performance.now() - start) / 1000,
    };
  } finally {
    run.close();
  }
}

/** So many of them, spread evenly: always the same. */
function spread(mutants: readonly Mutant[], count: number): readonly Mutant[] {
  if (count >= mutants.length) return mutants;
  const chosen = new Set<Mutant>();
  for (let at = 0; chosen.size < count; at++) {
    chosen.add(mutants[Math.floor(((at * 0.6180339887498949 + 0.5) % 1) * mutants.length)]);
  }
  return [...chosen];
}

class Runs {
  readonly found = new Set<number>();
  readonly #files: Task['files'];
  readonly #specs: readonly string[];
  /** Ids of those with which some test that reaches them was not run. */
  readonly left = new Set<number>();
  readonly #leftOut: readonly number[];
  readonly #mostMs: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'decpool-mutate-'));
  readonly #tests = new Map<string, Ran>();
  readonly #done = new Set<string>();
  #withSlow = false;
  /** By spec: what it reaches outside tests. */
  readonly #outside = new Map<string, Set<number>>();

  constructor(files: Task['files'], specs: readonly string[], leftOut: readonly number[], mostMs: number) {
    this.#mostMs = mostMs;
    this.#files = files;
    this.#specs = specs;
    this.#leftOut = leftOut;
  }

  get reached(): Set<number> {
    const all = new Set<number>();
    for (const { reached } of this.#tests.values()) for (const id of reached) all.add(id);
    for (const reached of this.#outside.values()) for (const id of reached) all.add(id);
    return all;
  }

  /**
   * All mutants in one process: first the quick tests, which find most, then the slow ones. It is started again if a mutant hangs,
   * ends it, or leaves something behind. Resolves to whether all tests were run in time.
   */
  async together(isLate: () => boolean): Promise<boolean> {
    for (;;) {
      const { status, output, lines, isHung } = await this.#process(
        this.#specs,
        this.#files,
        undefined,
        isLate,
      );
      for (const line of lines) this.#take(line);
      console.error(
        `${this.#tests.size} tests reach mutants, ${this.found.size} of ${this.reached.size} are found`,
      );
      const last = lines.at(-1);
      // A worker that was killed does not show in the status.
      const isWhole = status === 0 && last?.kind !== 'spoilt' && last?.kind !== 'try';
      if (isWhole && lines.some(({ kind }) => kind === 'slow')) {
        this.#withSlow = true;
        continue;
      }
      if (isWhole) return true;
      if (isLate()) return false;
      if (last?.kind === 'try') this.found.add(last.id);
      else if (last?.kind !== 'spoilt' && !isHung)
        throw new Error(`the specs fail without a mutant:\n${output}`);
    }
  }

  /** What is reached outside tests and not found, each in a process. Returns the ids of those that there is no time for. */
  async alone(mutants: readonly Mutant[], isLate: () => boolean): Promise<Set<number>> {
    const untried = new Set<number>();
    const outside = new Set([...this.#outside.values()].flatMap((reached) => [...reached]));
    for (const mutant of mutants) {
      const { id } = mutant;
      if (!outside.has(id) || this.found.has(id) || this.#leftOut.includes(id)) continue;
      if (isLate()) {
        untried.add(id);
        continue;
      }
      const files = this.#files.filter(({ file }) => file === mutant.file);
      const specs = this.#specsThatReach(mutant, mutants);
      let isFound = false;
      for (const some of [specs, this.#othersBeside(mutant, specs)]) {
        if (isFound || some.length === 0) continue;
        isFound = (await this.#process(some, files, id, isLate)).status !== 0;
      }
      console.error(`${isFound ? 'found' : 'survived'} alone: ${mutant.file}:${mutant.line}`);
      if (isFound) this.found.add(id);
    }
    return untried;
  }

  #specsThatReach({ id, file }: Mutant, mutants: readonly Mutant[]): string[] {
    const inTests = new Set(
      [...this.#tests.values()].filter(({ reached }) => reached.includes(id)).map(({ spec }) => spec),
    );
    const inHooks = [...this.#outside].filter(([, reached]) => reached.has(id)).map(([spec]) => spec);
    if (inTests.size > 0) return [...new Set([...inTests, ...inHooks])];
    // Reached when the file is loaded, once for all specs: each that uses the file.
    const ofFile = new Set(mutants.filter((mutant) => mutant.file === file).map((mutant) => mutant.id));
    const users = [...this.#tests.values()].filter(({ reached }) =>
      reached.some((other) => ofFile.has(other)),
    );
    return [...new Set([...inHooks, ...users.map(({ spec }) => spec)])];
  }

  /** Specs beside the file of a mutant: they may read what it made when it was loaded, by a module that another spec has loaded. */
  #othersBeside({ file }: Mutant, specs: readonly string[]): string[] {
    const known = new Set(specs.map((spec) => relative('.', spec)));
    return this.#specs.filter((spec) => dirname(spec) === dirname(file) && !known.has(spec));
  }

  #take(line: Line): void {
    if (line.kind === 'test') this.#tests.set(line.name, line);
    else if (line.kind === 'left') this.left.add(line.id);
    else if (line.kind === 'found') this.found.add(line.id);
    else if (line.kind === 'done' || line.kind === 'once') this.#done.add(line.name);
    else if (line.kind === 'outside') {
      const reached = this.#outside.get(line.spec) ?? new Set();
      for (const id of line.reached) reached.add(id);
      this.#outside.set(line.spec, reached);
    }
  }

  async #process(
    specs: readonly string[],
    files: Task['files'],
    mutant: number | undefined,
    isLate: () => boolean,
  ) {
    const progress = join(this.#folder, 'progress.ndjson');
    const calls = [...this.#tests.values()].reduce((sum, test) => sum + test.calls, 0);
    const task: Task = {
      ...{ files, progress, leftOut: this.#leftOut },
      found: [...this.found],
      done: [...this.#done],
      mostMs: this.#mostMs,
      most: calls * MORE_STEPS + FREE_STEPS,
      withSlow: this.#withSlow,
    };
    writeFileSync(progress, '');
    writeFileSync(join(this.#folder, 'task.json'), JSON.stringify(task));
    const child = spawn(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--config',
        'vitest.mutate.config.ts',
        '--reporter',
        'dot',
        // With many mutants in one process the runner says which of them such an error finds.
        ...(mutant === undefined ? ['--dangerouslyIgnoreUnhandledErrors'] : ['--bail', '1']),
        ...specs,
      ],
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          DECPOOL_MUTATION: join(this.#folder, 'task.json'),
          DECPOOL_RECORDINGS: '',
          ...(mutant === undefined ? {} : { DECPOOL_MUTANT: String(mutant) }),
        },
      },
    );
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => output.push(String(text)));
    running = child;
    const started = performance.now();
    let seen = 0;
    let since = started;
    let isHung = false;
    const watch = setInterval(() => {
      const lines = linesOf(progress);
      if (lines.length !== seen) [seen, since] = [lines.length, performance.now()];
      const last = lines.at(-1);
      const most =
        mutant !== undefined
          ? MOST_ALONE
          : last?.kind === 'try'
            ? last.ms * MORE_TIME + FREE_TIME
            : Number.POSITIVE_INFINITY;
      if (performance.now() - since < most && !isLate()) return;
      isHung = true;
      endGroup(child);
    }, 500);
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearInterval(watch);
    endGroup(child);
    return { status, output: output.join(''), lines: linesOf(progress), isHung };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function linesOf(path: string): Line[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** The process that runs now. */
let running: ChildProcess | undefined;

/** For whoever ends this process: the one that it waits for does not end by itself. */
export function endTrial(): void {
  if (running !== undefined) endGroup(running);
}

/** A worker in an endless loop hears nothing: its whole group is ended. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All have ended.
  }
}
