import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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
