/**
 * pnpm mutate [MODULE or PATH...] [--specs SPEC...] [--equivalent] [--unreached] [--sample N] [--each N] [--seconds N] [--turn]
 *
 * Changes the sources in small ways, one at a time, and runs the specs that reach the change. Prints a table, and each change
 * that no spec finds. Without arguments: the names of the modules. --specs: these specs only. --equivalent: tries what the list
 * of equivalent mutants leaves out, too. --unreached: lists what no spec comes by, and what was not tried to the end. --sample:
 * tries so many mutants, spread over the module, always the same. --each: seconds of tests for one mutant (default: 20).
 * --seconds: stops after that time. A mutant that was not tried with all tests that reach it is no survivor.
 *
 * --turn: one file of record.ts, one that the last commit changed if any, else the next in turn; exits with 1 if more of its mutants
 * survive than the record says.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MODULES, type Module, sourcesIn, specsOf } from './modules.ts';
import { RECORD } from './record.ts';
import { mutantText, type Outcome, tableOf } from './table.ts';
import { endTrial, trial } from './trial.ts';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    endTrial();
    process.exit(130);
  });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    specs: { type: 'string', multiple: true },
    equivalent: { type: 'boolean', default: false },
    unreached: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    sample: { type: 'string' },
    each: { type: 'string', default: '20' },
    turn: { type: 'boolean', default: false },
  },
});

const wanted = values.turn ? [inTurn()] : positionals.map(moduleNamed);
if (wanted.length === 0)
  console.log(MODULES.map(({ name, paths }) => `${name}: ${paths.join(' ')}`).join('\n'));

const modules = wanted.map(({ name, paths, specs }) => {
  const sources = sourcesIn(paths);
  return { name, sources, specs: values.specs ?? specsOf(sources, specs) };
});
for (const { name, specs } of modules) {
  if (specs.length > 0) continue;
  console.error(`${name}: no spec lies beside it or imports it; --specs says which`);
  process.exit(2);
}

const outcomes: Outcome[] = [];
for (const { name, sources, specs } of modules) {
  const outcome = await trial({
    module: name,
    sources,
    specs,
    triesEquivalent: values.equivalent,
    sample: values.sample === undefined ? undefined : Number(values.sample),
    each: Number(values.each),
    seconds: values.seconds === undefined ? Number.POSITIVE_INFINITY : Number(values.seconds),
  });
  for (const mutant of outcome.survivors) console.log(mutantText(mutant));
  if (values.unreached) {
    for (const mutant of outcome.unreached) console.log(`not reached: ${mutantText(mutant)}`);
    for (const mutant of outcome.untried) console.log(`not tried to the end: ${mutantText(mutant)}`);
  }
  outcomes.push(outcome);
}
if (outcomes.length > 0) console.log(`\n${tableOf(outcomes)}`);
for (const { module, survivors } of values.turn ? outcomes : []) {
  if (survivors.length <= RECORD[module]) continue;
  console.error(
    `${module}: ${survivors.length} mutants survive, ${RECORD[module]} by the record: a spec should state the rules above`,
  );
  process.exitCode = 1;
}

/** A module, or a file of one with the module's specs. */
function moduleNamed(name: string): Module {
  return MODULES.find((module) => module.name === name) ?? fileOf(name);
}

function fileOf(path: string): Module {
  const module = MODULES.find(({ paths }) => sourcesIn(paths).includes(path));
  return { name: path, paths: [path], specs: module?.specs ?? [] };
}

/** A file of the record: one that the last commit changed, or the next in turn. */
function inTurn(): Module {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const commits = Number(git('rev-list', '--count', 'HEAD'));
  const all = Object.keys(RECORD);
  let changed: string[] = [];
  try {
    changed = git('diff', '--name-only', 'HEAD~1').split('\n');
  } catch {
    // A clone without the commit before.
  }
  const touched = all.filter((path) => changed.includes(path));
  const among = touched.length > 0 ? touched : all;
  return fileOf(among[commits % among.length]);
}
