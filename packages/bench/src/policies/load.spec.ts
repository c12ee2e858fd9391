import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
const LOAD = new URL('./load.ts', import.meta.url).href;

/** Outside of the checkout, in a folder without a package.json. */
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-policies-'));
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const POOL = `import { blockConversion, firstFit, immediate, poolPolicy, policyNamed } from '@decpool/pool';\n`;
/** A sound policy of that name, with something else in its place. */
const policy = (name: string, parts = '') => `${POOL}
export default (view) => {
  const sound = policyNamed('first-fit+block+immediate')(view);
  return {
    name: '${name}',
    allocate: (request, at, record) => sound.allocate(request, at, record),
    free: (request, at, record) => sound.free(request, at, record),
    ${parts}
  };
};
`;

const FILES: Readonly<Record<string, string>> = {
  'small.txt': 'a 1 0\na 2 4\nf 1 0\na 3 9\na 4 3\na 5 1\nf 2 4\n',
  'mine.ts': `import type { PolicyFactory } from '@decpool/pool';
import { orderFor } from '@decpool/model';
import { NAME } from './parts/name.ts';
${policy("' + NAME + '")}
export const typed: PolicyFactory | number = orderFor(8);
`,
  'parts/name.ts': `export const NAME: string = 'mine: a (b)/c';\n`,
  'plain.js': policy('plain'),
  'plain.mjs': policy('plain module'),
  'twin.ts': policy('plain'),
  'syntax.ts': 'export default (view) => {\n  const x = ;\n};\n',
  'syntax.mjs': 'export default (view) => {\n  const x = ;\n};\n',
  'no-default.ts': 'export const policy = 1;\n',
  'no-function.ts': 'export default { name: 1 };\n',
  'no-package.ts': `import x from 'nowhere-to-be-found';\nexport default x;\n`,
  'no-file.ts': `import x from './gone.ts';\nexport default x;\n`,
  'no-export.ts': `import { nothing } from '@decpool/pool';\nexport default nothing;\n`,
  'throws.ts': `\n\nthrow new Error('not today');\n`,
  'bad-name.ts': policy('a\\tb'),
  'no-allocate.ts': policy('lazy', 'allocate: undefined,'),
  'no-policy.ts': 'export default async () => ({});\n',
  'no-work.ts': policy('worker', 'work: 3,'),
  'no-pages.ts': policy('pooler', 'atomicPoolPages: -1,'),
  'throws-inside.ts': `export default () => {\n  throw new TypeError('no view for me');\n};\n`,
  'prototype.ts': policy(
    'breaker',
    `allocate(request, at, record) {
      if (request.allocation === 3) Array.prototype.map = () => [];
      sound.allocate(request, at, record);
    },`,
  ),
  'exits.ts': policy(
    'leaver',
    `allocate(request, at, record) {
      if (request.allocation === 3) process.exit(0);
      sound.allocate(request, at, record);
    },`,
  ),
  'crashes.ts': policy(
    'crasher',
    `allocate(request, at, record) {
      if (request.allocation === 5) request.gone.away();
      sound.allocate(request, at, record);
    },`,
  ),
  'cheats.ts': policy(
    'cheat',
    `allocate(request, at, record) {
      if (request.allocation === 5) record.allocate(600, 1);
      sound.allocate(request, at, record);
    },`,
  ),
};

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const node = (...args: string[]): Promise<Run> =>
  new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });

const compare = (...policies: string[]): Promise<Run> =>
  node(
    ...[DECPOOL, 'compare', '--trace', 'small.txt', '--memory', '512M', '--seeds', '1'],
    ...['--policy', policies.join(), '--log-format', 'ndjson'],
  );

describe('what is wrong with a file is told in a line', () => {
  const cases: readonly (readonly [file: string, message: string])[] = [
    ['gone.ts', "policy file 'gone.ts': there is no such file"],
    ['./parts', "policy file './parts': there is no such file"],
    ['syntax.ts', 'policy file syntax.ts:2: syntax error: Unexpected ";"'],
    ['syntax.mjs', "policy file syntax.mjs:2: syntax error: Unexpected token ';'"],
    ['no-default.ts', "policy file 'no-default.ts': it has no default export"],
    ['no-function.ts', "policy file 'no-function.ts': its default export is not a function"],
    ['no-package.ts', "Cannot find package 'nowhere-to-be-found' imported from no-package.ts"],
    ['no-file.ts', 'imported from no-file.ts'],
    ['no-export.ts', "'@decpool/pool' does not provide an export named 'nothing'"],
    ['throws.ts', 'policy file throws.ts:3: Error: not today'],
    ['bad-name.ts', String.raw`the name of its policy is "a\tb"; expected 1 to 80 letters`],
    ['no-allocate.ts', "its policy 'lazy' has no allocate()"],
    [
      'no-policy.ts',
      'no-policy.ts: making the policy: TypeError: returned a promise; a policy decides at once',
    ],
    ['no-work.ts', "in its policy 'worker', work is not a function"],
    ['no-pages.ts', "in its policy 'pooler', atomicPoolPages is invalid; expected a number of pages"],
    ['throws-inside.ts', 'throws-inside.ts:2: making the policy: TypeError: no view for me'],
  ];
  let messages: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    // One process for all: it takes a second to start.
    const script = `
      const { policiesFor } = await import(${JSON.stringify(LOAD)});
      const messages = {};
      for (const file of process.argv.slice(1)) {
        await policiesFor([file]).catch((error) => { messages[file] = error.name + ': ' + error.message; });
      }
      console.log(JSON.stringify(messages));`;
    const tsx = import.meta.resolve('tsx');
    const files = cases.map(([file]) => file);
    const { stdout } = await node('--import', tsx, '--input-type=module', '-e', script, ...files);
    messages = JSON.parse(stdout);
  });

  it.each(cases)('%s', (file, message) => {
    expect(messages[file]).toMatch(/^InputError: /);
    expect(messages[file]).toContain(message);
    expect(messages[file].split('\n')).toHaveLength(1);
  });
});

