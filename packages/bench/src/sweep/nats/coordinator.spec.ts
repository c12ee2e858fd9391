/** A coordinator in this process; the spec itself is the workers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../files/sha256.ts';
import { VERSION } from '../../files/version.ts';
import type { FinishedCell } from '../finished-cell.ts';
import { codeHash } from '../identity.ts';
import type { Cell } from '../plan.ts';
import type { DoneCell, EngineTask } from '../sweep.ts';
import { connectTo, type Nats } from './connect.ts';
import { type CoordinatorOptions, type DeliveryCounts, onNats } from './coordinator.ts';
import { sayPresent } from './presence.ts';
import {
  CELLS,
  INPUTS,
  makeStreams,
  numberIn,
  RESULTS,
  removeStreams,
  resultSubject,
  streamsOn,
  WORKERS,
} from './streams.ts';
import { NATS_SERVER, NatsServer } from './testing.ts';
import { cells, POLICY } from './testing-objects.ts';
import { aboutOf, connections, endWaiting, until } from './testing-sweep.ts';
import { Waits } from './testing-waits.ts';

const IDENTITY = { definition: 'd1' };

/** What an engine is to do. */
class Task {
  readonly finished = new Map<string, FinishedCell>();
  readonly done: DoneCell[] = [];
  /** How many came with each call. */
  readonly calls: number[] = [];
  readonly cells: readonly Cell[];
  readonly #stop = new AbortController();
  readonly #changes: object;

  constructor(all: readonly Cell[], changes: object = {}) {
    this.cells = all;
    this.#changes = changes;
  }

  /** Has a result from before. */
  finish(...keys: readonly string[]): this {
    for (const key of keys) this.finished.set(key, { refused: 'before' } as FinishedCell);
    return this;
  }

  stop(): void {
    this.#stop.abort(new Error('told to end'));
  }

