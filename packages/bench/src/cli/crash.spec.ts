import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recoverLog } from '../log/recover.ts';
import { replay } from '../rerun/replay.ts';
import { PROGRESS_ONLY } from './testing.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));
/** Requests that a run decides before it hears a signal. */
const CHUNK = 1024;

/**
 * A policy that stands still at its 4000th allocation, in the middle of a run, until the file that it leaves to tell is
 * gone. It does so only when it is told which, so that its log can be verified.
 */
const SLOW_POLICY = `
import { existsSync, writeFileSync } from 'node:fs';
import { policyNamed } from '@decpool/pool';

export default function slow(view) {
  const policy = policyNamed('first-fit+page+immediate')(view);
  let allocations = 0;
  return {
    name: 'slow',
    allocate(request, view, record) {
      if (++allocations === 4000 && process.env.STANDS_STILL !== undefined) {
        writeFileSync(process.env.STANDS_STILL, '');
        while (existsSync(process.env.STANDS_STILL)) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        }
      }
      policy.allocate(request, view, record);
    },
    free: (request, view, record) => policy.free(request, view, record),
  };
}
`;

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

let folder = '';
const scratch = (...names: string[]) => join(folder, ...names);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  writeFileSync(scratch('slow.mjs'), SLOW_POLICY);
});
afterAll(() => rmSync(folder, { recursive: true }));

const compareArgs = (out: string, policies: string) => [
  ...['compare', '--workload', 'churn', '--memory', '1G', '--seeds', '1', '--platform', 'none'],
  ...['--policy', policies, '--out', scratch(out)],
];

interface Standing {
  readonly child: ChildProcess;
  readonly ended: Promise<Run>;
}

const markOf = (out: string) => scratch(`${out}-stands-still`);

/** A comparison whose second policy stands still now. */
async function standing(out: string): Promise<Standing> {
  const mark = markOf(out);
  const env = { ...process.env, STANDS_STILL: mark, DECPOOL_POLICY_SECONDS: '0' };
  const args = [DECPOOL, ...compareArgs(out, `gfp-decrypted,${scratch('slow.mjs')}`)];
  const child = spawn(process.execPath, args, { cwd: ROOT, env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: Number(code), stdout, stderr }));
  while (!existsSync(mark)) {
    if (child.exitCode !== null) expect.fail(`ended early: ${stdout}${stderr}`);
    await setTimeout(20);
  }
  return { child, ended };
}

const partialOf = (out: string) => scratch(out, 'churn.partial/logs/slow.arrow.partial');

/** The log of the policy that was ended, saved: the events that it has. */
async function savedEvents(out: string): Promise<number> {
  const saved = scratch(`${out}-saved.arrow`);
  const { code, stdout, stderr } = await decpool('recover', partialOf(out), '--out', saved);
  expect({ code, stderr }).toEqual({ code: 0, stderr: PROGRESS_ONLY });
  const events = Number(/^saved +(\d+) events/.exec(stdout)?.[1]);
  expect((await replay(saved)).seal).toMatchObject({ events, isCutOff: true });
  return events;
}

/** The log of the policy that had its turn before is whole. */
async function expectEarlierWhole(out: string): Promise<void> {
  const { seal, stateHash } = await replay(scratch(out, 'churn.partial/logs/gfp-decrypted.arrow'));
  expect(seal).toMatchObject({ stateHash });
  expect(seal?.isCutOff).toBeUndefined();
}

