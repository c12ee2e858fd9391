import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allocationId, nanoseconds, type Request } from '@decpool/model';
import { policyNamed } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { called, eventsOf, forge, writeRun } from '../rerun/testing.ts';
import { printableLines } from '../text/printable.ts';
import { nvmeAtomic } from '../workloads/nvme-atomic.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
const ESCAPES = 'nic\u001b[2J\u001b]0;title\u0007\u202e';

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command as a user's shell runs it. */
function decpool(...args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [DECPOOL, ...args], { cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** A policy of one's own, which refuses from some allocation on. */
const ownPolicy = (refusesFrom: string) => `
import { policyNamed } from '@decpool/pool';

export default function own(view) {
  const policy = policyNamed('first-fit+page+immediate')(view);
  return {
    name: 'mine',
    allocate(request, view, record) {
      if (request.allocation < ${refusesFrom}) policy.allocate(request, view, record);
      else record.fail('out-of-memory');
    },
    free: (request, view, record) => policy.free(request, view, record),
  };
}
`;

let folder = '';
const scratch = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  const requests = nvmeAtomic.generate().requests.slice(0, 200);
  await writeRun(scratch('run.arrow'), 'arrow', { requests, policy: 'linux-6.12' });
  await writeRun(scratch('run.ndjson'), 'ndjson', { requests, policy: 'linux-6.12' });
  const mine = called('mine', policyNamed('first-fit+page+immediate'));
  await writeRun(scratch('mine.arrow'), 'arrow', { requests, policy: 'mine', factory: mine });
  writeFileSync(scratch('mine.mjs'), ownPolicy('Infinity'));
  writeFileSync(scratch('edited.mjs'), ownPolicy('10'));
  const at = { time: nanoseconds(0), allocation: allocationId(1) };
  const hostile: Request[] = [
    { kind: 'allocate', ...at, api: 'alloc_pages', pages: 4, bytes: 16384, owner: ESCAPES },
    { kind: 'free', ...at },
  ];
  await writeRun(scratch('hostile.ndjson'), 'ndjson', { requests: hostile, policy: 'linux-6.12' });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.concurrent('decpool verify', () => {
  it('looks at everything, and ends with 0 when all is right', async () => {
    const { code, stdout, stderr } = await decpool('verify', scratch('run.arrow'), '--every', '100');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').map((line) => line.slice(0, 18))).toEqual([
      'structure    ok   ',
      'hash chain   ok   ',
      'fold         ok   ',
      'keyframes    -    ',
      'invariants   ok   ',
      're-run       ok   ',
      '',
    ]);
  });

  it('names the event that was altered, and ends with 1', async () => {
    const change = (value: number) => value + 1;
    const perturbation = { seq: 77, column: 'request', change } as const;
    await forge(scratch('run.ndjson'), scratch('altered.ndjson'), 'ndjson', perturbation, false);
    const { code, stdout } = await decpool('verify', scratch('altered.ndjson'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^hash chain {3}WRONG event 77 was altered/m);
    expect(stdout).toMatch(/^re-run {7}WRONG event 77 differs: policy 'linux-6\.12' decides differently/m);
    expect(stdout.match(/^ {4}\d+ at /gm)).toHaveLength(10);
    expect(stdout).toMatch(/^ {2}- 77 at .*\n {2}\+ 77 at .*\n {2}- the log, \+ the requests made again\n/m);
  });

  it('takes a policy of one’s own with --own, and with --against the one that it became', async () => {
    const [none, own, edited] = await Promise.all([
      decpool('verify', scratch('mine.arrow')),
      decpool('verify', scratch('mine.arrow'), '--own', scratch('mine.mjs')),
      decpool('verify', scratch('mine.arrow'), '--against', scratch('edited.mjs')),
    ]);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('name its file with --own');
    expect(own.code).toBe(0);
    expect(edited.code).toBe(1);
    const events = await eventsOf(scratch('mine.arrow'));
    const asked = events.findIndex(
      (event) => event.type === 'allocation-requested' && event.allocation === 10,
    );
    expect(edited.stdout).toContain(`re-run       WRONG event ${asked + 1} differs: policy 'mine'`);
    expect(edited.stdout).toMatch(/^ {2}\+ \d+ at \d+ ns, request \d+: allocation-failed .*out-of-memory/m);
  });

  it('ends with 2 when there is no log, and without --rerun looks at what is stored only', async () => {
    writeFileSync(scratch('none.ndjson'), '{"a":1}\n');
    const [none, stored] = await Promise.all([
      decpool('verify', scratch('none.ndjson')),
      decpool('verify', scratch('mine.arrow'), '--no-rerun'),
    ]);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(stored.code).toBe(0);
    expect(stored.stdout).not.toContain('re-run');
  });
});

describe.concurrent('decpool diff', () => {
  it('ends with 0 when all is the same, however it is stored, and with 1 when it is not', async () => {
    const [same, other, json] = await Promise.all([
      decpool('diff', scratch('run.arrow'), scratch('run.ndjson')),
      decpool('diff', scratch('run.arrow'), scratch('mine.arrow')),
      decpool('diff', scratch('run.arrow'), scratch('mine.arrow'), '--json'),
    ]);
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).toMatch(
      /\nevents {7}all the same\nmetrics {6}all the same\nblocks {7}all end up the same\n$/,
    );
    expect(other).toMatchObject({ code: 1, stderr: '' });
    expect(other.stdout).toContain('policy       a "linux-6.12", b "mine"\n');
    expect(other.stdout).toMatch(/^events {7}the first \d+ are the same; then:\n/m);
    expect(json.code).toBe(1);
    const { divergence, headers } = JSON.parse(json.stdout);
    expect(other.stdout).toContain(`the first ${divergence.seq} are the same`);
    expect(headers).toEqual([['policy', '"linux-6.12"', '"mine"']]);
  });
});

