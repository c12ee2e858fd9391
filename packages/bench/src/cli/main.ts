import { InputError } from '@decpool/model';
import { Command, CommanderError } from 'commander';
import { LEAST_COLUMNS, USUAL_COLUMNS } from '../report/screen.ts';
import type { Output } from './command-context.ts';
import { addCommands } from './commands.ts';
import { printableLines } from './printable.ts';

/** 0: done. 1: a check found a difference. 2: something the user gave is wrong. 3: a defect of ours. */
const EXIT = { done: 0, different: 1, misuse: 2, defect: 3 } as const;

// Whoever reads our output may stop, as `head` does. The run goes on: its results are files too.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`decpool: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.misuse);
});

/** As wide as the terminal; elsewhere as COLUMNS says, or as a mail is. */
function columns(): number {
  const told = Number(process.stdout.columns ?? process.env['COLUMNS']);
  return Number.isInteger(told) && told >= LEAST_COLUMNS ? told : USUAL_COLUMNS;
}

const output: Output = {
  write: (text) => void process.stdout.write(text),
  isColoured: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
  columns: columns(),
  isWatched: process.stderr.isTTY === true,
};

function program(exit: (code: number) => void): Command {
  const decpool = new Command('decpool')
    .description('Compare policies for a pool of decrypted memory in confidential Linux guests.')
    .showHelpAfterError('(see decpool --help)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'decpool: ')) })
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 a check found a difference; 2 something given is wrong; 3 a defect of decpool.',
    );

  addCommands(decpool, { exit, output, commandLine });
  return decpool;
}

/** The command as typed, for the reports: it reproduces them. Where they were written to makes no difference. */
function commandLine(): string {
  const given = process.argv.slice(2);
  const out = given.indexOf('--out');
  if (out !== -1) given.splice(out, 2);
  const words = given
    .filter((word) => !word.startsWith('--out='))
    .map((word) => (/^[\w./:=,+@-]+$/.test(word) ? word : `'${word}'`));
  return ['decpool', ...words].join(' ');
}

async function main(): Promise<number> {
  let code: number = EXIT.done;
  try {
    await program((given) => {
      code = given;
    }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misuse;
    if (error instanceof InputError) {
      process.stderr.write(`decpool: ${printableLines(error.message)}\n`);
      return EXIT.misuse;
    }
    process.stderr.write(
      `decpool: a defect, please report it\n${error instanceof Error ? error.stack : error}\n`,
    );
    return EXIT.defect;
  }
  return code;
}

process.exitCode = await main();
