import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPolicy } from './starter.ts';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');

let folder = '';
const scratch = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-starter-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

/** The lines of the compiler that begin with a file, for all files of the folder. */
function typeErrors(): string[] {
  const { stdout } = spawnSync(process.execPath, [TSC, '-p', '.', '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return stdout.split('\n').filter((line) => /^\S/.test(line));
}

it('writes a policy that an editor knows the types of, and that keeps the rules', () => {
  expect(run(DECPOOL, 'init-policy', 'my policy.ts')).toContain('written  my policy.ts, tsconfig.json');
  writeFileSync(
    scratch('wrong.ts'),
    "import { immediate } from '@decpool/pool';\nexport const n: number = immediate;\n",
  );
  // One compilation, which takes seconds: what is wrong in one file shows that the other is right.
  const mistakes = typeErrors();
  expect(mistakes).toHaveLength(1);
  expect(mistakes[0]).toMatch(/^wrong\.ts\(2,14\): error TS2322: /);
  const report = run(DECPOOL, 'check-policy', './my policy.ts', '--runs', '20');
  expect(report).toContain('policy       my-policy+block+hysteresis:2');
  expect(report).not.toContain('FAIL');
});

it('overwrites nothing', async () => {
  writeFileSync(scratch('there.ts'), 'mine');
  await expect(startPolicy(scratch('there.ts'))).rejects.toThrow(InputError);
  await expect(startPolicy(scratch('there.ts'))).rejects.toThrow('exists; name a new file');
  expect(readFileSync(scratch('there.ts'), 'utf8')).toBe('mine');

  mkdirSync(scratch('configured'));
  writeFileSync(scratch('configured/tsconfig.json'), '{}');
  const { written, kept } = await startPolicy(scratch('configured/new.ts'));
  expect(written).toEqual([scratch('configured/new.ts')]);
  expect(kept).toBe(scratch('configured/tsconfig.json'));
  expect(readFileSync(scratch('configured/tsconfig.json'), 'utf8')).toBe('{}');
});

it('refuses a file that is no TypeScript', async () => {
  await expect(startPolicy(scratch('my-policy.js'))).rejects.toThrow('expected a name that ends in .ts');
});