describe.concurrent('decpool fork and skip', () => {
  it('write a new log, say what they kept and what changed, and it is verified', async () => {
    const forked = await decpool(
      ...['fork', scratch('run.arrow'), '--at', '150'],
      ...['--policy', 'best-fit+block+immediate', '--out', scratch('forked.arrow')],
    );
    expect(forked).toMatchObject({ code: 0, stderr: '' });
    expect(forked.stdout).toMatch(
      /^kept {9}events 0 to \d+, requests 1 to \d+; policies: linux-6\.12 up to request \d+, then best-fit\+block\+immediate\n/,
    );
    expect(forked.stdout).toMatch(/\nwritten {6}.*forked\.arrow: \d+ events\n$/);
    const skipped = await decpool(
      ...['skip', scratch('forked.arrow'), '--event', '150', '--out', scratch('skipped.ndjson')],
    );
    expect(skipped).toMatchObject({ code: 0, stderr: '' });
    expect(skipped.stdout).toMatch(/^left out {5}the request of event \d+: \{"kind":/);
    const verified = await Promise.all(
      ['forked.arrow', 'skipped.ndjson'].map((name) => decpool('verify', scratch(name))),
    );
    expect(verified.map(({ code }) => code)).toEqual([0, 0]);
  });

  it('do not write over a log, nor under a name of which nobody can tell what it is to be', async () => {
    const before = readFileSync(scratch('run.ndjson'));
    const args = ['fork', scratch('run.arrow'), '--at', '1', '--policy', 'gfp-decrypted', '--out'];
    const [exists, unnamed, outside] = await Promise.all([
      decpool(...args, scratch('run.ndjson')),
      decpool(...args, scratch('run.log')),
      decpool('skip', scratch('run.arrow'), '--event', '999999', '--out', scratch('outside.arrow')),
    ]);
    expect([exists.code, unnamed.code, outside.code]).toEqual([2, 2, 2]);
    expect(exists.stderr).toBe(
      `decpool: ${scratch('run.ndjson')}: already exists; expected the name of a new file\n`,
    );
    expect(unnamed.stderr).toContain('expected a name that ends in .arrow or .ndjson');
    expect(outside.stderr).toMatch(/event 999999: expected one of its events, 0 to \d+/);
    expect(readFileSync(scratch('run.ndjson')).equals(before)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('outside') || name === 'run.log')).toEqual(
      [],
    );
  });

  it('and diff show an owner’s name without what would move a cursor', async () => {
    const fork = ['fork', scratch('hostile.ndjson'), '--at', '5', '--policy', 'best-fit+block+immediate'];
    const runs = await Promise.all([
      decpool('diff', scratch('run.arrow'), scratch('hostile.ndjson')),
      decpool(...fork, '--out', scratch('harmless.ndjson')),
      decpool('skip', scratch('hostile.ndjson'), '--event', '5', '--out', scratch('left.ndjson')),
    ]);
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual([
      [1, ''],
      [0, ''],
      [0, ''],
    ]);
    for (const { stdout } of runs) {
      expect(stdout).toContain('u001b[2J');
      // What is left to be shown as an escape is a line's end.
      expect(printableLines(stdout)).toBe(stdout);
    }
    expect(existsSync(scratch('left.ndjson'))).toBe(true);
  });
});