describe.concurrent('decpool compare, ended', () => {
  it('by one SIGINT stops between two requests and says where its logs are, and they are whole up to there', async () => {
    const { child, ended } = await standing('once');
    child.kill('SIGINT');
    rmSync(markOf('once'));
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: PROGRESS_ONLY });
    expect(stdout).toContain(`interrupted  partial results are kept in ${scratch('once/churn.partial')}`);
    expect(stdout).toContain("'decpool recover'");
    expect(readdirSync(scratch('once'))).toEqual(['churn.partial']);
    await expectEarlierWhole('once');
    const events = await savedEvents('once');
    const { counters } = await replay(scratch('once-saved.arrow'));
    expect(counters.requests % CHUNK).toBe(0);
    const verified = await decpool('verify', scratch('once-saved.arrow'), '--own', scratch('slow.mjs'));
    expect(verified).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
    expect(verified.stdout).toMatch(/^structure +ok .* sealed, but its run was cut off$/m);
    expect(verified.stdout).toContain(
      ` ${counters.requests} requests under policy 'slow' give the same ${events} events, up to the end of the log\n`,
    );
  });

  it('by a second SIGINT ends at once, and what was flushed is saved', async () => {
    const { child, ended } = await standing('twice');
    child.kill('SIGINT');
    await setTimeout(100);
    child.kill('SIGINT');
    rmSync(markOf('twice'));
    expect(await ended).toEqual({ code: 130, stdout: '', stderr: PROGRESS_ONLY });
    await expectEarlierWhole('twice');
    // Batches of 8192 events go to the log as they are full.
    expect((await savedEvents('twice')) % 8192).toBe(0);
  });

  it('by SIGKILL has saved what was flushed, and leaves a lock that the next run takes over', async () => {
    const { child, ended } = await standing('killed');
    child.kill('SIGKILL');
    await ended;
    await expectEarlierWhole('killed');
    const { seal, damage } = await recoverLog(partialOf('killed'), scratch('killed-saved.arrow'));
    expect({ damage, lost: seal.events % 8192 }).toEqual({ damage: undefined, lost: 0 });
    expect(readFileSync(scratch('killed/churn.lock'), 'utf8')).toBe(`${child.pid}\n`);
    expect(await decpool(...compareArgs('killed', 'gfp-decrypted'))).toMatchObject({
      code: 0,
      stderr: PROGRESS_ONLY,
    });
    expect(readdirSync(scratch('killed'))).toEqual(['churn']);
  });

  it('by nobody, is not disturbed by a second one into its folder, which is refused', async () => {
    const { child, ended } = await standing('shared');
    const before = readdirSync(scratch('shared/churn.partial/logs'));
    const second = await decpool(...compareArgs('shared', 'gfp-decrypted'));
    expect(second).toMatchObject({ code: 2, stdout: '' });
    expect(second.stderr).toBe(
      `decpool: ${scratch('shared/churn')}: process ${child.pid} is writing to it; wait until it ends, or remove ${scratch('shared/churn.lock')} if it is not a run of decpool\n`,
    );
    expect(readdirSync(scratch('shared/churn.partial/logs'))).toEqual(before);
    rmSync(markOf('shared'));
    expect(await ended).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
    expect(readdirSync(scratch('shared'))).toEqual(['churn']);
    const { seal, stateHash } = await replay(scratch('shared/churn/logs/slow.arrow'));
    expect(seal).toMatchObject({ stateHash });
  });
});

const disk = mkdtempSync(join(tmpdir(), 'decpool-disk-'));
const full = join(disk, 'full');
mkdirSync(full);
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', full]).status === 0;
afterAll(() => {
  // Lazily: somebody may be looking at it.
  if (isMounted) spawnSync('umount', ['-l', full]);
  rmSync(disk, { recursive: true });
});

// Skipped where no file system may be mounted: a real disk would have to be filled.
describe.skipIf(!isMounted)('decpool compare on a disk that is full', () => {
  it('says which log is not whole, and how many of its events are, and they are saved elsewhere', async () => {
    const args = [
      'compare',
      '--workload',
      'churn',
      '--memory',
      '1G',
      '--seeds',
      '1',
      '--out',
      join(full, 'out'),
    ];
    const compared = await decpool(...args, '--policy', 'gfp-decrypted', '--log-format', 'ndjson');
    const partial = join(full, 'out/churn.partial/logs/gfp-decrypted.ndjson.partial');
    expect(compared).toMatchObject({ code: 2, stdout: '' });
    const told =
      /^decpool: (.*): cannot be written: no space left; to save its first (\d+) events, run: decpool recover (.*)\n$/;
    const [, where, events, toRecover] = told.exec(compared.stderr) ?? [compared.stderr];
    expect([where, toRecover]).toEqual([partial, partial]);
    expect(Number(events)).toBeGreaterThan(0);
    expect(readdirSync(join(full, 'out'))).toEqual(['churn.partial']);

    const there = await decpool('recover', partial);
    expect(there).toMatchObject({ code: 2, stdout: '' });
    expect(there.stderr).toContain(
      'gfp-decrypted.recovered.ndjson.partial: cannot be written: no space left',
    );
    expect(readdirSync(join(full, 'out/churn.partial/logs'))).toEqual(['gfp-decrypted.ndjson.partial']);

    const elsewhere = await decpool('recover', partial, '--out', scratch('saved.ndjson'));
    expect(elsewhere).toMatchObject({ code: 0, stderr: PROGRESS_ONLY });
    expect(elsewhere.stdout).toContain(`saved        ${events} events, in ${scratch('saved.ndjson')}\n`);
    expect(elsewhere.stdout).toMatch(
      /^lost {9}\d+ events of an incomplete segment, and \d+ bytes of an incomplete record/m,
    );
    expect((await replay(scratch('saved.ndjson'))).seal).toMatchObject({
      events: Number(events),
      isCutOff: true,
    });
  });
});
