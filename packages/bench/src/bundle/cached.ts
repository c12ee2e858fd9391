/** The bundle of a checkout: made at the first start of the command, and made again when a file changed that it was made from. */
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, ROOT } from './bundle.ts';

/** bin/decpool.js reads it. */
interface Current {
  /** Name of the bundle's folder. */
  readonly folder: string;
  /** Files that it was made from, with the time of their last change in ms and their size in bytes. */
  readonly inputs: readonly (readonly [path: string, changed: number, bytes: number])[];
}

/** Bundles that stay beside the current one, and ms that each stays at least: a sweep may still run from it. */
const KEPT = 10;
const KEPT_FOR = 3600 * 1000;

/** Makes a bundle in the cache and gives its folder. Several processes may do so at once: each makes its own. */
export async function makeCurrentBundle(cache: string): Promise<string> {
  const began = Date.now();
  const name = `${began.toString(36)}-${process.pid}`;
  const partial = join(cache, `${name}.partial`);
  const urlOf = (path: string) => pathToFileURL(join(ROOT, path)).href;
  const root = urlOf('./');
  const types = urlOf('packages/NAME/src/ENTRY.ts');
  try {
    const { inputs } = await bundle({ folder: partial, root, types, isOfCheckout: true });
    renameSync(partial, join(cache, name));
    const current: Current = {
      folder: name,
      inputs: [...inputs, join(ROOT, 'pnpm-lock.yaml')]
        // The lock file stands for the packages of others.
        .filter((path) => !path.includes('node_modules'))
        .map((path) => {
          const { mtimeMs, size } = statSync(path);
          // Changed since we began: the bundle may have the file as it was before.
          return [path, mtimeMs < began ? mtimeMs : -1, size];
        }),
    };
    const file = join(cache, `${name}.json`);
    writeFileSync(file, JSON.stringify(current));
    renameSync(file, join(cache, 'current.json'));
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  removeOld(cache, name);
  return join(cache, name);
}

function removeOld(cache: string, current: string): void {
  const others = readdirSync(cache)
    .filter((name) => name !== current && name !== 'current.json')
    // Another process may have removed it.
    .map((name) => ({ name, changed: statSync(join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.changed - a.changed);
  for (const { name, changed } of others.slice(KEPT)) {
    if (Date.now() - changed > KEPT_FOR) rmSync(join(cache, name), { recursive: true, force: true });
  }
}
