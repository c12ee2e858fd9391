/** A worker in this process, with threads that the spec runs itself and cells that it queues by hand. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CellTask, TimedOutcome } from '../cell-thread.ts';
import { resultMessageSchema } from './cell-message.ts';
import { connectTo, type Nats } from './connect.ts';
import { inputBytes, inputOf } from './objects.ts';
import { Presence } from './presence.ts';
import {
  CELLS,
  cellSubject,
  makeStreams,
  numberIn,
  RESULTS,
  removeStreams,
  resultSubject,
  WORKERS,
} from './streams.ts';
import { NATS_SERVER, NatsServer } from './testing.ts';
import { cells, INPUT } from './testing-objects.ts';
import { aboutOf, connections, endWaiting, makeSweep, until } from './testing-sweep.ts';
import { Waits } from './testing-waits.ts';
import { work } from './worker.ts';

/** Threads that end a cell when they are told to. */
class Pool {
  threads = 0;
  isDestroyed = false;
  readonly asked: CellTask[] = [];
  /** What becomes of a cell. Default: it runs until the end. */
  answer: ((task: CellTask) => TimedOutcome) | undefined;
  readonly #running = new Set<(error: Error) => void>();

  readonly of = (threads: number): this => {
    this.threads = threads;
    return this;
  };

  run(task: CellTask): Promise<TimedOutcome> {
    this.asked.push(task);
    return new Promise((resolve, reject) => {
      this.#running.add(reject);
      try {
        if (this.answer !== undefined) resolve(this.answer(task));
      } catch (error) {
        reject(error);
      }
    });
  }

