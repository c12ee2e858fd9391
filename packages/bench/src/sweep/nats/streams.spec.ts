import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../files/version.ts';
import { connectTo, type Nats } from './connect.ts';
import {
  CELLS,
  COORDINATOR,
  cellSubject,
  codeOf,
  expectSameCode,
  INPUTS,
  isNotFound,
  isTaken,
  isWrongSequence,
  makeConsumers,
  makeStreams,
  numberIn,
  RESULTS,
  removeStreams,
  resultSubject,
  streamsOn,
  WORKERS,
} from './streams.ts';
import { NATS_SERVER, NatsServer } from './testing.ts';
import { aboutOf } from './testing-sweep.ts';

const ABOUT = aboutOf();
const SECOND = 1e9;

describe.skipIf(NATS_SERVER === undefined)(`the streams of a sweep on ${NATS_SERVER ?? 'a server'}`, () => {
  let folder = '';
  let server: NatsServer;
  let nats: Nats;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'decpool-'));
    server = await NatsServer.start(folder);
    nats = await connectTo({ on: server.url }, 'spec');
  });
  afterEach(() => removeStreams(nats));
  afterAll(async () => {
    await nats.connection.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const names = () => nats.jsm.streams.names().next();
  const publish = (subject: string, lastSequence?: number) =>
    nats.js.publish(subject, 'x', lastSequence === undefined ? {} : { expect: { lastSequence } });
  const refusal = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'no error',
      (error: unknown) => error,
    );

  it('say of which sweep they are, and how many cells have been queued', async () => {
    expect(await streamsOn(nats)).toBeUndefined();
    await makeStreams(nats, ABOUT);
    expect(await streamsOn(nats)).toEqual({ about: ABOUT, queued: 0 });
    for (const cell of [7, 3]) await publish(cellSubject(ABOUT.id, cell));
    expect(await streamsOn(nats)).toEqual({ about: ABOUT, queued: 2 });
  });

  it('are kept in files; each subject has one message at most', async () => {
    await makeStreams(nats, ABOUT);
    for (const [name, subject] of [
      [CELLS, cellSubject(ABOUT.id, '*')],
      [RESULTS, resultSubject(ABOUT.id, '*')],
    ]) {
      const { config } = await nats.jsm.streams.info(name);
      expect(config).toMatchObject({
        ...{ retention: 'workqueue', storage: 'file', discard: 'new', subjects: [subject] },
        ...{ discard_new_per_subject: true, max_msgs_per_subject: 1 },
      });
    }
    const [first, second] = [resultSubject(ABOUT.id, 1), resultSubject(ABOUT.id, 2)];
    await publish(first);
    const taken = await refusal(publish(first));
    expect([isTaken(taken), isWrongSequence(taken), isNotFound(taken)]).toEqual([true, false, false]);
    await publish(second, 1);
    const wrong = await refusal(publish(resultSubject(ABOUT.id, 3), 1));
    expect([isTaken(wrong), isWrongSequence(wrong), isNotFound(wrong)]).toEqual([false, true, false]);
  });

  it('have two who take from them, which are made once', async () => {
    await makeStreams(nats, ABOUT);
    for (let times = 0; times < 2; times++) await makeConsumers(nats);
    const both = { ack_policy: 'explicit', ack_wait: 20 * SECOND, max_deliver: -1 };
    expect((await nats.jsm.consumers.info(RESULTS, COORDINATOR)).config).toMatchObject({
      ...{ ...both, durable_name: COORDINATOR, max_ack_pending: 2000 },
    });
    expect((await nats.jsm.consumers.info(CELLS, WORKERS)).config).toMatchObject({
      ...{ ...both, durable_name: WORKERS, max_ack_pending: -1, max_waiting: 10_000 },
    });
  });

  it('are made over results that another sweep has left, but not over its cells', async () => {
    await makeStreams(nats, ABOUT);
    await publish(resultSubject(ABOUT.id, 1));
    expect(codeOf(await refusal(makeStreams(nats, aboutOf({ id: 'other' }))))).toBeGreaterThan(0);
    await nats.jsm.streams.delete(CELLS);
    await makeStreams(nats, aboutOf({ id: 'other' }));
    const { config, state } = await nats.jsm.streams.info(RESULTS);
    expect([config.subjects, state.messages]).toEqual([[resultSubject('other', '*')], 0]);
  });

  it('are removed with what the cells needed, however much of it there is', async () => {
    await makeStreams(nats, ABOUT);
    await nats.objects.create(INPUTS);
    expect(await names()).toHaveLength(3);
    await removeStreams(nats);
    expect(await names()).toEqual([]);
    await removeStreams(nats);
    await nats.objects.create(INPUTS);
    await removeStreams(nats);
    expect(await names()).toEqual([]);
  });

  it.each([undefined, 'my cells', '{"decpool":"sweep"}', JSON.stringify({ ...ABOUT, before: -1 })])(
    'of something else are refused: %s',
    async (description) => {
      const config = description === undefined ? {} : { description };
      await nats.jsm.streams.add({ name: CELLS, subjects: ['x'], ...config });
      await expect(streamsOn(nats)).rejects.toThrow(
        new InputError(
          `${server.url}: the stream ${CELLS} is not of this version of decpool, ${VERSION}; remove it`,
        ),
      );
    },
  );

  it('that are not there are told by the errors of the server', async () => {
    const noStream = await refusal(nats.jsm.streams.info('none'));
    await makeStreams(nats, ABOUT);
    const noConsumer = await refusal(nats.jsm.consumers.info(CELLS, WORKERS));
    expect([noStream, noConsumer].map(isNotFound)).toEqual([true, true]);
    const other = await refusal(nats.jsm.streams.add({ name: 'a b' }));
    expect([other, 'x', undefined].map(isNotFound)).toEqual([false, false, false]);
  });

  it('are not removed, nor found, if the server fails', async () => {
    const closed = await connectTo({ on: server.url }, 'spec');
    await closed.connection.close();
    await expect(removeStreams(closed)).rejects.toThrow();
    await expect(streamsOn(closed)).rejects.toThrow();
  });
});

it('a subject has the number of its cell', () => {
  expect([cellSubject('a', 70), resultSubject('a', 0)].map(numberIn)).toEqual([70, 0]);
  expect([cellSubject('a', '*'), resultSubject('a', '*')]).toEqual([
    'decpool.cells.a.*',
    'decpool.results.a.*',
  ]);
});

it('an error has a number if the server gave one', () => {
  const withCode = (code: unknown) => Object.assign(new Error('per subject'), { code });
  expect([withCode(10_077), withCode('ECONNREFUSED'), new Error('x'), { code: 5 }].map(codeOf)).toEqual([
    10_077,
    ...Array(3).fill(undefined),
  ]);
  expect([withCode(10_077), withCode(10_071), 'per subject'].map(isTaken)).toEqual([true, false, false]);
  expect(isTaken(Object.assign(new Error('no room'), { code: 10_077 }))).toBe(false);
});

it('code that gives other figures is refused with both versions', () => {
  expect(() => expectSameCode(ABOUT, 'url')).not.toThrow();
  expect(() => expectSameCode(aboutOf({ version: '0.1', code: '0123456789abcdef' }), 'url')).toThrow(
    new InputError(
      `url: sweep 'by-hand' is of decpool 0.1, code 0123456789ab, but this is ${VERSION}, code ${ABOUT.code.slice(0, 12)}; run the same version`,
    ),
  );
});
