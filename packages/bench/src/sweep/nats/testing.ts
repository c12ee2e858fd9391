/** For specs: a NATS server on loopback, and workers. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DECPOOL } from '../testing.ts';

/** Version of the nats-server on the PATH; undefined if there is none. */
export const NATS_SERVER: string | undefined = (() => {
  try {
    return execFileSync('nats-server', ['--version'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
})();

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A server that keeps its streams in a folder: it may be killed and started again. */
export class NatsServer {
  readonly port: number;
  readonly #folder: string;
  readonly #more: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, more: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#more = more;
  }

  /** `folder`: for its files. `more`: options. */
  static async start(folder: string, ...more: readonly string[]): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), folder, more);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('nats-server has not started');
    return pid;
  }

  /** Waits until it answers. */
  async start(): Promise<void> {
    this.#process = spawn(
      'nats-server',
      [
        ...['--addr', '127.0.0.1', '--port', String(this.port), '--jetstream'],
        ...[
          '--store_dir',
          join(this.#folder, 'jetstream'),
          '--log',
          join(this.#folder, 'nats.log'),
          ...this.#more,
        ],
      ],
      { stdio: 'ignore' },
    );
    for (let tries = 0; !(await answers(this.port)); tries++) {
      if (tries === 200) throw new Error('nats-server does not start');
      await setTimeout(50);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await ended(this.#process, signal);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Sends a signal and waits for the end. */
export async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const end = once(child, 'exit');
  child.kill(signal);
  await end;
}

/** A worker of one thread. */
export const startWorker = (url: string, ...more: readonly string[]): ChildProcess =>
  spawn(process.execPath, workerArguments(url, ...more), { stdio: ['ignore', 'ignore', 'inherit'] });

export const workerArguments = (url: string, ...more: readonly string[]): string[] => [
  ...[DECPOOL, 'worker', '--on', url, '--threads', '1'],
  ...more,
];
