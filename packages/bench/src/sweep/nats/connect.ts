/** The connection to a NATS server, whose client packages users install themselves. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { InputError } from '@decpool/model';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { Objm } from '@nats-io/obj';
import type { NatsConnection } from '@nats-io/transport-node';
import { messageOf } from '../../files/error-text.ts';
import { optionalPackage } from '../../files/optional-package.ts';

export interface NatsOptions {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`, or several of one cluster, separated by commas. */
  readonly on: string;
  /** File with credentials, as `nsc` writes it. */
  readonly creds?: string | undefined;
  /** PEM files: the authority that signed the server's certificate; the client's certificate and its key. */
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** A server with JetStream. */
export interface Nats {
  /** As it was given, for messages. */
  readonly url: string;
  readonly connection: NatsConnection;
  /** Publishes and consumes. */
  readonly js: JetStreamClient;
  /** Makes and removes streams. */
  readonly jsm: JetStreamManager;
  readonly objects: Objm;
  /** Ends waiting for the server. */
  readonly signal: AbortSignal | undefined;
}

const PACKAGES = ['@nats-io/transport-node', '@nats-io/jetstream', '@nats-io/obj'] as const;

/** A link that is cut without a word is noticed after two pings. */
const PING_MS = 4000;
const RECONNECT_MS = 500;
const CONNECT_MS = 10_000;

/** `who`: what the server calls this client. Throws InputError if the packages, a file, the server or JetStream are missing. */
export async function connectTo(
  options: NatsOptions,
  who: string,
  signal?: AbortSignal,
  loadClient = load,
): Promise<Nats> {
  const { on: url, creds, tlsCa: caFile, tlsCert: certFile, tlsKey: keyFile } = options;
  const servers = url.split(',').map(expectServer);
  for (const file of [creds, caFile, certFile, keyFile]) {
    if (file !== undefined && !existsSync(file)) throw new InputError(`${file}: there is no such file`);
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new InputError('--tls-cert and --tls-key belong together: give both');
  }
  const { transport, jetstream, obj } = await loadClient();
  const tls = { ...(caFile && { caFile }), ...(certFile && keyFile && { certFile, keyFile }) };
  const isTls = Object.keys(tls).length > 0 || servers.some((server) => server.startsWith('tls:'));
  let connection: NatsConnection | undefined;
  try {
    connection = await transport.connect({
      ...{ servers, name: who, timeout: CONNECT_MS, noAsyncTraces: true },
      ...{ maxReconnectAttempts: -1, reconnectTimeWait: RECONNECT_MS, pingInterval: PING_MS, maxPingOut: 2 },
      ...(creds && { authenticator: transport.credsAuthenticator(readFileSync(creds)) }),
      ...(isTls && { tls }),
    });
    const js = jetstream.jetstream(connection);
    return { url, connection, js, jsm: await js.jetstreamManager(), objects: new obj.Objm(js), signal };
  } catch (error) {
    await connection?.close();
    throw new InputError(`${url}: ${whyNot(error)}`);
  }
}

function expectServer(url: string): string {
  if (/^(nats|tls):\/\/[^\s/@,]+\/?$/.test(url)) return url;
  throw new InputError(
    `'${url}' is not the address of a server; expected nats://HOST:PORT or tls://HOST:PORT, and credentials by --creds`,
  );
}

function whyNot(error: unknown): string {
  const message = messageOf(error);
  if (/refused|timeout|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH/i.test(message))
    return `no NATS server answers (${message})`;
  if (/jetstream/i.test(message))
    return `the server has no JetStream (${message}); start it with nats-server --jetstream --store_dir DIR`;
  return `the server refuses the connection (${message})`;
}

/** Errors while the server is away, or on its way back. */
const AWAY = new Set([
  ...['TimeoutError', 'RequestError', 'NoRespondersError', 'ConnectionError', 'ClosedConnectionError'],
  ...['JetStreamNotEnabled', 'JetStreamError', 'JetStreamStatusError'],
]);
const PAUSE_MS = 500;

export const isAway = (error: unknown): boolean => error instanceof Error && AWAY.has(error.name);

/**
 * Does something with the server, again and again while it is away. Throws InputError if the connection is closed for good, and the
 * reason of the signal.
 */
export async function whenThere<Result>(
  { connection, url, signal }: Nats,
  act: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      if (!isAway(error)) throw error;
      if (connection.isClosed())
        throw new InputError(`${url}: the server closed the connection (${messageOf(error)})`);
      await setTimeout(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
}

const LONGEST_FLUSH_MS = 1000;

/** Waits until the server has what was sent. If it is away that is given up soon. */
export async function flush({ connection }: Nats): Promise<void> {
  await Promise.race([connection.flush().catch(() => {}), setTimeout(LONGEST_FLUSH_MS)]);
}

/** The packages of the client, as they are loaded when they are needed. */
interface NatsClient {
  readonly transport: typeof import('@nats-io/transport-node');
  readonly jetstream: typeof import('@nats-io/jetstream');
  readonly obj: typeof import('@nats-io/obj');
}

async function load(): Promise<NatsClient> {
  const [first, second, third] = PACKAGES;
  try {
    const [transport, jetstream, obj] = await Promise.all([
      optionalPackage(first, () => import('@nats-io/transport-node')),
      optionalPackage(second, () => import('@nats-io/jetstream')),
      optionalPackage(third, () => import('@nats-io/obj')),
    ]);
    return { transport, jetstream, obj };
  } catch (error) {
    const [why] = messageOf(error).split('\n');
    throw new InputError(
      `the client of NATS is not installed (${why}); run npm install ${PACKAGES.join(' ')}`,
    );
  }
}