describe('decpool compare --policy with files', () => {
  it('runs them beside those of the registry, each under the name it gives itself', async () => {
    const { code, stderr } = await compare(
      'gfp-decrypted',
      './mine.ts',
      join(folder, 'plain.js'),
      'plain.mjs',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const results = join(folder, 'decpool-results/small');
    const logs = ['gfp-decrypted', 'mine:-a-b-c', 'plain-module', 'plain'].map((name) => `${name}.ndjson`);
    expect(readdirSync(join(results, 'logs')).sort()).toEqual(logs);
    const json = JSON.parse(readFileSync(join(results, 'results.json'), 'utf8'));
    expect(json.policies.map(({ policy }: { policy: string }) => policy)).toEqual([
      'gfp-decrypted',
      'mine: a (b)/c',
      'plain',
      'plain module',
    ]);
    const [header] = readFileSync(join(results, 'logs', 'mine:-a-b-c.ndjson'), 'utf8').split('\n');
    expect(JSON.parse(header).policy).toBe('mine: a (b)/c');
  });

  it.each<[string, readonly string[], string]>([
    [
      'two policies of one name',
      ['plain.js', './twin.ts'],
      "decpool: policies 'plain.js' and './twin.ts': both are named 'plain'; ",
    ],
    [
      'an exception of its own',
      ['gfp-decrypted', 'crashes.ts'],
      "crashes.ts:10: policy 'crasher', request 6 (alloc_pages of 2 pages for ",
    ],
    ['a broken rule', ['cheats.ts'], "policy 'cheat', request 6 ("],
  ])('ends in a message: %s', async (_, policies, message) => {
    const run = await compare(...policies);
    expect(run.code).toBe(2);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain(message);
    expect(run.stderr).not.toMatch(/\n +at |defect/);
    const left = existsSync(join(folder, 'decpool-results'))
      ? readdirSync(join(folder, 'decpool-results'))
      : [];
    expect(left.filter((name) => name !== 'small')).toEqual([]);
  });
});

describe('a policy file that breaks what all code uses', () => {
  const definition = (file: string) =>
    JSON.stringify({
      ...{ name: 'broken', policies: ['first-fit+block+immediate', file] },
      ...{ inputs: [{ workload: 'netvsc' }], memory: ['512M'], seeds: [1] },
    });
  const sweep = (file: string) => {
    writeFileSync(join(folder, `${file}.json`), definition(`./${file}`));
    return node(DECPOOL, 'sweep', `${file}.json`, '--out', `swept-${file}`, '--workers', '1');
  };

  it('is refused by check-policy, and its cell of a sweep is, with what it changed', async () => {
    const told = 'a policy file has changed Array.prototype.map, which all of decpool uses';
    expect(await node(DECPOOL, 'check-policy', 'prototype.ts', '--runs', '7')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`decpool: ${told}`),
    });
    const swept = await sweep('prototype.ts');
    expect(swept).toMatchObject({ code: 0, stdout: expect.stringContaining(`: ${told}`) });
  });

  it('ends a sweep with a line if it ends the process', async () => {
    const { code, stderr } = await sweep('exits.ts');
    expect(code).toBe(2);
    expect(stderr).toContain(
      "decpool: policy './exits.ts', seed 1: its thread ended before the cell was done; a policy file may not end the process\n",
    );
  });
});

describe('decpool check-policy', () => {
  const check = (...args: string[]) => node(DECPOOL, 'check-policy', ...args, '--runs', '7');

  it('passes a sound policy, with a line per rule', async () => {
    const { code, stdout } = await check('./mine.ts', '--seed', '3');
    expect(code).toBe(0);
    expect(stdout).toContain('policy       mine: a (b)/c (./mine.ts)\n');
    expect(stdout).toContain('7 at random, seed 3');
    expect(stdout.match(/^pass {2}[\w-]+: /gm)).toHaveLength(21);
    expect(stdout).not.toContain('FAIL');
  });

  it('fails one that breaks a rule, and shows how', async () => {
    const { code, stdout } = await check('cheats.ts');
    expect(code).toBe(1);
    expect(stdout.match(/^FAIL .*/gm)).toEqual([
      'FAIL  allocate: gives out only pages that it has claimed, that are shared and that nobody uses',
    ]);
    expect(stdout).toContain(
      'allocate, shown by\n  platform snp, granule 4 KiB, memory: fresh boot\n  1. at ',
    );
    expect(stdout.match(/^ +\d+\. at /gm)).toHaveLength(5);
    expect(stdout).toMatch(/policy 'cheat', request 5 \(.*\): allocate\(600, 1\): page 600 is/);
  });
});
