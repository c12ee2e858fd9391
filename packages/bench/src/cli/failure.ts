import { InputError } from '@decpool/model';
import { CommanderError } from 'commander';
import { codeOf } from '../files/error-text.ts';
import { openable } from '../files/openable.ts';
import { changedBuiltins } from '../policies/builtins.ts';
import { printableLines } from '../text/printable.ts';
import { EXIT } from './exit-status.ts';
import type { Output } from './output.ts';

const MORE_FILES = 'too many open files; allow more, as with: ulimit -n 1024';
/** What the surroundings lack, by the code of the error. */
const SHORTAGES: Readonly<Record<string, string | undefined>> = {
  EMFILE: MORE_FILES,
  ENFILE: MORE_FILES,
  ERR_WORKER_OUT_OF_MEMORY:
    'out of memory in a thread; allow more, as with NODE_OPTIONS=--max-old-space-size=8192, or give fewer --workers',
};

/** Tells why a call ended with an error, where that is not told yet. Returns its exit code. */
export function tellFailure(error: unknown, { tell }: Output): number {
  // It may be what the error comes from, and what would garble its message.
  const changed = changedBuiltins();
  if (changed !== undefined) {
    tell(`decpool: ${changed}\n`);
    return EXIT.misuse;
  }
  const shortage = SHORTAGES[codeOf(error) ?? ''];
  if (shortage !== undefined) {
    tell(`decpool: ${shortage}\n`);
    return EXIT.misuse;
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misuse;
  if (error instanceof InputError) {
    tell(`decpool: ${printableLines(openable(error.message))}\n`);
    return EXIT.misuse;
  }
  tell(`decpool: a defect, please report it\n${error instanceof Error ? error.stack : error}\n`);
  return EXIT.defect;
}
