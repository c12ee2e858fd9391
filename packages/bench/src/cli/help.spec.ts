import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { EXIT, EXIT_STATUS } from './exit-status.ts';
import { programOf } from './program.ts';
import { anyProgram, keptOutput } from './testing.ts';

/** With all that is added to it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

const program = anyProgram();
const titles = (help: string) => help.split('\n').filter((line) => /^[A-Z ]+$/.test(line));

it('has the sections of a manual page, in its order', () => {
  expect(titles(helpOf(program))).toEqual([
    ...['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'COMMANDS', 'EXIT STATUS', 'ENVIRONMENT', 'FILES'],
    ...['EXAMPLES', 'SEE ALSO'],
  ]);
});

it.each(program.commands.map((command) => [command.name(), command] as const))(
  'has one for %s',
  (name, command) => {
    const help = helpOf(command);
    expect(help).toMatch(new RegExp(`^NAME\n  decpool ${name} - .+[^.]\n`));
    expect(help).toContain(`\nSYNOPSIS\n  decpool ${name}`);
    expect(titles(help)).toEqual(
      expect.arrayContaining(['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'GLOBAL OPTIONS', 'EXIT STATUS']),
    );
    const takesSomething =
      command.registeredArguments.length > 0 || /\n {2}--(?!help)/.test(help.split('GLOBAL')[0]);
    expect(help.includes(`\nEXAMPLES\n  `)).toBe(takesSomething);
    // What undoes a switch is not listed beside it.
    expect(help).not.toMatch(/ --pcp\b/);
  },
);

it.each([60, 70, 80, 100])('fits into %i columns', (columns) => {
  const narrow = programOf({ words: [], output: keptOutput({ columns }), exit: () => {} });
  for (const command of [narrow, ...narrow.commands]) {
    // Examples are for copying, and stay in one line.
    const [wrapped] = helpOf(command).split(/^(?:EXAMPLES|DEFINITION)$/m);
    expect(wrapped.split('\n').filter((line) => line.length > columns)).toEqual([]);
  }
});

it('says what each exit status means, as docs/cli.md does', () => {
  const docs = readFileSync(fileURLToPath(new URL('../../../../docs/cli.md', import.meta.url)), 'utf8');
  for (const name of Object.keys(EXIT) as (keyof typeof EXIT)[]) {
    expect(docs).toContain(`| ${EXIT[name]} | ${EXIT_STATUS[name]} |\n`);
    expect(helpOf(program)).toMatch(
      new RegExp(`^ {2}${EXIT[name]} +${EXIT_STATUS[name].slice(0, 30).replace(/[().]/g, '.')}`, 'm'),
    );
  }
});

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));

it.each([
  ['--help', 60],
  ['-h', 100],
  ['help', 100],
])('decpool %s prints at once, in %i columns, what the program says of itself', async (word, columns) => {
  const env = { ...process.env, COLUMNS: String(columns) };
  const { stdout } = await promisify(execFile)(process.execPath, [DECPOOL, word], { env });
  const wide = programOf({ words: [], output: keptOutput({ columns }), exit: () => {} });
  expect(stdout).toBe(helpOf(wide));
});

it('names documents and examples that are there, by paths from the working directory', () => {
  const pages = [program, ...program.commands].map(helpOf);
  const named = pages.flatMap(
    (page) => page.match(/(?<!["\w])[\w./-]*\b(?:docs|examples)\/[\w.*/-]*[\w*]/g) ?? [],
  );
  expect(named.length).toBeGreaterThan(30);
  const folderOf = (pattern: string) => pattern.replace(/\/[^/*]*\*.*$/, '');
  expect(named.filter((path) => !existsSync(folderOf(path)))).toEqual([]);
});
