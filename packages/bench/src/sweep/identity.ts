import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** SHA-256 by what it is of: the code, the definition and everything that the definition names. */
export type Identity = Readonly<Record<string, string>>;

/** The part of an identity that is the code's. */
export const CODE = 'version of decpool';

/** A part that differs, with both hashes; undefined if two sweeps are the same. */
export function differenceOf(
  one: Identity,
  other: Identity,
): { readonly part: string; readonly hashes: readonly [string, string] } | undefined {
  const part = [...new Set([...Object.keys(one), ...Object.keys(other)])].find(
    (each) => one[each] !== other[each],
  );
  if (part === undefined) return undefined;
  return { part, hashes: [shortHash(one[part]), shortHash(other[part])] };
}

/** Enough of a hash for people to tell two apart. */
export const shortHash = (hash: string | undefined): string => hash?.slice(0, 12) ?? 'none';

/** In a bundle: what codeHash() gave for its sources. */
declare const DECPOOL_CODE_HASH: string | undefined;

/** What the figures of a run come from, beside its requests, which have a hash of their own. */
const SOURCES = ['../../../model/src/', '../../../pool/src/', '../bounds/', '../compare/', '../metrics/'];

/** SHA-256 of the code that decides the figures of a cell. Cells of different code cannot be compared. */
export const codeHash = (): string =>
  typeof DECPOOL_CODE_HASH === 'undefined' ? hashOfSources() : DECPOOL_CODE_HASH;

function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const folder = fileURLToPath(new URL(source, import.meta.url));
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
      .sort();
    for (const name of names) hash.update(`${name}\n`).update(readFileSync(`${folder}/${name}`));
  }
  return hash.digest('hex');
}
