import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));

let folder = '';
const scratch = (name: string) => join(folder, name);
const FILES = ['sweep', 'template', 'out', 'scenarios'];

/** `decpool findings` with all its files in the folder of this spec. */
function findings(...options: string[]) {
  return findingsIn('.', ...FILES.flatMap((name) => [`--${name}`, scratch(name)]), ...options);
}
/** With this working directory, in the folder of this spec. */
function findingsIn(
  place: string,
  ...options: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [DECPOOL, 'findings', scratch('grid.json'), ...options],
      { cwd: scratch(place) },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}
const change = (name: string, from: string | RegExp, to: string) =>
  writeFileSync(scratch(name), readFileSync(scratch(name), 'utf8').replace(from, to));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-findings-'));
  writeFileSync(scratch('trace.txt'), 'a 1 0\na 2 4\nf 1 0\na 3 9\nf 2 4\na 4 2\nf 3 9\n');
  writeFileSync(
    scratch('grid.json'),
    JSON.stringify({
      name: 'grid',
      policies: ['linux-7.3', 'decpool'],
      inputs: [{ trace: 'trace.txt' }],
      memory: [{ name: 'small', size: '256M' }],
      seeds: [1, 2],
    }),
  );
  writeFileSync(
    scratch('template'),
    "# Page\n\nlinux-7.3 makes {{median('host-calls' of 'linux-7.3')}} calls from {{memories}} state.\n",
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

it('writes the page and its appendix, and a check agrees with them', async () => {
  const { code, stdout } = await findings();
  expect(code).toBe(0);
  expect(stdout).toContain('written      ');
  expect(readFileSync(scratch('out'), 'utf8')).toMatch(
    /^# Page\n\nlinux-7.3 makes \d+ calls from 1 state.\n$/,
  );
  expect(readFileSync(scratch('scenarios'), 'utf8')).toContain('## trace on snp\n\n### small\n');
  expect(await findings('--check')).toMatchObject({ code: 0, stderr: '' });
  expect(await findings('--check', '--subset', '1')).toMatchObject({ code: 0, stderr: '' });
});

it('names each figure that is not that of the results, and exits with 1', async () => {
  change('out', /makes \d+/, 'makes 9999');
  const { code, stdout } = await findings('--check');
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /out:3: \{\{median\('host-calls' of 'linux-7.3'\)\}\}: the page has 9999, the results have \d+\n/,
  );
});

it('finds by a subset what the appendix has wrong', async () => {
  change('scenarios', /(`decpool` \| 0 \| )0 /, '$17 ');
  const { code, stdout } = await findings('--check', '--subset', '1');
  expect(code).toBe(1);
  expect(stdout).toMatch(/trace on snp, small: the results have the line '\| `decpool` \| 0 \| 0 /);
});

it('writes into docs where there is no such folder, and checks the pages of the package there', async () => {
  mkdirSync(scratch('empty'));
  const subset = await findingsIn('empty', '--check', '--subset', '1');
  expect(subset).toMatchObject({ code: 1, stderr: '' });
  expect(subset.stdout).toMatch(
    /docs.findings-scenarios\.md: trace on snp, small: the results have the line/,
  );
  expect(readdirSync(scratch('empty'))).toEqual([]);
  const { code } = await findingsIn('empty', '--template', scratch('template'), '--sweep', scratch('sweep'));
  expect(code).toBe(0);
  expect(readdirSync(scratch('empty/docs')).sort()).toEqual(['findings-scenarios.md', 'findings.md']);
});

it('tells what is wrong with the template, and that a subset is for a check', async () => {
  change('template', 'memories', 'memory');
  const wrong = await findings();
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/template:3: memory is about one run/);
  expect((await findings('--subset', '3')).stderr).toContain('--subset: needs --check');
});
