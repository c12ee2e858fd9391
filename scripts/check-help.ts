/** What help names is there. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** A path of a document or an example that does not stand in quotes, as a default for what is written does. */
const NAMED = /(?<!["'\w])[\w./@+-]*\b(?:docs|examples)\/[\w.*/-]*[\w*]/g;

/** Throws if the help of a command, read in the folder `at`, names a document or an example that is not there. */
export function checkHelp(main: string, at: string): void {
  const env = { ...process.env, COLUMNS: '1000' };
  const help = (...words: string[]): string =>
    execFileSync(process.execPath, [main, ...words, '--help'], { cwd: at, env, encoding: 'utf8' });
  const program = help();
  const commands = [...program.matchAll(/^ {4}([\w-]+) .* {2}\S/gm)].map(([, name]) => name);
  if (commands.length < 20) throw new Error(`only ${commands.length} commands in:\n${program}`);
  const pages = commands.filter((name) => name !== 'help').map((name) => help(name));
  const named = new Set([program, ...pages].flatMap((page) => page.match(NAMED) ?? []));
  const missing = [...named].filter((path) => !existsSync(resolve(at, path.replace(/\/[^/*]*\*.*$/, ''))));
  if (missing.length > 0) throw new Error(`help names ${missing.join(', ')}: not in ${at}`);
  console.log(`  ${named.size} documents and examples that help names are there`);
}
