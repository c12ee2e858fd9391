import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@decpool/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, flush, isAway, type Nats, type NatsOptions, whenThere } from './connect.ts';
import { Waits } from './testing-waits.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  for (const name of ['user.creds', 'ca.pem', 'client.pem', 'client.key']) writeFileSync(at(name), name);
});
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

/** The client's packages, which write down what they are given. */
class Client {
  readonly given: object[] = [];
  closed = 0;
  /** What fails. */
  noServer: Error | undefined;
  noJetStream: Error | undefined;

  readonly load = () => Promise.resolve(this as unknown as Awaited<ReturnType<NonNullable<Load>>>);
  readonly transport = {
    credsAuthenticator: (bytes: Uint8Array) => `credentials: ${Buffer.from(bytes)}`,
    connect: async (options: object) => {
      if (this.noServer !== undefined) throw this.noServer;
      this.given.push(options);
      return this.connection;
    },
  };
  readonly connection = { close: async () => void this.closed++ };
  readonly jetstream = {
    jetstream: () => ({
      jetstreamManager: async () => {
        if (this.noJetStream !== undefined) throw this.noJetStream;
        return 'manager';
      },
    }),
  };
  readonly obj = { Objm: class {} };
}
type Load = Parameters<typeof connectTo>[3];

/** What a client is told for such options. */
async function told(options: Partial<NatsOptions>): Promise<object> {
  const client = new Client();
  await connectTo({ on: 'nats://a:1', ...options }, 'who', undefined, client.load);
  return client.given[0];
}

const refusal = (options: Partial<NatsOptions>, client = new Client()): Promise<string> =>
  connectTo({ on: 'nats://a:1', ...options }, 'who', undefined, client.load).then(
    () => 'no error',
    (error: unknown) => (error instanceof InputError ? error.message : `no InputError: ${error}`),
  );

describe('a connection', () => {
  it('stays for good: it is tried again every 0.5 s, and a link that is cut is noticed after two pings', async () => {
    expect(await told({})).toEqual({
      ...{ servers: ['nats://a:1'], name: 'who', timeout: 10_000, noAsyncTraces: true },
      ...{ maxReconnectAttempts: -1, reconnectTimeWait: 500, pingInterval: 4000, maxPingOut: 2 },
    });
  });

  it('has the address as it was given, and the signal', async () => {
    const client = new Client();
    const { signal } = new AbortController();
    const nats = await connectTo({ on: 'nats://a:1,nats://b' }, 'who', signal, client.load);
    expect(nats).toMatchObject({ url: 'nats://a:1,nats://b', jsm: 'manager' });
    expect([nats.connection, nats.signal]).toEqual([client.connection, signal]);
    expect(client.given).toMatchObject([{ servers: ['nats://a:1', 'nats://b'] }]);
    expect(client.closed).toBe(0);
  });

  it.each([
    { options: {}, tls: undefined },
    { options: { on: 'tls://a' }, tls: {} },
    { options: { on: 'nats://b,tls://a' }, tls: {} },
    { options: { tlsCa: 'ca.pem' }, tls: { caFile: 'ca.pem' } },
    {
      options: { tlsCert: 'client.pem', tlsKey: 'client.key' },
      tls: { certFile: 'client.pem', keyFile: 'client.key' },
    },
    {
      options: { tlsCa: 'ca.pem', tlsCert: 'client.pem', tlsKey: 'client.key' },
      tls: { caFile: 'ca.pem', certFile: 'client.pem', keyFile: 'client.key' },
    },
  ])('has TLS as it is told to: $options', async ({ options: { on, ...files }, tls }) => {
    const there = (names: object) =>
      Object.fromEntries(Object.entries(names).map(([name, file]) => [name, at(file)]));
    const given = await told({ ...(on === undefined ? {} : { on }), ...there(files) });
    expect('tls' in given ? given.tls : undefined).toEqual(tls === undefined ? undefined : there(tls));
  });

  it('has credentials from their file', async () => {
    expect(await told({ creds: at('user.creds') })).toMatchObject({
      authenticator: 'credentials: user.creds',
    });
    expect(await told({})).not.toHaveProperty('authenticator');
  });

  it.each(['nats://host', 'nats://host:4222/', 'tls://[::1]:4222', 'nats://a,tls://b'])(
    'may be to %s',
    async (on) => {
      expect(await refusal({ on })).toBe('no error');
    },
  );

  it.each([
    'host',
    'http://host',
    'nats://',
    'nats://host/path',
    'nats://me:secret@host',
    'nats://a b',
    'xnats://a',
  ])('may not be to %s', async (on) => {
    expect(await refusal({ on: `nats://good,${on}` })).toBe(
      `'${on}' is not the address of a server; expected nats://HOST:PORT or tls://HOST:PORT, and credentials by --creds`,
    );
  });

  it.each(['creds', 'tlsCa', 'tlsCert', 'tlsKey'])('needs the file of %s', async (option) => {
    expect(await refusal({ [option]: at('none') })).toBe(`${at('none')}: there is no such file`);
  });

  it.each(['tlsCert', 'tlsKey'])('needs certificate and key together, not %s alone', async (option) => {
    expect(await refusal({ [option]: at('client.key') })).toBe(
      '--tls-cert and --tls-key belong together: give both',
    );
  });

  it.each(['connection refused', 'TIMEOUT', 'getaddrinfo ENOTFOUND a', 'EAI_AGAIN', 'EHOSTUNREACH'])(
    'is to no server: %s',
    async (why) => {
      const client = new Client();
      client.noServer = new Error(why);
      expect(await refusal({}, client)).toBe(`nats://a:1: no NATS server answers (${why})`);
      expect(client.closed).toBe(0);
    },
  );

  it('is closed again if the server has no JetStream', async () => {
    const client = new Client();
    client.noJetStream = new Error('JetStream is not enabled');
    expect(await refusal({}, client)).toBe(
      'nats://a:1: the server has no JetStream (JetStream is not enabled); start it with nats-server --jetstream --store_dir DIR',
    );
    expect(client.closed).toBe(1);
  });

  it('is refused with what the server says', async () => {
    const client = new Client();
    client.noServer = new Error('Authorization Violation');
    expect(await refusal({}, client)).toBe(
      'nats://a:1: the server refuses the connection (Authorization Violation)',
    );
  });
});

