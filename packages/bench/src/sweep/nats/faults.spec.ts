/**
 * Sweeps whose workers, coordinator, server and links fail. The seed decides what fails after how many finished cells, so a machine of
 * any speed has all faults before the end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { type Random, randomFrom } from '@decpool/pool';
import type { Subscription } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DECPOOL, SweepFiles } from '../testing.ts';
import { resultMessageSchema } from './cell-message.ts';
import { connectTo, type Nats, whenThere } from './connect.ts';
import { CELLS as CELLS_STREAM, removeStreams, resultSubject } from './streams.ts';
import { ended, NATS_SERVER, NatsServer, workerArguments } from './testing.ts';
import { Link, Namespace } from './testing-link.ts';

/** Of the moments. */
const SEED = 1;
/** Of workers. */
const KILLS = randomRuns(20);
const CUT_MS = randomRuns(10) * 1000;
/** A fault comes up to so long after the cell that was drawn for it. */
const LATEST_MS = 200;

/** Each takes some 50 ms, as long as a few messages. With fewer a sweep would end before all faults have come. */
const CELLS = 160;
const DEFINITION = {
  name: 'faults',
  policies: ['linux-7.3', 'first-fit+block+immediate'],
  inputs: [{ workload: 'its-storm' }],
  memory: ['1G', '256M:aged'],
  platforms: ['snp'],
  seeds: Array.from({ length: CELLS / 4 }, (_, index) => 1 + index),
};

interface Fault {
  /** How many cells are finished. */
  readonly cells: number;
  /** Milliseconds later. */
  readonly ms: number;
  readonly of: 'worker' | 'coordinator' | 'server' | 'link';
}

function drawFaults(random: Random): Fault[] {
  const fault = (of: Fault['of'], fromPercent: number, toPercent: number): Fault => ({
    cells: Math.floor((CELLS * (fromPercent + random.below(toPercent - fromPercent))) / 100),
    ms: random.below(LATEST_MS),
    of,
  });
  const faults = [
    ...Array.from({ length: KILLS }, () => fault('worker', 2, 85)),
    fault('link', 3, 10),
    fault('coordinator', 10, 35),
    fault('server', 40, 55),
    fault('coordinator', 60, 85),
  ];
  return faults.sort((one, other) => one.cells - other.cells);
}

/** A place with one worker: if it is killed, another one follows. */
class Host {
  hasJoined = false;
  /** What workers said on standard error, and how they ended if nobody killed them. */
  readonly complaints: string[] = [];
  readonly #url: string;
  readonly #within: readonly string[];
  #worker: ChildProcess;

  constructor(url: string, namespace: Namespace | undefined) {
    this.#url = url;
    this.#within = namespace?.command ?? [];
    this.#worker = this.#started();
  }

  #started(): ChildProcess {
    this.hasJoined = false;
    const [program, ...args] = [...this.#within, process.execPath, ...workerArguments(this.#url)];
    const worker = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    worker.stdout.on('data', (text) => {
      if (String(text).includes('joined')) this.hasJoined = true;
    });
    worker.stderr.on('data', (text) => this.complaints.push(String(text)));
    worker.once('exit', (code, signal) => {
      if (signal !== 'SIGKILL' && code !== 143) this.complaints.push(`a worker ended with ${code ?? signal}`);
    });
    return worker;
  }

  async kill(): Promise<void> {
    await ended(this.#worker, 'SIGKILL');
    this.#worker = this.#started();
  }

  async leave(): Promise<void> {
    await ended(this.#worker, 'SIGTERM');
  }
}

/** Hears the results that workers send, also those that the server or the coordinator refuses. */
class Listener {
  results = 0;
  /** Ids of streams: another one if the server lost cells or results, so that they were queued anew. */
  readonly ids = new Set<string>();
  /** By cell: how often it was given to a worker. */
  readonly #deliveries = new Map<string, number>();
  readonly #subscription: Subscription;

  constructor({ connection }: Nats) {
    this.#subscription = connection.subscribe(resultSubject('*', '*'), {
      callback: (_, message) => {
        const { key, deliveries } = resultMessageSchema.parse(message.json());
        this.results++;
        this.ids.add(message.subject.split('.').slice(-2)[0]);
        this.#deliveries.set(key, Math.max(deliveries, this.#deliveries.get(key) ?? 1));
      },
    });
  }

  get redeliveries(): number {
    return [...this.#deliveries.values()].reduce((sum, deliveries) => sum + deliveries - 1, 0);
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }
}

const hasNamespaces = NATS_SERVER !== undefined && Namespace.areAllowed();

describe.skipIf(NATS_SERVER === undefined)(`a sweep with faults on ${NATS_SERVER ?? 'a NATS server'}`, () => {
  const files = new SweepFiles();
  files.define('faults.json', DEFINITION);
  const namespaces: Namespace[] = [];
  const links: Link[] = [];
  let hosts: Host[] = [];
  let server: NatsServer;
  let nats: Nats;

  beforeAll(async () => {
    server = await NatsServer.start(files.folder);
    if (hasNamespaces) namespaces.push(Namespace.make(0), Namespace.make(1));
    for (const index of [0, 1]) links.push(await Link.to(server.port, namespaces[index]?.gateway));
    nats = await connectTo({ on: server.url }, 'spec');
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.leave()));
    hosts = [];
  });
  afterAll(async () => {
    await nats.connection.close();
    await server.stop();
    for (const link of links) link.close();
    for (const namespace of namespaces) namespace.remove();
    files.remove();
  });

