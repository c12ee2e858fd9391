/** The commands that look into a log, as a user's shell runs them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Pool } from '@decpool/pool';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ringsAndBuffer, writeRun } from '../inspect/testing.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function started(...args: string[]): ChildProcess {
  const { NO_COLOR: _, ...rest } = process.env;
  return spawn(process.execPath, [DECPOOL, ...args], { cwd: ROOT, env: { ...rest, FORCE_COLOR: '1' } });
}

async function ended(child: ChildProcess): Promise<Run> {
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...text };
}

const decpool = (...args: string[]): Promise<Run> => ended(started(...args));

/** The command with lines on its standard input. */
function fed(lines: readonly string[], ...args: string[]): Promise<Run> {
  const child = started(...args);
  child.stdin?.end(lines.join('\n'));
  return ended(child);
}

let folder = '';
let small = '';
let hostile = '';
const scratch = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  small = await writeRun(scratch('small.arrow'), ringsAndBuffer);
  const evil = (pool: Pool) => {
    pool.alloc_pages(3, { owner: 'evil \u001b]0;owned\u0007\u009b2J \u202egnp', at: 1000 });
  };
  hostile = await writeRun(scratch('hostile.ndjson'), evil, { format: 'ndjson' });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.concurrent('every command on a log', () => {
  it.each([
    ['stats'],
    ['show'],
    ['show', '--json'],
    ['explain'],
    ['explain', '--block', '28'],
    ['splits', '--by', 'request'],
    ['splits', '--json'],
    ['explain', '--allocation', '1', '--json'],
    ['tail', '--no-follow'],
    ['step'],
  ])('%s %s %s %s ends well, and shows names with escape sequences harmlessly', async (...command) => {
    const [name, ...options] = command.filter((word) => word !== undefined);
    const run =
      name === 'step'
        ? fed(['/evil', 'n 99', 'r', 'f owner \u001b[31m'], name, hostile)
        : decpool(name, hostile, ...options);
    const { code, stdout, stderr } = await run;
    expect({ code, stderr: name === 'tail' ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    for (const mark of ['\u001b', '\u0007', '\u009b', '\u202e']) expect(stdout).not.toContain(mark);
    if (name !== 'stats') expect(stdout).toContain('evil \\u001b]0;owned');
    if (options.includes('--json')) {
      expect(JSON.stringify(JSON.parse(stdout))).toContain('evil \\u001b]0;owned\\u0007');
    }
  });

  it.each([
    [['show', '--at', '99999'], /position 99999: expected at most \d+/],
    [['show', '--time', 'noon'], /time 'noon': expected one as in 1\.5s, 200ms, 17us, 2min or 1200 \(ns\)/],
    [['explain', '--block', '1', '--split', '2'], /--block, --split, --allocation: expected only one/],
    [
      ['explain', '--split', '0'],
      /event 0 is owner-registered, no large-page-split; the log has \d+ splits?, the nearest at/,
    ],
    [['step', '--at', '99999'], /position 99999: expected at most \d+/],
  ])('%j is refused, and says what would be right', async ([name, ...options], message) => {
    const { code, stdout, stderr } = await decpool(name, small, ...options);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it.each(['stats', 'splits', 'tail'])('%s refuses a file that is no log', async (name) => {
    writeFileSync(scratch(`${name}.txt`), '# by hand\n');
    const { code, stdout, stderr } = await decpool(name, scratch(`${name}.txt`));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^decpool: .*\n$/);
  });
});

describe('decpool show and stats', () => {
  it('print one JSON document with --json', async () => {
    const [show, stats] = await Promise.all([
      decpool('show', small, '--json', '--time', '1.5s'),
      decpool('stats', small, '--json'),
    ]);
    const state = JSON.parse(show.stdout);
    expect(state).toMatchObject({
      position: { timeNs: 1_500_000_000 },
      counters: { memory: { livePages: 703 } },
    });
    expect(state.owners[0]).toMatchObject({ owner: 'buffer', livePages: 700 });
    expect(JSON.parse(stats.stdout)).toMatchObject({ end: 'complete', requests: 5, schemaVersion: 3 });
  });
});

describe('decpool step', () => {
  it('does what the lines say, tells a wrong one, also by its exit code, and ends with the input', async () => {
    const lines = ['n', '', 's', 'zz', '/doorbell', 'g 99999', 't 1s', 'p 1000 2', '?'];
    const { code, stdout, stderr } = await fed(lines, 'step', small);
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    const positions = [...stdout.matchAll(/^position (\d+) of/gm)].map(([, at]) => Number(at));
    expect(positions).toHaveLength(6);
    expect(positions.slice(0, 2)).toEqual([0, 1]);
    expect(positions[5]).toBe(positions[4] + 2);
    expect(stdout).toContain('large-page-split     2M at ');
    expect(stdout).toContain("unknown command 'zz'; ? lists the commands\n");
    expect(stdout).toContain('alloc_pages 1 page, 4 KiB, for doorbell\n');
    expect(stdout).toMatch(/position 99999: expected at most \d+, where/);
    expect(stdout).toContain('g POSITION       go: the state after so many events\n');
  });

  it('stops at q, and when nobody reads its output any more', async () => {
    const { code, stdout } = await fed(['q', 'n'], 'step', small);
    expect({ code, shown: stdout.match(/^position/gm)?.length }).toEqual({ code: 0, shown: 1 });
    const child = started('step', small);
    child.stdout?.destroy();
    child.stdin?.on('error', () => {}).write('n\nn\nn\n');
    const { code: unread, stderr } = await ended(child);
    expect({ unread, stderr }).toEqual({ unread: 0, stderr: '' });
  });
});

describe('decpool tail', () => {
  it('prints the last events, and how the log ends', async () => {
    const { code, stdout, stderr } = await decpool('tail', '-n', '2', small);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stderr).toMatch(/^decpool: sealed after \d+ events: the log is complete\n$/);
  });

  it('ends at the end of a gzip', async () => {
    writeFileSync(scratch('small.arrow.gz'), gzipSync(readFileSync(small)));
    expect((await decpool('tail', scratch('small.arrow.gz'))).code).toBe(0);
  });

  it('follows a log under its partial name until it is interrupted, or nobody reads any more', async () => {
    await writeRun(scratch('open.ndjson'), ringsAndBuffer, { format: 'ndjson', isCutOff: true });
    const child = started('tail', scratch('open.ndjson'));
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGINT');
    expect((await ended(child)).code).toBe(130);
  });
});
