import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../files/version.ts';
import { ROOT } from './bundle.ts';
import { makeCurrentBundle } from './cached.ts';
import { directlyImported, homesOf } from './direct-imports.ts';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/decpool');

const currentFolder = (cache: string): string =>
  JSON.parse(readFileSync(join(cache, 'current.json'), 'utf8')).folder;

const run = async (...args: string[]) => (await promisify(execFile)(process.execPath, args)).stdout;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the command of a checkout', () => {
  it('starts from the bundle that is there', async () => {
    const before = currentFolder(CACHE);
    expect(await run(DECPOOL, '--version')).toBe(`${VERSION}\n`);
    expect(currentFolder(CACHE)).toBe(before);
  });

  it('makes the bundle again after a source changed', async () => {
    const source = join(ROOT, 'packages/model/src/units.ts');
    const { atime, mtime } = statSync(source);
    const before = currentFolder(CACHE);
    utimesSync(source, atime, new Date(mtime.getTime() + 5000));
    try {
      expect(await run(DECPOOL, '--version')).toBe(`${VERSION}\n`);
      expect(currentFolder(CACHE)).not.toBe(before);
    } finally {
      utimesSync(source, atime, mtime);
    }
    await run(DECPOOL, '--version');
  });
});

it('processes that make it at once do not disturb each other', async () => {
  const cache = join(folder, 'at-once');
  const made = await Promise.all([makeCurrentBundle(cache), run(...inAProcessOfItsOwn(cache))]);
  for (const bundle of [made[0], made[1].trim()]) {
    expect(await run(join(bundle, 'main.js'), '--version')).toBe(`${VERSION}\n`);
  }
  expect(readdirSync(cache).filter((name) => name.endsWith('.partial'))).toEqual([]);
  expect(readdirSync(cache)).toContain(currentFolder(cache));
});

it('old bundles are removed, but ten and those of the last hour', async () => {
  const cache = join(folder, 'old');
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3600 * 1000);
  for (let hour = 0; hour < 15; hour++) {
    mkdirSync(join(cache, `made-${hour}`), { recursive: true });
    utimesSync(join(cache, `made-${hour}`), hoursAgo(hour), hoursAgo(hour));
  }
  await makeCurrentBundle(cache);
  const left = readdirSync(cache).filter((name) => name.startsWith('made-'));
  expect(left).toHaveLength(10);
  expect(left).toContain('made-0');
  expect(left).not.toContain('made-10');
});

function inAProcessOfItsOwn(cache: string): string[] {
  const script = `
    const { makeCurrentBundle } = await import(${JSON.stringify(new URL('./cached.ts', import.meta.url).href)});
    console.log(await makeCurrentBundle(${JSON.stringify(cache)}));`;
  return ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
}

describe('an import from the entry of a package', () => {
  const entry = () => {
    writeFileSync(join(folder, 'units.ts'), 'export const KIB = 1024;\nexport type Bytes = number;\n');
    writeFileSync(join(folder, 'errors.ts'), 'export class InputError extends Error {}\n');
    writeFileSync(
      join(folder, 'index.ts'),
      "export { InputError } from './errors.ts';\nexport * from './units.ts';\n",
    );
    return new Map([['@decpool/model', homesOf(join(folder, 'index.ts'))]]);
  };

  it('becomes one from the file that defines the name', () => {
    const text = "import { InputError, KIB as K, type Bytes } from '@decpool/model';";
    expect(directlyImported(text, entry())).toBe(
      `import { InputError } from ${JSON.stringify(join(folder, 'errors.ts'))}; ` +
        `import { KIB as K } from ${JSON.stringify(join(folder, 'units.ts'))};`,
    );
  });

  it('stays as it is if the entry is not known, or has no such name', () => {
    const others = "import { a } from '@decpool/pool';\nimport { b } from 'zod';";
    expect(directlyImported(others, entry())).toBe(others);
    const unknown = "import { nothing } from '@decpool/model';";
    expect(directlyImported(unknown, entry())).toBe(unknown.replaceAll("'", '"'));
  });
});
