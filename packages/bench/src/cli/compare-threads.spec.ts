import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recoverLog } from '../log/recover.ts';
import { run } from './program.ts';
import { keptOutput } from './testing.ts';

/** A policy of a user's own that refuses what it is asked for. */
const refusing = (name: string, atEach: string): string => `
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

export default () => ({
  name: '${name}',
  allocate(request, view, record) {
    ${atEach}
    record.fail('out-of-memory');
  },
  free() {},
});
`;

const OWN = fileURLToPath(new URL('../../../../examples/custom-policy.ts', import.meta.url));

let folder = '';
const scratch = (...names: string[]) => join(folder, ...names);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-threads-'));
  writeFileSync(scratch('broken.mjs'), refusing('broken', "throw new Error('no idea');"));
  const begun = JSON.stringify(scratch('begun'));
  writeFileSync(
    scratch('telling.mjs'),
    refusing('telling', `if (!isMainThread) writeFileSync(${begun}, '');`),
  );
  const later = "setTimeout(() => process.emit('SIGINT'), 50)";
  writeFileSync(
    scratch('stopping.mjs'),
    refusing('stopping', `clearTimeout(globalThis.stopping); globalThis.stopping = ${later};`),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function compare(out: string, policies: string, ...words: string[]) {
  const output = keptOutput();
  let code = 0;
  const exit = (given: number) => {
    code = given;
  };
  const args = [
    'compare',
    '--policy',
    policies,
    '--memory',
    '1G:fragmented=0.5',
    '--out',
    scratch(out),
    ...words,
  ];
  await run({ words: args, output, exit });
  return { code, printed: output.written.replaceAll(scratch(out), 'OUT') };
}

/** Path and hash of every file below a folder. Within a process echarts numbers the classes of its pictures from one to the next. */
const filesOf = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => {
      const text = readFileSync(file, 'latin1').replaceAll(/zr\d+-cls-\d+/g, 'cls');
      return [file.slice(path.length), createHash('sha256').update(text).digest('hex')] as const;
    });

it('one, two and three threads give the same bytes: tables, results and logs, of bundled policies and of files', async () => {
  const policies = `linux-7.3,first-fit,gfp-decrypted,${OWN}`;
  const words = ['--workload', 'best-fit-block-seconds', '--seeds', '2', '--memory', '1G:fragmented=0.5'];
  const runs = [];
  for (const workers of ['1', '2', '3']) {
    const { code, printed } = await compare(`of-${workers}`, policies, ...words, '--workers', workers);
    expect(code).toBe(0);
    runs.push({ printed, files: filesOf(scratch(`of-${workers}`)) });
  }
  expect(runs[0].files.map(([name]) => name).join()).toContain('/logs/busiest-block');
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
});

it("a policy's mistake is told in the same words, whichever thread meets it", async () => {
  const policies = `gfp-decrypted,${scratch('broken.mjs')},linux-7.3,${OWN}`;
  const words = ['--workload', 'best-fit-block-seconds', '--seeds', '3'];
  for (const workers of ['1', '3']) {
    await expect(compare('broken', policies, ...words, '--workers', workers)).rejects.toThrow(
      /request 1: \S+broken\.mjs:8: policy 'broken', request 1 \(.*\): Error: no idea$/,
    );
    expect(readdirSync(scratch('broken'))).toEqual([]);
  }
});

it('a SIGINT ends the runs of all threads, and their logs can be recovered', async () => {
  const words = ['--workload', 'churn', '--seeds', '500', '--workers', '2'];
  const waiting = setInterval(() => {
    if (!existsSync(scratch('begun'))) return;
    clearInterval(waiting);
    process.emit('SIGINT');
  }, 5);
  const { code, printed } = await compare('stopped', scratch('telling.mjs'), ...words);
  expect(code).toBe(130);
  expect(printed).toMatch(/^interrupted {2}partial results are kept in OUT\/churn\.partial /);
  const logs = readdirSync(scratch('stopped/churn.partial/logs'));
  for (const log of logs.filter((name) => name.endsWith('.partial'))) {
    const { seal } = await recoverLog(
      scratch('stopped/churn.partial/logs', log),
      scratch(`${log}-saved.arrow`),
    );
    expect(seal.events).toBeGreaterThan(0);
  }
  expect(logs).toHaveLength(1);
});

it('a SIGINT ends the search for bounds, which takes longer than the run before it', async () => {
  const { code, printed } = await compare(
    'unbounded',
    scratch('stopping.mjs'),
    ...['--workload', 'churn', '--seeds', '1', '--workers', '1'],
  );
  expect(code).toBe(130);
  expect(printed).toMatch(/^interrupted {2}partial results are kept in OUT\/churn\.partial /);
  // The run itself had come to its end.
  expect(readdirSync(scratch('unbounded/churn.partial/logs'))).toEqual(['stopping.arrow']);
});
