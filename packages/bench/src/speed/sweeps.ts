/**
 * What a cell of a sweep costs on threads of this machine, and by a NATS server: cells that do next to nothing, and cells of a
 * workload. All of them run in processes of the command, which are watched from outside, from the first finished cell to the last.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { spreadOf } from '../compare/spread.ts';
import { ended, NATS_SERVER, NatsServer, startWorker } from '../sweep/nats/testing.ts';
import { DECPOOL } from '../sweep/testing.ts';
import { grouped, speedTable } from './table.ts';

const ROUNDS = 3;
const LOOK_MS = 20;
const POLICIES = ['linux-7.3', 'first-fit+block+immediate'];
const TRACE = 'one.txt';

/** By what a cell does. */
const GRIDS = {
  'one request': { input: { trace: TRACE }, memory: '256M', cells: 300 },
  '`its-storm`': { input: { workload: 'its-storm' }, memory: '1G', cells: 60 },
} as const;

interface Way {
  readonly name: string;
  /** Threads of this machine, or workers of one thread. */
  readonly threads: number;
  readonly isNats: boolean;
}
const WAYS: readonly Way[] = [
  { name: '1 thread', threads: 1, isNats: false },
  { name: '2 threads', threads: 2, isNats: false },
  { name: 'NATS, 1 worker', threads: 1, isNats: true },
  { name: 'NATS, 2 workers', threads: 2, isNats: true },
];

/** For a cell, in ms. */
interface Cost {
  readonly wall: number;
  /** CPU time of all processes: command, workers, server. */
  readonly cpu: number;
  /** The command's and the server's part of it. */
  readonly command: number;
  readonly server: number;
}

/** The ways take turns; medians. */
export async function sweepTable(): Promise<string> {
  if (NATS_SERVER === undefined || !existsSync('/proc/self/stat'))
    return 'sweeps: skipped, needs nats-server on the PATH, and /proc';
  const folder = mkdtempSync(join(tmpdir(), 'decpool-speed-'));
  const server = await NatsServer.start(folder);
  try {
    writeFileSync(join(folder, TRACE), 'a 1 3\n');
    const rows: string[][] = [];
    for (const [name, grid] of Object.entries(GRIDS)) {
      const definition = join(folder, `${rows.length}.json`);
      const seeds = Array.from({ length: grid.cells / POLICIES.length }, (_, index) => 1 + index);
      const { input, memory } = grid;
      const axes = { policies: POLICIES, inputs: [input], memory: [memory], platforms: ['snp'], seeds };
      writeFileSync(definition, JSON.stringify({ name: 'speed', ...axes }));
      rows.push(...(await rowsOf(`${name}, ${grid.cells} cells`, definition, grid.cells, server)));
    }
    const load = loadavg().map((each) => each.toFixed(1));
    const heads = [
      'cells/s',
      'ms',
      'CPU ms',
      'of coordinator',
      'of server',
      'ms over threads',
      'CPU ms over threads',
    ];
    return `${speedTable(['a cell, by', ...heads], rows)}\n${NATS_SERVER}; load at the end: ${load.join(', ')}`;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function rowsOf(
  grid: string,
  definition: string,
  cells: number,
  server: NatsServer,
): Promise<string[][]> {
  const costs = new Map<Way, Cost[]>(WAYS.map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of WAYS) {
      const out = `${definition}-${WAYS.indexOf(way)}-${round}`;
      costs.get(way)?.push(await costOf(way, definition, out, cells, server));
    }
  }
  const median = ({ threads, isNats }: Way, part: keyof Cost): number => {
    const way = WAYS.find((each) => each.threads === threads && each.isNats === isNats);
    const measured = way === undefined ? [] : (costs.get(way) ?? []);
    return spreadOf(measured.map((cost) => cost[part])).median;
  };
  return WAYS.map((way) => {
    const [wall, cpu] = [median(way, 'wall'), median(way, 'cpu')];
    const alone = { ...way, isNats: false };
    const more = [wall - median(alone, 'wall'), cpu - median(alone, 'cpu')];
    const parts = [median(way, 'command'), median(way, 'server'), ...more];
    const [all, ofNats] = [[wall, cpu], parts].map((figures) => figures.map((ms) => ms.toFixed(1)));
    return [
      `${grid}: ${way.name}`,
      grouped(1000 / wall),
      ...all,
      ...(way.isNats ? ofNats : parts.map(() => '')),
    ];
  });
}

async function costOf(
  { threads, isNats }: Way,
  definition: string,
  out: string,
  cells: number,
  server: NatsServer,
): Promise<Cost> {
  const workers = isNats ? Array.from({ length: threads }, () => startWorker(server.url)) : [];
  const how = isNats ? ['--on', server.url] : ['--workers', String(threads)];
  const sweep = spawn(process.execPath, [DECPOOL, 'sweep', definition, '--out', out, ...how], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const end = once(sweep, 'exit');
  try {
    const pids = [pidOf(sweep), server.pid, ...workers.map(pidOf)];
    return await watched(join(out, 'cells.ndjson'), cells, pids, () => sweep.exitCode !== null);
  } finally {
    await end;
    await Promise.all(workers.map((worker) => ended(worker, 'SIGTERM')));
  }
}

const pidOf = ({ pid }: ChildProcess): number => {
  if (pid === undefined) throw new Error('a process has not started');
  return pid;
};

interface Sample {
  readonly cells: number;
  readonly wallMs: number;
  /** By process. */
  readonly cpuMs: readonly number[];
}

/** What a cell cost between the first and the last look at the file of finished cells. */
async function watched(
  file: string,
  cells: number,
  pids: readonly number[],
  hasEnded: () => boolean,
): Promise<Cost> {
  const samples: Sample[] = [];
  while (!hasEnded() && samples.at(-1)?.cells !== cells) {
    await setTimeout(LOOK_MS);
    const finished = linesOf(file);
    if (finished === 0 || finished === samples.at(-1)?.cells) continue;
    samples.push({ cells: finished, wallMs: performance.now(), cpuMs: pids.map(cpuMsOf) });
  }
  // A process that has ended has no CPU time any more.
  const counted = samples.filter(({ cpuMs }) => !cpuMs.includes(Number.NaN));
  const [first, last] = [counted.at(0), counted.at(-1)];
  if (first === undefined || last === undefined || first === last)
    throw new Error('a sweep was not observed');
  const more = last.cells - first.cells;
  const byProcess = last.cpuMs.map((ms, process) => (ms - first.cpuMs[process]) / more);
  const [command, server] = byProcess;
  const cpu = byProcess.reduce((sum, ms) => sum + ms, 0);
  return { wall: (last.wallMs - first.wallMs) / more, cpu, command, server };
}

const linesOf = (file: string): number =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;

/** The clock of /proc: 100 ticks a second. */
const TICK_MS = 10;

/** Of all threads of a process since its start: fields 14 and 15 of its stat file, which count after the name. NaN if it has ended. */
function cpuMsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}
