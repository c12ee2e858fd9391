#!/usr/bin/env node
// The command, in a checkout: it runs as a bundle of the sources, which is made when it is missing or a source changed.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/decpool/', import.meta.url));

/** Folder of the bundle, if none of the files that it was made from changed. */
function currentBundle() {
  try {
    const { folder, inputs } = JSON.parse(readFileSync(join(CACHE, 'current.json'), 'utf8'));
    const isCurrent = inputs.every(([path, changed, bytes]) => {
      const stats = statSync(path);
      return stats.mtimeMs === changed && stats.size === bytes;
    });
    return isCurrent ? join(CACHE, folder) : undefined;
  } catch {
    return undefined;
  }
}

async function makeBundle() {
  const tsx = await import('tsx/esm/api');
  const unregister = tsx.register();
  const { makeCurrentBundle } = await import('../src/bundle/cached.ts');
  const folder = await makeCurrentBundle(CACHE);
  await unregister();
  return folder;
}

/** What starts the command. In a checkout that cannot be written to it runs from its sources. */
async function start() {
  try {
    return pathToFileURL(join(currentBundle() ?? (await makeBundle()), 'main.js')).href;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(error.code)) return '../src/cli/main.ts';
    // Of the bundler: which source, and what is wrong. It has shown more already.
    if (error.errors === undefined && error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    process.stderr.write(
      `decpool: the sources cannot be bundled: ${error.message}\nIf a package is missing: npx -y pnpm@10.34.9 install\n`,
    );
    return process.exit(2);
  }
}

try {
  await import(await start());
} catch (error) {
  if (error.code !== 'EMFILE') throw error;
  process.stderr.write('decpool: too many open files; allow more, as with: ulimit -n 1024\n');
  process.exitCode = 2;
}
