import { InputError } from '@decpool/model';
import { CommanderError } from 'commander';
import { openable } from '../files/openable.ts';
import { printableLines } from '../text/printable.ts';
import { EXIT } from './exit-status.ts';
import type { Output } from './output.ts';

/** Tells why a call ended with an error, where that is not told yet. Returns its exit code. */
export function tellFailure(error: unknown, { tell }: Output): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misuse;
  if (error instanceof InputError) {
    tell(`decpool: ${printableLines(openable(error.message))}\n`);
    return EXIT.misuse;
  }
  tell(`decpool: a defect, please report it\n${error instanceof Error ? error.stack : error}\n`);
  return EXIT.defect;
}
