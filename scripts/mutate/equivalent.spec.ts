import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { changeText, EQUIVALENT } from './equivalent.ts';
import { type Mutant, mutate } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

it('each mutant that is left out is one of its file, and no other looks like it', () => {
  const byFile = new Map<string, readonly Mutant[]>();
  const mutantsOf = (file: string) => {
    const known = byFile.get(file) ?? mutate(file, readFileSync(`${ROOT}${file}`, 'utf8')).mutants;
    byFile.set(file, known);
    return known;
  };
  for (const { file, text, change, lines = 1 } of EQUIVALENT) {
    const alike = mutantsOf(file).filter((mutant) => mutant.text === text && changeText(mutant) === change);
    expect({ file, text, change, lines: alike.length }).toEqual({ file, text, change, lines });
  }
});
