import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decpool } from '../../cli/testing.ts';
import { CELLS, DECPOOL, DEFINITION, SweepFiles } from '../testing.ts';
import { connectTo } from './connect.ts';
import { makeStreams, removeStreams } from './streams.ts';
import { ended, freePort, NATS_SERVER, NatsServer, startWorker } from './testing.ts';

const files = new SweepFiles();
afterAll(() => files.remove());

/** One scenario: 12 cells. */
const FEW = {
  ...DEFINITION,
  policies: ['linux-7.3', 'first-fit+block+immediate'],
  platforms: ['snp'],
  memory: ['1G'],
};
files.define('few.json', { ...FEW, inputs: [{ trace: 'traces/orders.txt' }] });
/** In this process; cells run in others. */
const sweep = (definition: string, out: string, ...more: readonly string[]) =>
  decpool('sweep', files.scratch(definition), '--out', files.scratch(out), ...more);

describe.skipIf(NATS_SERVER === undefined)(`a sweep on ${NATS_SERVER ?? 'a NATS server'}`, () => {
  let server: NatsServer;
  let workers: ChildProcess[] = [];
  const on = (...more: readonly string[]) => ['--on', server.url, ...more];
  const join = (...more: readonly string[]) => workers.push(startWorker(server.url, ...more));
  const streamsAreThere = async () => {
    const nats = await connectTo({ on: server.url }, 'spec');
    while ((await nats.jsm.streams.names().next()).length < 3) await setTimeout(10);
    await nats.connection.close();
  };

  beforeAll(async () => {
    server = await NatsServer.start(files.folder);
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => ended(worker, 'SIGTERM')));
    workers = [];
  });
  afterAll(() => server.stop());

  it('has the bytes of one machine, with a policy file of its own', async () => {
    const sweeping = sweep('sweep.json', 'together', ...on());
    join('--allow-policies');
    join('--allow-policies');
    await files.sweep('alone', 2);
    const { code, stdout } = await sweeping;
    expect(code).toBe(0);
    expect(stdout).toContain('delivered    0 cells again, 0 results twice\n');
    expect(files.cellsIn('together')).toHaveLength(CELLS);
    expect(files.resultsOf('together')).toEqual(files.resultsOf('alone'));
  });

  it('queues only cells that have no result yet, and none twice', async () => {
    await files.sweep('rest', 1, 'few.json', '--shard', '1/3');
    const sweeping = sweep('few.json', 'rest', ...on());
    join();
    await files.sweep('few', 1, 'few.json');
    expect(await sweeping).toMatchObject({ code: 0 });
    expect(new Set(files.cellsIn('rest')).size).toBe(12);
    expect(files.resultsOf('rest')).toEqual(files.resultsOf('few'));
    // Nothing is left to do: no server is asked.
    expect(await sweep('few.json', 'rest', '--on', 'nats://127.0.0.1:9')).toMatchObject({ code: 0 });
  });

  it('removes what a coordinator that was killed has left, if all cells are finished', async () => {
    const args = [DECPOOL, 'sweep', files.scratch('few.json'), '--out', files.scratch('left'), ...on()];
    const coordinator = spawn(process.execPath, args, { stdio: 'ignore' });
    await streamsAreThere();
    await ended(coordinator, 'SIGKILL');
    // Finished without the server, which still has the sweep.
    expect(await files.sweep('left', 1, 'few.json')).toMatchObject({ code: 0 });
    expect(await sweep('few.json', 'left', ...on())).toMatchObject({ code: 0 });
    const nats = await connectTo({ on: server.url }, 'spec');
    expect(await nats.jsm.streams.names().next()).toEqual([]);
    await nats.connection.close();
  });

  it('refuses other code with both versions named, on either side', async () => {
    const nats = await connectTo({ on: server.url }, 'spec');
    try {
      const about = {
        id: 'x',
        name: 'older',
        version: '0.0.1',
        code: '0123456789abcdef',
        identity: 'a',
        folder: 'b',
      };
      await makeStreams(nats, { decpool: 'sweep', ...about, cells: 1, before: 0, files: [] });
      const other =
        /sweep 'older' is of decpool 0\.0\.1, code 0123456789ab, but this is \S+, code [0-9a-f]{12}; run the same/;
      for (const run of [decpool('worker', ...on()), sweep('few.json', 'refused', ...on())]) {
        const { code, stderr } = await run;
        expect(code).toBe(2);
        expect(stderr).toMatch(other);
      }
    } finally {
      await removeStreams(nats);
      await nats.connection.close();
    }
  });

  it('refuses a second sweep with both identities named, until the first is replaced', async () => {
    files.define('other.json', { ...FEW, name: 'other', inputs: [{ trace: 'traces/one.txt' }] });
    // No worker: it waits.
    const first = sweep('few.json', 'first', ...on());
    await streamsAreThere();
    const second = await sweep('other.json', 'second', ...on());
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(
      /has sweep 'small' \(identity [0-9a-f]{12}\), not 'other' \([0-9a-f]{12}\); wait/,
    );
    const elsewhere = await sweep('few.json', 'elsewhere', ...on());
    expect(elsewhere.code).toBe(2);
    expect(elsewhere.stderr).toContain("the results of sweep 'small' go to another folder");
    join();
    expect(await first).toMatchObject({ code: 0 });
  });

  it('ends on both sides when it is told to, also while the server is away', async () => {
    const start = (...args: readonly string[]) => {
      const child = spawn(process.execPath, [DECPOOL, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
      const run = { child, stdout: '' };
      child.stdout.on('data', (text) => {
        run.stdout += text;
      });
      return run;
    };
    const out = ['--out', files.scratch('away')];
    const coordinator = start('sweep', files.scratch('sweep.json'), ...out, ...on());
    await streamsAreThere();
    const worker = start('worker', '--threads', '1', '--allow-policies', ...on());
    while (!worker.stdout.includes('joined')) await setTimeout(5);
    await server.stop();
    await Promise.all([coordinator, worker].map((each) => ended(each.child, 'SIGTERM')));
    expect([coordinator, worker].map((each) => each.child.exitCode)).toEqual([143, 143]);
    expect(coordinator.stdout).toMatch(/interrupted {2}\d+ of 150 cells are done and kept/);
    await server.start();
    const nats = await connectTo({ on: server.url }, 'spec');
    await removeStreams(nats);
    await nats.connection.close();
  });

  it('records a cell that fails on two workers, and goes on', async () => {
    writeFileSync(
      files.scratch('exits.ts'),
      'export default () => ({ name: "exits", allocate: () => process.exit(5), free() {} });\n',
    );
    files.define('exits.json', {
      ...FEW,
      policies: ['linux-7.3', './exits.ts'],
      seeds: [1],
      inputs: [{ trace: 'traces/one.txt' }],
    });
    const sweeping = sweep('exits.json', 'exits', ...on());
    join('--allow-policies');
    join('--allow-policies');
    const { code, stdout } = await sweeping;
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^failed {7}exits on one, 1G, snp, seed 1: .* its thread ended before the cell was done/m,
    );
    expect(files.cellsIn('exits')).toHaveLength(2);
  });

  it('runs policy files only on workers that may', async () => {
    const nats = await connectTo({ on: server.url }, 'spec');
    const sweeping = sweep('exits.json', 'not-allowed', ...on());
    while ((await nats.jsm.streams.names().next()).length < 3);
    await nats.connection.close();
    const { code, stderr } = await decpool('worker', ...on());
    expect(code).toBe(2);
    expect(stderr).toContain(
      'has policy files (./exits.ts), which are programs; a worker runs them only with --allow-policies',
    );
    join('--allow-policies');
    expect(await sweeping).toMatchObject({ code: 1 });
  });
});

