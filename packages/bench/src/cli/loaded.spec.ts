import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
const FIXTURE = fileURLToPath(new URL('../log/fixtures/v2-pool.arrow.gz', import.meta.url));

/** A hook of the module loader that notes what is loaded. */
const HOOK = `
import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  appendFileSync(process.env.LOADED, url + '\\n');
  return next(url, context);
}
`;

const CACHE = new URL('../../../../node_modules/.cache/decpool/', import.meta.url);

let folder = '';
/** The bundled command. The first start of the command makes the bundle, which is not what is looked at here. */
let main = '';
beforeAll(async () => {
  await promisify(execFile)(process.execPath, [DECPOOL, '--version']);
  const { folder: bundle } = JSON.parse(readFileSync(new URL('current.json', CACHE), 'utf8'));
  main = fileURLToPath(new URL(`${bundle}/main.js`, CACHE));
  folder = mkdtempSync(join(tmpdir(), 'decpool-loaded-'));
  writeFileSync(join(folder, 'hook.mjs'), HOOK);
  writeFileSync(
    join(folder, 'register.mjs'),
    `import { register } from 'node:module';\nregister(new URL('hook.mjs', import.meta.url));\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Names of the packages of which a command loads code, ours among them. The bundler writes above the code of each source
 * which one it is.
 */
async function loadedBy(...words: string[]): Promise<Set<string>> {
  const file = join(folder, `${words[0]}.txt`);
  const register = pathToFileURL(join(folder, 'register.mjs')).href;
  const env = { ...process.env, LOADED: file };
  await promisify(execFile)(process.execPath, ['--import', register, main, ...words], { env });
  const code = readFileSync(file, 'utf8')
    .split('\n')
    .filter((url) => url.startsWith('file:'))
    .map((url) => readFileSync(new URL(url), 'utf8'));
  const sources = code.flatMap((text) => [...text.matchAll(/^\/\/ (\S+\.[cm]?[jt]s)$/gm)]);
  return new Set(
    sources.map(([, path]) => {
      const [, theirs, ours] =
        /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)|^packages\/(\w+)\/src/.exec(path) ?? [];
      return theirs ?? ours ?? path;
    }),
  );
}

it('--version loads nothing but its own line', async () => {
  expect([...(await loadedBy('--version'))]).toEqual(['bench']);
});

it('--help loads what lays out a page, and no command', async () => {
  const wrapping = ['fast-wrap-ansi', 'fast-string-width', 'fast-string-truncated-width'];
  expect([...(await loadedBy('--help'))].sort()).toEqual(['bench', ...wrapping].sort());
});

/** What takes long to load. */
const NEVER_FOR_A_LOG = ['pool', 'echarts', 'rxjs', 'piscina', 'hyparquet-writer', '@duckdb/node-api'];

it('a command that reads a log does not load charts, other formats and threads', async () => {
  const loaded = await loadedBy('stats', FIXTURE);
  expect(loaded).toContain('apache-arrow');
  expect(NEVER_FOR_A_LOG.filter((name) => loaded.has(name))).toEqual([]);
});