  function startCoordinator(out: string, definition = 'faults.json'): ChildProcess {
    const args = [DECPOOL, 'sweep', files.scratch(definition), '--out', files.scratch(out)];
    return spawn(process.execPath, [...args, '--on', server.url], { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  async function runWithFaults(out: string, random: Random): Promise<void> {
    const [, link] = links;
    const connections = link.connections;
    hosts = [undefined, undefined, ...links].map(
      (each, index) => new Host(each?.url ?? server.url, namespaces[index - 2]),
    );
    // The last one loses its connection, and lives.
    const victims = hosts.slice(0, -1);
    let coordinator = startCoordinator(out);
    let cut: Promise<void> | undefined;
    const finished = () => files.cellsIn(out).length;
    const until = async (isSo: () => boolean) => {
      while (!isSo() && coordinator.exitCode === null) await setTimeout(10);
      expect({ isSo: isSo(), exitCode: coordinator.exitCode }).toEqual({ isSo: true, exitCode: null });
    };
    const untilAllJoined = () => until(() => hosts.every((host) => host.hasJoined));
    const cause: Record<Fault['of'], () => Promise<void>> = {
      async worker() {
        const victim = victims[random.below(victims.length)];
        await until(() => victim.hasJoined);
        await victim.kill();
      },
      async coordinator() {
        await ended(coordinator, 'SIGKILL');
        const before = finished();
        coordinator = startCoordinator(out);
        await until(() => finished() > before);
      },
      async server() {
        // A command that finds no server when it starts ends.
        await untilAllJoined();
        await server.stop('SIGKILL');
        await setTimeout(random.below(1000));
        await server.start();
      },
      async link() {
        await untilAllJoined();
        cut = link.cut(CUT_MS);
      },
    };
    for (const { cells, ms, of } of drawFaults(random)) {
      await until(() => finished() >= cells);
      await setTimeout(ms);
      await cause[of]();
    }
    const end = coordinator.exitCode === null ? once(coordinator, 'exit') : [coordinator.exitCode];
    // Meanwhile the cells of the worker that was killed last wait until they are given out again.
    await files.sweep('alone', 2, 'faults.json');
    const [code] = await end;
    expect(code).toBe(0);
    await cut;
    // The worker behind it connects again.
    while (link.connections < connections + 2) await setTimeout(10);
  }

  it(`has the bytes of one machine: ${KILLS} workers, 2 coordinators and the server killed, a link cut for ${CUT_MS / 1000} s`, async () => {
    const out = 'together';
    const listener = new Listener(nats);
    await runWithFaults(out, randomFrom(SEED));
    await nats.connection.flush();
    listener.stop();
    const { results, redeliveries, ids } = listener;
    console.log(
      `${CELLS} cells, ${KILLS} kills of workers, ${redeliveries} redeliveries, ${results} results sent`,
    );
    const keys = files.cellsIn(out).map((line): string => JSON.parse(line).key);
    expect({ lines: keys.length, cells: new Set(keys).size }).toEqual({ lines: CELLS, cells: CELLS });
    expect(ids.size).toBe(1);
    expect(redeliveries).toBeGreaterThan(0);
    expect(hosts.flatMap(({ complaints }) => complaints)).toEqual([]);
    expect(await nats.jsm.streams.names().next()).toEqual([]);
    expect(files.resultsOf(out)).toEqual(files.resultsOf('alone'));
  });

  it('queues each cell once, though the coordinator and the server are killed while it does', async () => {
    const seeds = Array.from({ length: 1500 }, (_, index) => 1 + index);
    files.define('many.json', {
      ...DEFINITION,
      inputs: [{ trace: 'traces/one.txt' }],
      memory: ['1G'],
      seeds,
    });
    const cells = 2 * seeds.length;
    let coordinator = startCoordinator('many', 'many.json');
    const state = () => whenThere(nats, async () => (await nats.jsm.streams.info(CELLS_STREAM)).state);
    const until = async (queued: number) => {
      // Until the stream is there.
      while (((await state().catch(() => undefined))?.last_seq ?? 0) < queued) await setTimeout(5);
    };
    await until(1);
    await ended(coordinator, 'SIGKILL');
    coordinator = startCoordinator('many', 'many.json');
    await until(cells / 2);
    await server.stop('SIGKILL');
    await server.start();
    await until(cells);
    await ended(coordinator, 'SIGTERM');
    // A message that came too much would be the last one.
    expect(await state()).toMatchObject({ last_seq: cells, messages: cells, num_subjects: cells });
    await removeStreams(nats);
  });

  it.skipIf(!hasNamespaces)('had two of the workers on hosts of their own: network namespaces', () => {
    expect(links.map(({ hosts }) => [...hosts])).toEqual(namespaces.map(({ address }) => [address]));
  });
});
