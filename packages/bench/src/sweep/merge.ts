/** Joins parts of a sweep, which ran on different machines, to what one machine would have found. */
import { InputError } from '@decpool/model';
import { VERSION } from '../files/version.ts';
import type { FinishedCell } from './finished-cell.ts';
import { isSweepFolder, readPart, SweepFolder, type SweepPart } from './folder.ts';
import { CODE, codeHash, differenceOf, shortHash } from './identity.ts';
import { keysOf } from './outline.ts';
import { resultsOf, type SweepResults, writeResults } from './results.ts';

/**
 * Writes the cells and the results of all parts into a folder; it may be one of the parts. Throws InputError before it writes anything:
 * if a part is of another sweep than the first, if two parts disagree about a cell, or if cells are missing.
 */
export async function mergeParts(paths: readonly string[], out: string): Promise<SweepResults> {
  const parts = [...new Set(isSweepFolder(out) ? [...paths, out] : paths)].map(readPart);
  expectOneSweep(parts);
  const [{ identity, outline }] = parts;
  const keys = keysOf(outline);
  const cells = joined(parts, new Set(keys));
  expectAll(keys, cells);
  const folder = await SweepFolder.open(out, { identity, outline });
  try {
    const missing = keys.filter((key) => !folder.finished.has(key));
    folder.append(missing.flatMap((key) => cells.get(key) ?? []));
    const results = resultsOf(outline, cells);
    writeResults(folder, results);
    return results;
  } finally {
    folder.close();
  }
}

function expectOneSweep([first, ...others]: readonly SweepPart[]): void {
  for (const other of others) {
    const difference = differenceOf(first.identity, other.identity);
    if (difference === undefined) continue;
    const [one, two] = difference.hashes;
    throw new InputError(
      `${other.path}: not a part of the sweep in ${first.path}: the ${difference.part} differs (${two} instead of ${one})`,
    );
  }
  const code = codeHash();
  if (first.identity[CODE] === code) return;
  throw new InputError(
    `${first.path}: the parts are of decpool ${first.version}, code ${shortHash(first.identity[CODE])}, but this is ${VERSION}, code ${shortHash(code)}; merge with the decpool that ran them`,
  );
}

/** The cells of all parts by their keys. */
function joined(parts: readonly SweepPart[], keys: ReadonlySet<string>): Map<string, FinishedCell> {
  const from = new Map<string, SweepPart>();
  const cells = new Map<string, FinishedCell>();
  for (const part of parts) {
    for (const [key, cell] of part.cells) {
      if (!keys.has(key)) throw new InputError(`${part.path}: cell ${key} is not of this sweep`);
      const known = cells.get(key);
      if (known === undefined) {
        cells.set(key, cell);
        from.set(key, part);
      } else if (JSON.stringify(known) !== JSON.stringify(cell)) {
        throw new InputError(
          `${part.path}: cell ${key} has another result than in ${from.get(key)?.path}; remove its line from cells.ndjson of one and run that part again`,
        );
      }
    }
  }
  return cells;
}

/** Missing cells that are named. */
const NAMED = 3;

function expectAll(keys: readonly string[], cells: ReadonlyMap<string, FinishedCell>): void {
  const missing = keys.filter((key) => !cells.has(key));
  if (missing.length === 0) return;
  const named = missing.slice(0, NAMED).join(', ');
  const others = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
  throw new InputError(
    `${missing.length} of ${keys.length} cells are missing: ${named}${others}; run the parts that have them to their end`,
  );
}
