#!/usr/bin/env node
import { IS_BUNDLED } from '../files/resource.ts';
import { VERSION } from '../files/version.ts';
import { LEAST_COLUMNS, USUAL_COLUMNS } from '../text/screen.ts';
import { EXIT } from './exit-status.ts';
import type { Output } from './output.ts';

// The reader of our output may stop, as `head` does. The run goes on: its results are files too.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // EIO: of a terminal that is gone.
  if (error.code === 'EPIPE' || (error.code === 'EIO' && process.stdout.isTTY)) return;
  process.stderr.write(`decpool: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.misuse);
});

// So may the reader of our errors, and nobody else could be told.
process.stderr.on('error', () => {});

/** The width of the terminal, else COLUMNS, else a default. */
function columns(): number {
  const given = Number(process.stdout.columns ?? process.env['COLUMNS']);
  return Number.isInteger(given) && given > 0 ? Math.max(given, LEAST_COLUMNS) : USUAL_COLUMNS;
}

const output: Output = {
  write: (text) => void process.stdout.write(text),
  tell: (text) => void process.stderr.write(text),
  isColoured: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
  columns: columns(),
  isWatched: process.stderr.isTTY === true,
};

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  // The program need not be loaded for this line.
  if (words.join() === '--version') {
    output.write(`${VERSION}\n`);
    return EXIT.done;
  }
  // Nor for its help, which a bundle has as a file.
  if (IS_BUNDLED && ['--help', '-h', 'help'].includes(words.join(' '))) {
    const { bundledHelp } = await import('./bundled-help.ts');
    output.write(bundledHelp(output));
    return EXIT.done;
  }
  let code: number = EXIT.done;
  try {
    const { run } = await import('./program.ts');
    const exit = (given: number) => {
      code = given;
    };
    await run({ words, exit, output });
  } catch (error) {
    const { tellFailure } = await import('./failure.ts');
    return tellFailure(error, output);
  }
  return code;
}

let isDone = false;
process.on('exit', (code) => {
  // 13: what is awaited never comes.
  if (isDone || (code !== 0 && code !== 13)) return;
  process.stderr.write('decpool: ended before its work was done: a policy file may not end the process\n');
  process.exitCode = EXIT.misuse;
});
process.exitCode = await main();
isDone = true;
end();

/** Timers of a user's file would keep the process: it ends once all output is written. */
function end(): void {
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  setTimeout(end, 100).unref();
}
