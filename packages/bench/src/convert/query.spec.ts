import { execFile, spawn } from 'node:child_process';
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
import { InputError } from '@decpool/model';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { run } from '../cli/program.ts';
import { keptOutput } from '../cli/testing.ts';
import { cellText, jsonOf } from './answer-text.ts';
import { convert } from './convert.ts';
import { query } from './query.ts';
import { shortRun, writeShortLog } from './testing.ts';

const DECPOOL = fileURLToPath(new URL('../../bin/decpool.js', import.meta.url));

const isInstalled = await import('@duckdb/node-api').then(
  () => true,
  () => false,
);

let folder = '';
let log = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  mkdirSync(join(folder, 'tmp'));
  vi.stubEnv('TMPDIR', join(folder, 'tmp'));
  log = join(folder, 'log.arrow');
  await writeShortLog(log, 'arrow');
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as a user's shell runs it. */
function decpool(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [DECPOOL, ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** The command without a process of its own: what it prints. */
async function ask(path: string, sql: string, options: { json?: true; csv?: true } = {}): Promise<string> {
  const output = keptOutput();
  const words = ['query', path, sql, ...Object.keys(options).map((option) => `--${option}`)];
  await run({ words, output, exit: (code) => expect(code).toBe(0) });
  return output.written + output.told;
}

/** Temporary files that a query has left. */
const left = () => readdirSync(join(folder, 'tmp')).filter((name) => name.startsWith('decpool-'));

const cells = (table: string): string[][] =>
  table
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) =>
      line
        .split('│')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe.skipIf(!isInstalled)('decpool query, with DuckDB', () => {
  it('counts events by type as the log has them', async () => {
    const counts = new Map<string, number>();
    for (const batch of shortRun().batches) {
      for (const { type } of batch) counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    const { code, stdout, stderr } = await decpool(
      'query',
      log,
      'SELECT type, count(*) AS n FROM events GROUP BY type ORDER BY type',
    );
    expect({ code, stderr, left: left() }).toEqual({ code: 0, stderr: '', left: [] });
    const [head, ...rows] = cells(stdout);
    expect(head).toEqual(['type', 'n']);
    expect(rows).toEqual(
      [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, n]) => [type, String(n)]),
    );
  });

  it('tells what DuckDB says of wrong SQL, and no stack', async () => {
    const { code, stdout, stderr } = await decpool('query', log, 'SELEC 1');
    expect({ code, stdout, left: left() }).toEqual({ code: 2, stdout: '', left: [] });
    expect(stderr).toMatch(/^decpool: Parser Error: syntax error at or near "SELEC"/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('prints whole numbers of any size as they are, and names escaped on a terminal only', async () => {
    const sql =
      'SELECT max(time_ns) AS t, 9007199254740993 AS big, (SELECT name FROM owners WHERE owner = 0) AS name FROM events';
    const name = "ring '; DROP TABLE owners; --\n\u001b[31m\u{1f980}";
    const table = await ask(log, sql);
    expect(table).toContain('│ 4503599627370496 │ 9007199254740993 │');
    expect(table).toContain("ring '; DROP TABLE owners; --\\u000a\\u001b[31m\u{1f980}");
    expect(table).not.toContain('\u001b');
    const json = await ask(log, sql, { json: true });
    expect(json).toContain('{"t": 4503599627370496, "big": 9007199254740993, "name": ');
    expect(JSON.parse(json)).toEqual([{ t: 2 ** 52, big: expect.any(Number), name }]);
    expect(await ask(log, sql, { csv: true })).toBe(
      `t,big,name\n4503599627370496,9007199254740993,"${name}"\n`,
    );
  });

  it('has a row of facts about the log', async () => {
    const { header, stateHash } = shortRun();
    expect(JSON.parse(await ask(log, 'SELECT * FROM header', { json: true }))).toEqual([
      expect.objectContaining({
        workload: header.workload.name,
        policy: header.policy,
        platform: 'snp',
        page_bytes: 4096,
        span_pages: header.geometry.spanPages,
        state_hash: stateHash,
        is_cut_off: false,
      }),
    ]);
  });

  it('reads the Parquet file of a log as the log, whatever its name is', async () => {
    const path = join(folder, "a'b [x]*.parquet");
    await convert(log, path, 'parquet');
    const sql = 'SELECT count(*) AS events, sum(pages)::BIGINT AS pages FROM events';
    expect(await ask(path, sql)).toBe(await ask(log, sql));
    expect(existsSync(path)).toBe(true);
  });

  it("gives no rows as an empty array, and of several statements the last one's", async () => {
    expect(await ask(log, 'SELECT 1; SELECT seq FROM events WHERE seq < 0', { json: true })).toBe('[]\n');
  });

  it('gives every row of many, but in a table only those that somebody reads', async () => {
    const sql = 'SELECT range AS n FROM range(5000)';
    expect((await ask(log, sql, { csv: true })).split('\n')).toHaveLength(5002);
    expect(JSON.parse(await ask(log, sql, { json: true }))).toHaveLength(5000);
    const table = await ask(log, sql);
    expect(cells(table)).toHaveLength(1001);
    expect(table).toMatch(/\n4,000 more rows: --csv and --json print all of them\n$/);
  });

  it.each([
    ['SELECT nonsense FROM events', /^Binder Error: .*"?nonsense"?/],
    ['SELECT type::INTEGER FROM events', /^Conversion Error: /],
    ['  -- nothing', /^no SQL statement/],
    ['', /^no SQL statement/],
  ])('refuses %j with the reason, and leaves nothing behind', async (sql, message) => {
    const asked = ask(log, sql);
    await expect(asked).rejects.toThrow(InputError);
    await expect(asked).rejects.toThrow(message);
    expect(left()).toEqual([]);
  });

  it('touches no file but that of the log', async () => {
    const other = join(folder, 'other.csv');
    writeFileSync(other, 'secret\n1\n');
    for (const sql of [
      `SELECT * FROM read_csv('${other}')`,
      `COPY events TO '${join(folder, 'copy.csv')}'`,
      `ATTACH '${join(folder, 'a.db')}'`,
      'SET enable_external_access = true',
    ]) {
      await expect(ask(log, sql), sql).rejects.toThrow(/^(Permission|Invalid Input) Error: /);
    }
    expect(readdirSync(folder).filter((name) => /copy|a\.db/.test(name))).toEqual([]);
  });

  it('refuses a Parquet file that is of no log', async () => {
    const path = join(folder, 'other.parquet');
    await convert(log, path, 'parquet');
    const bytes = readFileSync(path, 'latin1');
    // Twice: the program that made the file has the same name.
    writeFileSync(path, bytes.replaceAll('decpool', 'depcool'), 'latin1');
    await expect(ask(path, 'SELECT 1')).rejects.toThrow(
      /other\.parquet: was not written by 'decpool convert'/,
    );
    writeFileSync(path, 'PAR1 and then something else');
    await expect(ask(path, 'SELECT 1')).rejects.toThrow(/other\.parquet: cannot be read: /);
  });

  it.each([0, 1, 2, 4, 8, 16, 32])(
    'stops %i ms after its table was made, whatever it is at then',
    async (ms) => {
      const stop = new AbortController();
      const onRead = (done: number, all: number) => {
        if (done === all) void setTimeout(ms).then(() => stop.abort());
      };
      const endless = 'SELECT count(*) FROM range(1e12::BIGINT) a, events';
      const asked = query(log, endless, async () => {}, { onRead, signal: stop.signal });
      await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
      expect(left()).toEqual([]);
    },
  );

  it('leaves nothing behind when it is stopped', async () => {
    const child = spawn(process.execPath, [
      DECPOOL,
      'query',
      log,
      'SELECT count(*) FROM range(1e12::BIGINT) a, events',
    ]);
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
    // Should it not stop, nothing else would stop it.
    onTestFinished(() => void child.kill('SIGKILL'));
    while (left().length === 0) await setTimeout(20);
    await setTimeout(500);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(left()).toEqual([]);
  });
});

it('says what to install where DuckDB is missing, before anything is converted', async () => {
  const load = () => Promise.reject(new Error("Cannot find package '@duckdb/node-api'"));
  const asked = query(join(folder, 'none.arrow'), 'SELECT 1', async () => {}, { load });
  await expect(asked).rejects.toThrow(InputError);
  await expect(asked).rejects.toThrow(/^DuckDB is not installed .*run npm install @duckdb\/node-api/);
});

it('values that JSON does not have are null, and whole numbers keep their digits', () => {
  expect(
    [1n << 70n, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, true, 'a"\n'].map((value) => jsonOf(value)),
  ).toEqual(['1180591620717411303424', '1.5', 'null', 'null', 'null', 'true', '"a\\"\\n"']);
  expect([null, 12n, 'x'].map((value) => cellText(value))).toEqual(['', '12', 'x']);
});