it.each([
  { args: ['--on', 'http://queue'], says: "'http://queue' is not the address of a server" },
  { args: ['--on', 'nats://me:secret@queue'], says: 'and credentials by --creds' },
  {
    args: ['--on', 'nats://queue', '--creds', 'missing.creds'],
    says: 'missing.creds: there is no such file',
  },
  {
    args: ['--on', 'nats://queue', '--tls-cert', files.scratch('sweep.json')],
    says: '--tls-cert and --tls-key belong together',
  },
])('refuses $args', async ({ args, says }) => {
  const { code, stdout, stderr } = await decpool('worker', ...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(says);
});

it('says that no server answers', async () => {
  const { code, stderr } = await decpool('worker', '--on', `nats://127.0.0.1:${await freePort()}`);
  expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 2, lines: 2 });
  expect(stderr).toContain('no NATS server answers');
});

it.each([
  { args: ['--replace'], says: '--replace needs --on' },
  { args: ['--creds', 'x'], says: '--creds needs --on' },
  { args: ['--on', 'nats://queue', '--shard', '1/2'], says: 'two ways to share a grid' },
  { args: ['--on', 'nats://queue', '--workers', '2'], says: 'with --on give --threads to each worker' },
])('refuses a sweep with $args', async ({ args, says }) => {
  const { code, stderr } = await sweep('sweep.json', 'wrong', ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(says);
});
