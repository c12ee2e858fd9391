/**
 * pnpm mutate [MODULE or PATH...] [--specs SPEC...] [--equivalent] [--unreached] [--seconds N] [--turn]
 *
 * Changes the sources in small ways, one at a time, and runs the specs that reach the change. Prints a table, and each change
 * that no spec finds. Without arguments: the names of the modules. --specs: these specs only. --equivalent: tries what the list
 * of equivalent mutants leaves out, too. --unreached: lists what no spec comes by. --seconds: stops after that time. --turn: one
 * file, of those that the last commit changed if any, else in turn; exits with 1 if fewer than 85 % of its mutants are found.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MODULES, type Module, sourcesIn, specsOf } from './modules.ts';
import { mutantText, type Outcome, share, tableOf } from './table.ts';
import { trial } from './trial.ts';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    specs: { type: 'string', multiple: true },
    equivalent: { type: 'boolean', default: false },
    unreached: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    sample: { type: 'string' },
    turn: { type: 'boolean', default: false },
  },
});

/** Least part of the tried mutants that specs find. */
const LEAST = 0.85;

const wanted = values.turn ? [inTurn()] : positionals.map(moduleNamed);
if (wanted.length === 0)
  console.log(MODULES.map(({ name, paths }) => `${name}: ${paths.join(' ')}`).join('\n'));

const outcomes: Outcome[] = [];
for (const { name, paths, specs } of wanted) {
  const sources = sourcesIn(paths);
  const outcome = await trial({
    module: name,
    sources,
    specs: values.specs ?? specsOf(sources, specs),
    triesEquivalent: values.equivalent,
    sample: values.sample === undefined ? undefined : Number(values.sample),
    seconds: values.seconds === undefined ? Number.POSITIVE_INFINITY : Number(values.seconds),
  });
  for (const mutant of outcome.survivors) console.log(mutantText(mutant));
  if (values.unreached)
    for (const mutant of outcome.unreached) console.log(`not reached: ${mutantText(mutant)}`);
  if (outcome.untried > 0) console.log(`${outcome.untried} mutants were not tried for want of time`);
  outcomes.push(outcome);
}
if (outcomes.length > 0) console.log(`\n${tableOf(outcomes)}`);
if (values.turn && outcomes.some((outcome) => share(outcome) < LEAST)) {
  console.error(`fewer than ${100 * LEAST} % of the mutants are found: a spec should state the rules above`);
  process.exitCode = 1;
}

function moduleNamed(name: string): Module {
  return MODULES.find((module) => module.name === name) ?? { name, paths: [name] };
}

/** A file that the last commit changed, or the next in turn. */
function inTurn(): Module {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const commits = Number(git('rev-list', '--count', 'HEAD'));
  const all = MODULES.flatMap(({ paths, specs }) =>
    sourcesIn(paths).map((path) => ({ name: path, paths: [path], specs: specs ?? [] })),
  );
  let changed: string[] = [];
  try {
    changed = git('diff', '--name-only', 'HEAD~1').split('\n');
  } catch {
    // A clone without the commit before.
  }
  const touched = all.filter(({ name }) => changed.includes(name));
  const among = touched.length > 0 ? touched : all;
  return among[commits % among.length];
}