const named = (name: string) => Object.assign(new Error(`it was a ${name}`), { name });
const AWAY = [
  ...['TimeoutError', 'RequestError', 'NoRespondersError', 'ConnectionError', 'ClosedConnectionError'],
  ...['JetStreamNotEnabled', 'JetStreamError', 'JetStreamStatusError'],
];

describe('what is done with a server', () => {
  let waits: Waits;
  beforeEach(() => {
    waits = new Waits();
  });
  afterEach(() => waits.restore());

  /** Fails with these errors first. */
  function failing(...errors: unknown[]) {
    const left = [...errors];
    return async () => {
      if (left.length > 0) throw left.shift();
      return 'done';
    };
  }
  const nats = (changes: object = {}, isClosed = false) =>
    ({ url: 'nats://a', connection: { isClosed: () => isClosed }, ...changes }) as Nats;

  it('is done again every 0.5 s while it is away', async () => {
    expect(await whenThere(nats(), failing(...AWAY.map(named)))).toBe('done');
    expect(waits.asked).toEqual(AWAY.map(() => 500));
    expect(AWAY.map(named).every(isAway)).toBe(true);
  });

  it('fails with any other error at once', async () => {
    for (const error of [new Error('a defect'), 'TimeoutError', { name: 'TimeoutError' }]) {
      await expect(whenThere(nats(), failing(error))).rejects.toBe(error);
      expect(isAway(error)).toBe(false);
    }
    expect(waits.asked).toEqual([]);
  });

  it('fails if the connection is closed for good', async () => {
    await expect(whenThere(nats({}, true), failing(named('TimeoutError')))).rejects.toThrow(
      new InputError('nats://a: the server closed the connection (it was a TimeoutError)'),
    );
  });

  it('ends with the reason of the signal, also while it waits', async () => {
    const stop = new AbortController();
    const reason = new Error('told to');
    let times = 0;
    const act = async () => {
      times++;
      setImmediate(() => stop.abort(reason));
      throw named('TimeoutError');
    };
    await expect(whenThere(nats({ signal: stop.signal }), act)).rejects.toBe(reason);
    await expect(whenThere(nats({ signal: stop.signal }), act)).rejects.toBe(reason);
    expect(times).toBe(1);
  });

  it('was sent when the server says so; that is waited for a second at most', async () => {
    const order: string[] = [];
    const connection = (flushed: () => Promise<void>) => nats({ connection: { flush: flushed } });
    await flush(
      connection(async () => {
        await new Promise(setImmediate);
        order.push('sent');
      }),
    );
    order.push('done');
    expect(order).toEqual(['sent', 'done']);
    await flush(connection(() => Promise.reject(named('ClosedConnectionError'))));
    await flush(connection(() => new Promise(() => {})));
    expect(waits.asked).toEqual([1000, 1000, 1000]);
  });
});