  async destroy(): Promise<void> {
    this.isDestroyed = true;
    for (const reject of this.#running) reject(new Error('Terminating worker thread'));
  }
}

const refused = ({ seed }: CellTask): TimedOutcome => ({ outcome: { refused: `no ${seed}` }, seconds: seed });

describe.skipIf(NATS_SERVER === undefined)(`a worker on ${NATS_SERVER ?? 'a NATS server'}`, () => {
  let folder = '';
  let server: NatsServer;
  let nats: Nats;
  let waits: Waits;
  let stop: AbortController;
  let worker: Promise<unknown>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    server = await NatsServer.start(folder);
    nats = await connectTo({ on: server.url }, 'spec');
  });
  beforeEach(() => {
    waits = new Waits();
    stop = new AbortController();
    worker = Promise.resolve();
  });
  afterEach(async () => {
    endWaiting();
    stop.abort();
    await worker.catch(() => {});
    await removeStreams(nats);
    waits.restore();
  });
  afterAll(async () => {
    await nats.connection.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  /** Starts the worker. It ends well if it is told to. `change`: of its connection. */
  function started(
    threads = 1,
    allowPolicies = false,
    nextMs?: number,
    change: (connected: Nats) => void = () => {},
  ) {
    const told: string[] = [];
    const pool = new Pool();
    const end = work({
      ...{ on: server.url, threads, allowPolicies, signal: stop.signal, poolOf: pool.of },
      ...(nextMs === undefined ? {} : { nextMs }),
      onChange: (text) => told.push(text),
      connect: async (...given) => {
        const connected = await connectTo(...given);
        change(connected);
        return connected;
      },
    }).catch((error: unknown) => {
      if (error !== stop.signal.reason) throw error;
    });
    worker = end;
    // A worker that fails is seen by those who wait for its end.
    end.catch(() => {});
    return { told, pool, end };
  }

  const stateOf = async (stream: string) => (await nats.jsm.streams.info(stream)).state;
  const resultsAre = (count: number) => until(async () => (await stateOf(RESULTS)).messages === count);
  const cellsAre = (count: number) => until(async () => (await stateOf(CELLS)).messages === count);

  /** The results by the numbers of their cells. */
  async function results(): Promise<Map<number, unknown>> {
    const { messages } = await stateOf(RESULTS);
    const all = new Map<number, unknown>();
    for (let seq = 1; seq <= messages; seq++) {
      const message = await nats.jsm.streams.getMessage(RESULTS, { seq });
      if (message !== null) all.set(numberIn(message.subject), resultMessageSchema.parse(message.json()));
    }
    return all;
  }

  /** The spec as another worker. */
  const other = async () => {
    const consumer = await nats.js.consumers.get(CELLS, WORKERS);
    return { next: () => consumer.next({ expires: 1000 }), info: () => consumer.info() };
  };

  it('runs the cells of a sweep and sends their results', async () => {
    await makeSweep(nats, cells(5));
    const before = connections();
    const { told, pool, end } = started(2);
    pool.answer = refused;
    await cellsAre(0);
    expect(pool.threads).toBe(2);
    expect(await results()).toEqual(
      new Map(
        cells(5).map(({ key, seed }, number) => [
          number,
          { key, outcome: { refused: `no ${seed}` }, seconds: seed, deliveries: 1 },
        ]),
      ),
    );
    stop.abort();
    await end;
    expect(told).toEqual([
      `joined 'by-hand' on ${server.url}: 5 cells`,
      "left 'by-hand': 5 cells were run here",
    ]);
    expect(pool.isDestroyed).toBe(true);
    await until(() => connections() === before);
  });

  it('stays with a sweep as long as the server has it, and then goes to the next', async () => {
    await makeSweep(nats, []);
    const { told, pool } = started(1, false, 1000);
    pool.answer = refused;
    const { info } = await other();
    await until(async () => (await info()).num_waiting === 1);
    // Its request ends, and it asks again.
    const pauses = waits.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(told).toEqual([`joined 'by-hand' on ${server.url}: 0 cells`]);
    expect(waits.asked).toHaveLength(pauses);
    await removeStreams(nats);
    await makeSweep(nats, cells(2), { id: 'another', name: 'another' });
    await cellsAre(0);
    expect(told.slice(1)).toEqual([
      "left 'by-hand': 0 cells were run here",
      `joined 'another' on ${server.url}: 2 cells`,
    ]);
    expect([pool.asked.length, pool.isDestroyed]).toEqual([2, true]);
  });

  it('gives its threads all that a cell needs', async () => {
    const { pool } = started();
    const [cell] = cells(1);
    await makeSweep(nats, [cell]);
    await until(() => pool.asked.length === 1);
    const { platform, policy, seed, settings, memory } = cell;
    const task = { input: inputOf(inputBytes(INPUT)), platform, policy, seed, settings };
    expect(pool.asked).toEqual([{ ...task, memory: memory.packed }]);
  });

  it('has one cell more waiting for each thread, and one request for cells at a time', async () => {
    const { pool } = started(2);
    const consumer = async () => (await other()).info();
    await makeSweep(nats, cells(3));
    await until(() => pool.asked.length === 3);
    await until(async () => (await consumer()).num_waiting === 1);
    expect(await consumer()).toMatchObject({ num_ack_pending: 3, num_waiting: 1 });
  });

  it('puts a cell back at once when it is told to end', async () => {
    const { told, pool, end } = started();
    await makeSweep(nats, cells(3));
    await until(() => pool.asked.length === 2);
    stop.abort();
    await end;
    expect(pool.isDestroyed).toBe(true);
    expect(told.at(-1)).toBe("left 'by-hand': 0 cells were run here");
    const { next } = await other();
    const deliveries: number[] = [];
    for (let cell = 0; cell < 3; cell++) {
      const message = await next();
      deliveries.push(message?.info.deliveryCount ?? 0);
      message?.ack();
    }
    expect(deliveries.toSorted()).toEqual([1, 2, 2]);
    expect(await results()).toEqual(new Map());
  });

  it('ends when it is told to while it waits for a cell, which is left to others', async () => {
    const { told, end } = started();
    await makeSweep(nats, []);
    const { next, info } = await other();
    await until(async () => (await info()).num_waiting === 1);
    stop.abort();
    await end;
    expect(told.at(-1)).toBe("left 'by-hand': 0 cells were run here");
    await until(async () => (await info()).num_waiting === 0);
    await nats.js.publish(cellSubject('an-id', 0), 'x');
    expect((await next())?.string()).toBe('x');
  });

  it('ends at once if it is told to before it begins, or while there is no sweep', async () => {
    const { told, end } = started();
    await until(() => told.length === 1);
    stop.abort();
    await end;
    const again = started();
    await expect(again.end).resolves.toBeUndefined();
    expect(again.told).toEqual([]);
  });

  /** The cell was given out so often before, to workers that put it back. */
  async function givenOut(times: number): Promise<void> {
    const { next } = await other();
    for (let time = 0; time < times; time++) (await next())?.nak();
  }

  it('puts a cell that fails back for a second, and has it fail at the second worker when it fails twice', async () => {
    const { pool } = started();
    pool.answer = ({ seed }) => {
      throw new Error(`a defect ${seed}`);
    };
    await makeSweep(nats, cells(1));
    await until(() => pool.asked.length === 1);
    const begun = performance.now();
    await resultsAre(1);
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(pool.asked).toHaveLength(3);
    expect(await results()).toEqual(
      new Map([[0, { key: 'cell 1', outcome: { failed: 'a defect 1' }, seconds: 0, deliveries: 2 }]]),
    );
    await cellsAre(0);
  });

  it('tries a cell twice that another worker has put back', async () => {
    await makeSweep(nats, cells(1));
    await givenOut(1);
    const { pool } = started();
    pool.answer = (task) => {
      if (pool.asked.length === 1) throw new Error('too little memory');
      return refused(task);
    };
    await resultsAre(1);
    expect(await results()).toEqual(
      new Map([[0, { key: 'cell 1', outcome: { refused: 'no 1' }, seconds: 1, deliveries: 2 }]]),
    );
    expect(pool.asked).toHaveLength(2);
  });

  it.each([9, 10])('runs a cell that was given out %i times before, unless that is ten', async (times) => {
    await makeSweep(nats, cells(1));
    await givenOut(times);
    const { pool } = started();
    pool.answer = refused;
    await resultsAre(1);
    const why = '10 workers took the cell and sent neither a result nor an error';
    expect((await results()).get(0)).toMatchObject(
      times === 10
        ? { outcome: { failed: why }, seconds: 0, deliveries: 11 }
        : { outcome: { refused: 'no 1' }, deliveries: 10 },
    );
    expect(pool.asked).toHaveLength(times === 10 ? 0 : 1);
  });

  it('records no failure of a cell that it stops, though another worker has put it back', async () => {
    await makeSweep(nats, cells(1));
    await givenOut(1);
    const { pool, end } = started();
    await until(() => pool.asked.length === 1);
    stop.abort();
    await end;
    expect(await results()).toEqual(new Map());
    expect(pool.asked).toHaveLength(1);
  });

  it('leaves no timer behind for the cells that it ran', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await makeSweep(nats, cells(20));
    const before = timers();
    const { pool, end } = started();
    pool.answer = refused;
    await cellsAre(0);
    stop.abort();
    await end;
    await until(() => timers() < before + 10);
  });

  it('asks for a cell for 5 s at a time', async () => {
    const asked: unknown[] = [];
    await makeSweep(nats, cells(1));
    const { pool } = started(1, false, undefined, ({ js }) => {
      const get = js.consumers.get.bind(js.consumers);
      vi.spyOn(js.consumers, 'get').mockImplementation(async (stream, name) => {
        const consumer = await get(stream, name);
        const next = consumer.next.bind(consumer);
        vi.spyOn(consumer, 'next').mockImplementation((options) => {
          asked.push(options);
          return next(options);
        });
        return consumer;
      });
    });
    await until(() => pool.asked.length === 1);
    expect(asked[0]).toEqual({ expires: 5000 });
  });

  it('leaves the result of another worker as it is', async () => {
    await makeSweep(nats, cells(2));
    await nats.js.publish(resultSubject('an-id', 0), 'of another');
    const { pool } = started();
    pool.answer = refused;
    await cellsAre(0);
    const first = await nats.jsm.streams.getMessage(RESULTS, { last_by_subj: resultSubject('an-id', 0) });
    expect([first?.string(), (await stateOf(RESULTS)).messages]).toEqual(['of another', 2]);
  });

  it('waits while there is no sweep, or one of which nobody can take cells yet', async () => {
    const { told, end } = started();
    const WAITS = `waits for a sweep on ${server.url}`;
    const EARLY = [`joined 'early' on ${server.url}: 3 cells`, "left 'early': 0 cells were run here"];
    const pauses = () => waits.asked.filter((ms) => ms === 1000).length;
    await until(() => pauses() >= 3);
    expect(told).toEqual([WAITS]);
    // Nor has it what cells need.
    await makeStreams(nats, aboutOf({ name: 'early' }));
    await until(() => told.length >= 5);
    await removeStreams(nats);
    await until(() => told.at(-1) === WAITS);
    const tries = (told.length - 2) / 2;
    expect(told).toEqual([WAITS, ...Array(tries).fill(EARLY).flat(), WAITS]);
    expect(pauses()).toBeGreaterThanOrEqual(3 + tries);
    stop.abort();
    await end;
  });

  const away = () => Object.assign(new Error('no answer'), { name: 'TimeoutError' });
  const defect = new TypeError('a defect');

  it('sends a result again until the server has it', async () => {
    await makeSweep(nats, cells(1));
    const { pool } = started(1, false, undefined, ({ js }) => {
      vi.spyOn(js, 'publish').mockRejectedValueOnce(away()).mockRejectedValueOnce(away());
    });
    pool.answer = refused;
    await cellsAre(0);
    expect(await results()).toEqual(
      new Map([[0, { key: 'cell 1', outcome: { refused: 'no 1' }, seconds: 1, deliveries: 1 }]]),
    );
    expect([pool.asked.length, waits.asked]).toEqual([1, [1000, 1000]]);
  });

  it('sends no result that nobody wants any more', async () => {
    await makeSweep(nats, cells(1));
    const { told, pool } = started(1, false, undefined, ({ js }) => {
      vi.spyOn(js, 'publish').mockImplementation(async () => {
        await removeStreams(nats);
        throw away();
      });
    });
    pool.answer = refused;
    await until(() => told.length >= 3);
    expect(told.slice(1)).toEqual([
      "left 'by-hand': 0 cells were run here",
      `waits for a sweep on ${server.url}`,
    ]);
  });

  it('puts a cell back whose result it cannot send before it ends, also if its last request gets it', async () => {
    waits.restore();
    await makeSweep(nats, cells(1));
    const { pool, end } = started(1, false, undefined, ({ js }) => {
      vi.spyOn(js, 'publish').mockImplementation(async () => {
        stop.abort();
        throw away();
      });
    });
    pool.answer = refused;
    await end;
    expect((await (await other()).next())?.info.deliveryCount).toBeGreaterThan(1);
  });

  it.each(['TimeoutError', 'a consumer that is not there'])('asks again for cells after %s', async (what) => {
    await makeSweep(nats, cells(1));
    const error = what === 'TimeoutError' ? away() : Object.assign(new Error(what), { code: 10014 });
    const { pool } = started(1, false, undefined, ({ js }) => {
      const get = js.consumers.get.bind(js.consumers);
      vi.spyOn(js.consumers, 'get').mockImplementation(async (stream, name) => {
        const consumer = await get(stream, name);
        vi.spyOn(consumer, 'next').mockRejectedValueOnce(error);
        return consumer;
      });
    });
    await until(() => pool.asked.length === 1);
    expect(waits.asked).toEqual([1000]);
  });

  it.each(['publish', 'next', 'get'])('ends with what is a defect: of %s', async (what) => {
    await makeSweep(nats, cells(1));
    const { pool, end } = started(1, false, undefined, ({ js }) => {
      if (what === 'publish') vi.spyOn(js, 'publish').mockRejectedValue(defect);
      if (what === 'get') vi.spyOn(js.consumers, 'get').mockRejectedValue(defect);
      if (what !== 'next') return;
      const get = js.consumers.get.bind(js.consumers);
      vi.spyOn(js.consumers, 'get').mockImplementation(async (stream, name) => {
        const consumer = await get(stream, name);
        vi.spyOn(consumer, 'next').mockRejectedValue(defect);
        return consumer;
      });
    });
    pool.answer = refused;
    await expect(end).rejects.toBe(defect);
    expect(pool.isDestroyed).toBe(true);
  });

  it('says that it is there, and that it has gone', async () => {
    const heard: (readonly [number, number])[] = [];
    const presence = new Presence(nats, (workers, threads) => heard.push([workers, threads]));
    await makeSweep(nats, cells(1));
    const { end, pool } = started(3);
    await until(() => pool.asked.length === 1);
    stop.abort();
    await end;
    await until(() => heard.length === 2);
    presence.stop();
    expect(heard).toEqual([
      [1, 3],
      [0, 0],
    ]);
  });

  it('runs policy files only if it may', async () => {
    const files = ['./a.ts', './b.ts'];
    await makeSweep(nats, cells(1), { files });
    const { told, end, pool } = started();
    await expect(end).rejects.toThrow(
      new InputError(
        `${server.url}: sweep 'by-hand' has policy files (./a.ts, ./b.ts), which are programs; a worker runs them only with --allow-policies`,
      ),
    );
    expect([told, pool.threads]).toEqual([[], 0]);
    const allowed = started(1, true);
    await until(() => allowed.pool.asked.length === 1);
  });

  it('runs a policy file that came with the sweep', async () => {
    const source = join(folder, 'mine.ts');
    writeFileSync(source, 'export default 7;\n');
    await makeSweep(nats, cells(1, { policy: { name: 'mine', source, given: './mine.ts' } }), {
      files: ['./mine.ts'],
    });
    const { pool, end } = started(1, true);
    await until(() => pool.asked.length === 1);
    const [{ policy }] = pool.asked;
    expect(policy.source).not.toBe(source);
    expect(readFileSync(policy.source, 'utf8')).toBe('export default 7;\n');
    stop.abort();
    await end;
    expect(existsSync(policy.source)).toBe(false);
  });

  it('ends with the line that says what is wrong: other code, or what is no cell', async () => {
    await makeSweep(nats, cells(1), { code: 'other' });
    await expect(started().end).rejects.toThrow(/sweep 'by-hand' is of decpool/);
    await removeStreams(nats);
    await makeSweep(nats, []);
    await nats.js.publish(cellSubject('an-id', 7), '{"key":1}');
    const { end } = started();
    await expect(end).rejects.toThrow(InputError);
    await expect(end).rejects.toThrow(
      /^nats:\S+: decpool\.cells\.an-id\.7 is no cell: key: Invalid input.*$/,
    );
  });
});
