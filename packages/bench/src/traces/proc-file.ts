import { readFileSync } from 'node:fs';
import { InputError } from '@decpool/model';

/** A line of a copied /proc file, and what to say of it. */
export interface ProcLine {
  readonly text: string;
  /** An error that names file and line. */
  refuse(message: string): InputError;
}

/** The lines of a copied /proc file. Throws InputError when it cannot be read. */
export function procLines(file: string): ProcLine[] {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch {
    throw new InputError(
      `${file}: cannot be read; a memory state is a folder with copies of /proc/buddyinfo and /proc/pagetypeinfo`,
    );
  }
  return content.split('\n').map((text, index) => ({
    text,
    refuse: (message) => new InputError(`${file}:${index + 1}: ${message}`),
  }));
}

/** Throws InputError for another node than 0. */
export function expectNodeZero(line: ProcLine, node: string): void {
  if (node !== '0') throw line.refuse(`node ${node}; only machines with one node are modelled`);
}
