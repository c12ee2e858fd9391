import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RULES_REVISION } from '@decpool/model/internal';
import { policyNamed } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLog } from '../log/open.ts';
import { shortRun, writeLog } from '../log/testing.ts';
import { forkLog, skipRequest } from './fork.ts';
import { policyOf } from './rerun.ts';
import { verifyLog } from './verify.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a log of another rules revision', () => {
  const other = RULES_REVISION + 1;
  const both = new RegExp(`rules revision ${other}; this program decides under revision ${RULES_REVISION}`);
  const path = () => join(folder, 'other.ndjson');
  beforeAll(async () => {
    const run = shortRun(20);
    await writeLog(path(), 'ndjson', { ...run, header: { ...run.header, rules: other } });
  });

  it('still folds to its state hash', async () => {
    const checks = await verifyLog(path(), { every: 0 });
    expect(checks.filter(({ verdict }) => verdict === 'wrong')).toEqual([]);
    expect(checks.map(({ name }) => name)).toContain('fold');
  });

  it('is not run again, forked or told to skip: the refusal names both revisions and leaves no file', async () => {
    const out = { path: join(folder, 'new.ndjson'), format: 'ndjson' } as const;
    const log = await openLog(path());
    const policy = { name: 'first-fit', factory: policyNamed('first-fit') };
    const checks = await verifyLog(path(), { every: 0, policy: policyOf });
    const rerun = checks.find(({ name }) => name === 're-run');
    expect(rerun).toMatchObject({ verdict: 'skipped', text: expect.stringMatching(both) });
    await expect(forkLog(log, { event: 3, policy, out })).rejects.toThrow(both);
    await expect(skipRequest(log, { event: 3, out })).rejects.toThrow(both);
    await log.close();
    expect(existsSync(out.path)).toBe(false);
    expect(existsSync(`${out.path}.partial`)).toBe(false);
  });
});
