import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decpool } from './testing.ts';

/** Root may read and write everything. */
const isRoot = process.getuid?.() === 0;

const SWEEP = {
  name: 'small',
  policies: ['linux-7.3'],
  inputs: [{ workload: 'churn', memory: ['1G'] }],
  seeds: [1],
};

const folder = mkdtempSync(join(tmpdir(), 'decpool-no-rights-'));
const unreadable = join(folder, 'unreadable.ts');
const closed = join(folder, 'closed');
const readOnly = join(folder, 'read-only');
const sweep = join(folder, 'sweep.json');
const trace = join(folder, 'small.txt');
const log = join(folder, 'results/small/logs/linux-7.3.arrow');

const COMPARE = ['compare', '--trace', trace, '--memory', '1G', '--seeds', '1', '--policy', 'linux-7.3'];

beforeAll(async () => {
  writeFileSync(trace, 'a 1 0\na 2 4\nf 1 0\n');
  await decpool(...COMPARE, '--out', join(folder, 'results'));
  writeFileSync(unreadable, 'export default {};\n');
  chmodSync(unreadable, 0o000);
  mkdirSync(closed, 0o000);
  mkdirSync(readOnly, 0o555);
  writeFileSync(sweep, JSON.stringify(SWEEP));
});
afterAll(() => {
  chmodSync(closed, 0o700);
  chmodSync(readOnly, 0o700);
  rmSync(folder, { recursive: true });
});

describe.skipIf(isRoot)('without the right to it (skipped for root)', () => {
  it.each([
    'analyze',
    'check-policy',
    'compare --config',
    'compare --policy',
    'compare --recording',
    'compare --trace',
    'convert',
    'findings',
    'replay',
    'report',
    'sweep',
    'validate',
    'validate --exact',
  ])(
    '%s names the file that it may not read, or that is in a folder which it may not open',
    async (command) => {
      for (const path of [unreadable, join(closed, 'below')]) {
        const more = command === 'convert' ? [join(folder, 'unwritten.arrow')] : [];
        const { code, stdout, stderr } = await decpool(...command.split(' '), path, ...more);
        expect({ code, stdout, stderr }).toEqual({
          code: 2,
          stdout: '',
          stderr: expect.stringContaining(path),
        });
        expect(stderr).toContain('EACCES');
        expect(stderr).not.toContain('    at ');
      }
    },
  );

  it.each([
    ['results', [...COMPARE, '--out']],
    ['swept', ['sweep', sweep, '--out']],
    ['converted.ndjson', ['convert', log]],
    ['forked.arrow', ['fork', log, '--at', '2', '--policy', 'genpool', '--out']],
    ['my-policy.ts', ['init-policy']],
    ['report.html', ['report', join(folder, 'results'), '--out']],
  ])('tells of %s that it cannot be written, and leaves nothing', async (name, command) => {
    const path = join(readOnly, name);
    const { code, stderr } = await decpool(...command, path);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(path) });
    expect(stderr).toContain('EACCES');
    expect(stderr).not.toContain('    at ');
    expect(readdirSync(readOnly)).toEqual([]);
  });

  it('record says what it needs root for', async () => {
    expect(await decpool('record', '--out', join(folder, 'recording'), '--seconds', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('must run as root'),
    });
  });
});