  get asEngineTask(): EngineTask {
    const plan = {
      definition: { name: 'by-hand' },
      identity: IDENTITY,
      policies: [POLICY],
      ...this.#changes,
    };
    return {
      plan: plan as unknown as EngineTask['plan'],
      ...{ cells: this.cells, finished: this.finished, signal: this.#stop.signal },
      toDo: this.cells.filter(({ key }) => !this.finished.has(key)),
      done: (given) => {
        this.calls.push(given.length);
        this.done.push(...given);
        this.finish(...given.map(({ cell }) => cell.key));
      },
    };
  }
}

const OUTCOME = { refused: 'no' };
const keysOf = (all: readonly { readonly cell: Cell }[]) => all.map(({ cell }) => cell.key);

describe.skipIf(NATS_SERVER === undefined)(`a coordinator on ${NATS_SERVER ?? 'a NATS server'}`, () => {
  let folder = '';
  let server: NatsServer;
  let nats: Nats;
  let waits: Waits;
  const begun: { readonly task: Task; readonly end: Promise<void> }[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    server = await NatsServer.start(folder);
    nats = await connectTo({ on: server.url }, 'spec');
  });
  beforeEach(() => {
    waits = new Waits();
  });
  afterEach(async () => {
    endWaiting();
    vi.restoreAllMocks();
    for (const { task, end } of begun.splice(0)) {
      task.stop();
      await end.catch(() => {});
    }
    await removeStreams(nats);
    waits.restore();
  });
  afterAll(async () => {
    await nats.connection.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  function started(task: Task, changes: Partial<CoordinatorOptions> = {}) {
    const counts: DeliveryCounts[] = [];
    const options = { on: server.url, folder: 'f1', replace: false, ...changes };
    const end = onNats({ ...options, onEnd: (given) => counts.push(given) })(task.asEngineTask);
    end.catch(() => {});
    begun.push({ task, end });
    return { task, end, counts };
  }
  const refusal = (task: Task, changes: Partial<CoordinatorOptions> = {}): Promise<string> =>
    started(task, changes).end.then(
      () => 'no error',
      (error: unknown) => (error instanceof InputError ? error.message : `no InputError: ${error}`),
    );

  const streams = () => streamsOn(nats);
  const idOf = async () => (await streams())?.about.id ?? 'none';
  const queuedAre = (count: number) => until(async () => (await streams())?.queued === count);
  /** What was acknowledged may be there for some time. */
  const noResultIsThere = () =>
    until(async () => (await nats.jsm.streams.info(RESULTS)).state.messages === 0);
  const send = (id: string, cell: number, result: unknown) =>
    nats.js.publish(resultSubject(id, cell), typeof result === 'string' ? result : JSON.stringify(result));
  const result = (key: string, changes: object = {}) => ({
    ...{ key, outcome: OUTCOME, seconds: 2, deliveries: 1, ...changes },
  });

  const mayBeTaken = () =>
    nats.jsm.consumers.info(CELLS, WORKERS).then(
      () => true,
      () => false,
    );

  /** Takes so many cells and sends their results. Returns their numbers. */
  async function serve(count: number, changes: object = {}): Promise<number[]> {
    await until(() => mayBeTaken());
    const id = await idOf();
    const consumer = await nats.js.consumers.get(CELLS, WORKERS);
    const numbers: number[] = [];
    while (numbers.length < count) {
      const message = await consumer.next({ expires: 1000 });
      if (message === null) throw new Error('no cell');
      const number = numberIn(message.subject);
      numbers.push(number);
      await send(id, number, result(message.json<{ key: string }>().key, changes));
      message.ack();
    }
    return numbers;
  }

  it('queues the cells in their order, takes their results, and leaves nothing on the server', async () => {
    const before = connections();
    const { task, end, counts } = started(new Task(cells(5)));
    expect(await serve(5)).toEqual([0, 1, 2, 3, 4]);
    await end;
    expect(task.done).toEqual(cells(5).map((cell) => ({ cell, outcome: OUTCOME, seconds: 2 })));
    expect(counts).toEqual([{ redelivered: 0, repeated: 0 }]);
    expect(await nats.jsm.streams.names().next()).toEqual([]);
    await until(() => connections() === before);
    // So long it waits for results.
    expect(new Set(waits.asked)).toEqual(new Set([500, 1000]));
  });

  it('takes a result when it comes, and not when its wait is over', async () => {
    waits.restore();
    const { task, end } = started(new Task(cells(6)));
    await queuedAre(6);
    const begun = performance.now();
    for (let count = 1; count <= 6; count++) {
      await serve(1);
      await until(() => task.done.length === count);
    }
    await end;
    expect(performance.now() - begun).toBeLessThan(1500);
  });

  /** A connection that is changed before it is used. */
  const changed =
    (change: (connected: Nats) => void): typeof connectTo =>
    async (...given) => {
      const connected = await connectTo(...given);
      change(connected);
      return connected;
    };
  const away = () => Object.assign(new Error('no answer'), { name: 'TimeoutError' });
  const defect = new TypeError('a defect');

  it.each([
    ['the server is away', away(), undefined],
    ['it meets a defect', defect, defect],
  ])('is told to end while %s', async (_, error, thrown) => {
    const task = new Task(cells(1));
    const { end, counts } = started(task, {
      connect: changed(({ jsm }) => {
        vi.spyOn(jsm.streams, 'info').mockImplementation(async () => {
          task.stop();
          throw error;
        });
      }),
    });
    expect(await end.catch((reason: unknown) => reason)).toBe(thrown);
    expect(counts).toHaveLength(1);
  });

  it.each([
    ['away', away(), undefined],
    ['a defect', defect, defect],
  ])('looks after what it has left, but not if the server is away: %s', async (_, error, thrown) => {
    const { end } = started(new Task(cells(1)).finish('cell 1'), {
      connect: changed(({ jsm }) => void vi.spyOn(jsm.streams, 'info').mockRejectedValue(error)),
    });
    expect(await end.catch((reason: unknown) => reason)).toBe(thrown);
  });

  it.each([
    ['decpool.cells.', 'the server takes no more cells'],
    ['$O.', 'the server refuses what the sweep needs'],
  ])('ends with what the server says if it refuses messages to %s', async (subjects, says) => {
    const refused = Object.assign(new Error('no room'), { code: 10_025 });
    const connect = changed(({ js }) => {
      const publish = js.publish.bind(js);
      vi.spyOn(js, 'publish').mockImplementation((subject, ...given) =>
        subject.startsWith(subjects) ? Promise.reject(refused) : publish(subject, ...given),
      );
    });
    expect(await refusal(new Task(cells(3)), { connect })).toBe(`${server.url}: ${says}: no room`);
  });

  it('says on the server which sweep it is, and where its results go', async () => {
    const files = [POLICY, { name: 'p', source: '/a/p.ts', given: './p.ts' }];
    started(new Task(cells(3), { policies: files }).finish('cell 2'), { folder: 'here' });
    await queuedAre(2);
    const there = await streams();
    expect(there?.about).toEqual({
      ...{ decpool: 'sweep', id: there?.about.id, name: 'by-hand', version: VERSION, code: codeHash() },
      ...{
        identity: sha256(JSON.stringify(IDENTITY)),
        folder: 'here',
        cells: 3,
        before: 1,
        files: ['./p.ts'],
      },
    });
  });

  it('queues no cell that has a result', async () => {
    const { task, end } = started(new Task(cells(5)).finish('cell 1', 'cell 4'));
    expect(await serve(3)).toEqual([1, 2, 4]);
    await end;
    expect(keysOf(task.done)).toEqual(['cell 2', 'cell 3', 'cell 5']);
  });

  it('goes on with the sweep that it left on the server, and queues no cell twice', async () => {
    const first = started(new Task(cells(5)).finish('cell 3'));
    await queuedAre(4);
    const id = await idOf();
    const [served] = await serve(1);
    await until(() => first.task.done.length === 1);
    first.task.stop();
    await first.end;
    expect(first.counts).toHaveLength(1);
    expect(await idOf()).toBe(id);
    // What the folder has now, in the order in which it finished.
    const { task, end } = started(new Task(cells(5)).finish('cell 3', 'cell 1'));
    expect([served, ...(await serve(3))]).toEqual([0, 1, 3, 4]);
    await end;
    expect(keysOf(task.done)).toEqual(['cell 2', 'cell 4', 'cell 5']);
  });

  it('goes on where it was with queueing', async () => {
    const all = cells(4);
    const { end, task } = started(new Task(all));
    await queuedAre(4);
    task.stop();
    await end;
    // As if it had been killed behind the second cell.
    const there = await streams();
    if (there === undefined) throw new Error('no sweep');
    await removeStreams(nats);
    await makeStreams(nats, there.about);
    for (const number of [0, 1])
      await nats.js.publish(
        `decpool.cells.${there.about.id}.${number}`,
        JSON.stringify({ key: all[number].key }),
      );
    const again = started(new Task(all));
    expect(await serve(4)).toEqual([0, 1, 2, 3]);
    await again.end;
    expect(again.task.done).toHaveLength(4);
  });

  it('counts what was given out again, and results of cells that had one', async () => {
    const { task, end, counts } = started(new Task(cells(3)));
    await serve(1, { deliveries: 3 });
    await until(() => task.done.length === 1);
    await noResultIsThere();
    await send(await idOf(), 0, result('cell 1', { outcome: { refused: 'later' }, deliveries: 2 }));
    await serve(2);
    await end;
    expect(task.done.map(({ outcome }) => outcome)).toEqual([OUTCOME, OUTCOME, OUTCOME]);
    expect(counts).toEqual([{ redelivered: 2 + 1, repeated: 1 }]);
    expect(task.calls.every((count) => count > 0)).toBe(true);
  });

  it('takes no result for a cell that it does not have, and lets the server forget it', async () => {
    const { task, end, counts } = started(new Task(cells(1)));
    await queuedAre(1);
    await send(await idOf(), 7, result('cell 8'));
    await noResultIsThere();
    expect([task.done, task.calls]).toEqual([[], []]);
    await serve(1);
    await end;
    expect(counts).toEqual([{ redelivered: 0, repeated: 0 }]);
  });

  it.each([
    [result('cell 7', { deliveries: 4 }), 'a worker took it for cell cell 7'],
    ['{"key":"cell 1"}', 'a worker sent no result: outcome: Invalid input'],
    ['', expect.stringMatching(/^a worker sent no result: .*JSON/)],
  ])('has a cell failed whose worker sends something else: %j', async (sent, failed) => {
    const { task, end, counts } = started(new Task(cells(1)));
    await queuedAre(1);
    await send(await idOf(), 0, sent);
    await end;
    expect(task.done).toEqual([{ cell: task.cells[0], outcome: { failed }, seconds: 0 }]);
    expect(counts).toEqual([{ redelivered: 0, repeated: 0 }]);
  });

  it('keeps a result on the server until it is on the disk', async () => {
    const task = new Task(cells(2));
    const given = task.asEngineTask;
    const failing = {
      ...given,
      done: () => {
        throw new InputError('no room');
      },
    };
    const end = onNats({ on: server.url, folder: 'f1', replace: false })(failing);
    end.catch(() => {});
    await serve(1);
    await expect(end).rejects.toThrow('no room');
    expect((await nats.jsm.streams.info(RESULTS)).state.messages).toBe(1);
  });

  it('is told to end: what is on the server stays', async () => {
    const { task, end, counts } = started(new Task(cells(3)));
    await queuedAre(3);
    task.stop();
    await end;
    expect([(await streams())?.queued, counts]).toEqual([3, [{ redelivered: 0, repeated: 0 }]]);
    const stopped = new Task(cells(3));
    stopped.stop();
    await started(stopped).end;
    expect(await streams()).toBeDefined();
  });

  it('tells how many workers there are', async () => {
    const told: (readonly [number, number])[] = [];
    const { task, end } = started(new Task(cells(1)), {
      onWorkers: (workers, threads) => told.push([workers, threads]),
    });
    await queuedAre(1);
    const absent = sayPresent(nats, 'w', 4);
    await until(() => told.length === 1);
    task.stop();
    await end;
    absent();
    expect(told).toEqual([[1, 4]]);
  });

  it('refuses a server that has another sweep, or the same one for another folder or of other code', async () => {
    const identity = sha256(JSON.stringify(IDENTITY));
    const mine = { identity, folder: 'f1', name: 'by-hand', before: 1 };
    const task = () => new Task(cells(3)).finish('cell 1');
    const there = async (changes: object) => {
      await removeStreams(nats);
      await makeStreams(nats, aboutOf({ ...mine, ...changes }));
    };
    const FOLDER = `${server.url}: the results of sweep 'by-hand' go to another folder; use that --out, or start again with --replace`;
    await there({ folder: 'f2' });
    expect(await refusal(task())).toBe(FOLDER);
    // Cells that this folder has not.
    await there({ before: 2 });
    expect(await refusal(task())).toBe(FOLDER);
    await there({ identity: '0123456789abcdef', name: 'other' });
    expect(await refusal(task())).toBe(
      `${server.url}: the server has sweep 'other' (identity 0123456789ab), not 'by-hand' (${identity.slice(0, 12)}); wait until it is done, or remove it with --replace`,
    );
    await there({ code: 'other' });
    expect(await refusal(task())).toMatch(/sweep 'by-hand' is of decpool .*; run the same version$/);
    expect(await idOf()).toBe('an-id');
  });

  it.each([{ identity: 'other' }, { folder: 'f2' }, { code: 'other' }])(
    'removes another sweep if it is to: %j',
    async (changes) => {
      const identity = sha256(JSON.stringify(IDENTITY));
      await makeStreams(nats, aboutOf({ identity, folder: 'f1', ...changes }));
      started(new Task(cells(2)), { replace: true });
      await until(async () => (await idOf()) !== 'an-id');
      await queuedAre(2);
    },
  );

  it('removes what it has left if all cells are finished, and nothing else', async () => {
    const identity = sha256(JSON.stringify(IDENTITY));
    const all = () => new Task(cells(1)).finish('cell 1');
    await makeStreams(nats, aboutOf({ identity, folder: 'f2' }));
    const one = started(all());
    await one.end;
    expect([await idOf(), one.counts]).toEqual(['an-id', []]);
    await removeStreams(nats);
    await started(all()).end;
    await makeStreams(nats, aboutOf({ identity, folder: 'f1' }));
    const before = connections();
    await started(all()).end;
    expect(await streams()).toBeUndefined();
    await until(() => connections() === before);
    // Of something else; and no server.
    await nats.jsm.streams.add({ name: CELLS, subjects: ['x'] });
    await started(all()).end;
    expect(await nats.jsm.streams.names().next()).toEqual([CELLS]);
    await started(all(), { on: 'nats://127.0.0.1:9' }).end;
    await expect(started(all(), { on: 'nats://me@127.0.0.1' }).end).resolves.toBeUndefined();
  });

  /** A clock that can be put forward, by ms. */
  function clock(): { later: number } {
    const forward = { later: 0 };
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + forward.later);
    return forward;
  }

  it('begins anew if the server loses its streams, after 10 s of silence at the latest', async () => {
    const time = clock();
    const { task, end } = started(new Task(cells(3)));
    await serve(1);
    await until(() => task.done.length === 1);
    const id = await idOf();
    // The one that it may notice comes last.
    for (const name of [`OBJ_${INPUTS}`, CELLS, RESULTS]) await nats.jsm.streams.delete(name);
    time.later = 10_001;
    await until(async () => !['none', id].includes(await idOf()));
    expect(await serve(2)).toEqual([1, 2]);
    await end;
    expect(keysOf(task.done)).toEqual(['cell 1', 'cell 2', 'cell 3']);
  });

  it('begins anew after 10 s of silence if neither cells nor results are left', async () => {
    const time = clock();
    const { task, end } = started(new Task(cells(2)));
    await queuedAre(2);
    const id = await idOf();
    const consumer = await nats.js.consumers.get(CELLS, WORKERS);
    // A worker has one, and one is left.
    const first = await consumer.next({ expires: 1000 });
    time.later = 10_001;
    const polls = waits.asked.length;
    await until(() => waits.asked.length > polls + 4);
    expect(await idOf()).toBe(id);
    const second = await consumer.next({ expires: 1000 });
    await first?.ackAck();
    await until(() => waits.asked.length > polls + 8);
    expect(await idOf()).toBe(id);
    // Both are gone without a result.
    await second?.ackAck();
    await until(async () => !['none', id].includes(await idOf()));
    expect(await serve(2)).toEqual([0, 1]);
    await end;
    expect(task.done).toHaveLength(2);
  });

  it('is silent for 10 s before it takes cells for lost', async () => {
    const time = clock();
    started(new Task(cells(1)));
    await queuedAre(1);
    const id = await idOf();
    const consumer = await nats.js.consumers.get(CELLS, WORKERS);
    await (await consumer.next({ expires: 1000 }))?.ackAck();
    const polls = waits.asked.length;
    await until(() => waits.asked.length > polls + 8);
    expect(await idOf()).toBe(id);
    time.later = 10_001;
    await until(async () => !['none', id].includes(await idOf()));
  });

  it.each([
    [1, 0],
    [0, 1],
    [1, 1],
  ])('waits for results that the server has: %i and %i', async (num_pending, num_ack_pending) => {
    const time = clock();
    const asked: string[] = [];
    started(new Task(cells(1)), {
      connect: changed(({ jsm }) => {
        const info = jsm.consumers.info.bind(jsm.consumers);
        vi.spyOn(jsm.consumers, 'info').mockImplementation(async (stream, name) => {
          const own = await info(stream, name);
          if (time.later === 0) return own;
          asked.push(stream);
          const none = { num_pending: 0, num_ack_pending: 0 };
          return { ...own, ...(stream === CELLS ? none : { num_pending, num_ack_pending }) };
        });
      }),
    });
    await queuedAre(1);
    const id = await idOf();
    time.later = 10_001;
    await until(() => asked.length >= 6);
    expect(await idOf()).toBe(id);
    expect(asked.slice(0, 4)).toEqual([CELLS, RESULTS, CELLS, RESULTS]);
  });

  it('ends with what is wrong with a policy file', async () => {
    const source = join(folder, 'needy.ts');
    writeFileSync(source, "import './other.ts';\n");
    const policy = { name: 'needy', source, given: './needy.ts' };
    const task = new Task(cells(1, { policy }), { policies: [policy] });
    expect(await refusal(task)).toContain("policy file './needy.ts' imports './other.ts'");
    expect(await streams()).toBeUndefined();
  });
});
