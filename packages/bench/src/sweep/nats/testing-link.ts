/** For specs: a link to a server that can be cut, and hosts of their own behind such links. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const LOOPBACK = '127.0.0.1';

/** Passes TCP connections on to a port of this host. */
export class Link {
  /** Addresses of the hosts that have connected. */
  readonly hosts = new Set<string>();
  connections = 0;
  readonly #address: string;
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server;
  #port = 0;

  private constructor(to: number, address: string) {
    this.#to = to;
    this.#address = address;
    this.#listener = createServer((socket) => this.#pass(socket));
  }

  /** `address`: of this host, where the link listens. */
  static async to(port: number, address = LOOPBACK): Promise<Link> {
    const link = new Link(port, address);
    await link.#listen();
    return link;
  }

  get url(): string {
    return `nats://${this.#address}:${this.#port}`;
  }

  /** As a cable that is pulled: nothing gets through and nobody is told, and new connections are refused. Then the old ones are reset. */
  async cut(ms: number): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) socket.pause();
    await setTimeout(ms);
    this.#reset();
    await this.#listen();
  }

  close(): void {
    this.#listener.close();
    this.#reset();
  }

  async #listen(): Promise<void> {
    this.#listener.listen(this.#port, this.#address);
    await once(this.#listener, 'listening');
    this.#port = (this.#listener.address() as AddressInfo).port;
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(near: Socket): void {
    this.connections++;
    this.hosts.add(String(near.remoteAddress));
    const far = connect(this.#to, LOOPBACK);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}

const ip = (...args: readonly string[]) => execFileSync('ip', args, { stdio: 'pipe' });

/** A host of its own: a network namespace with one cable, to this host. */
export class Namespace {
  /** Of this host, at its end of the cable. */
  readonly gateway: string;
  readonly address: string;
  readonly #name: string;

  private constructor(number: number) {
    this.#name = `decpool-${process.pid}-${number}`;
    // Of a range for tests of networks (RFC 2544).
    const net = `198.18.${process.pid % 256}`;
    this.gateway = `${net}.${4 * number + 1}`;
    this.address = `${net}.${4 * number + 2}`;
  }

  /** Whether they may be made here: that needs root and iproute2. */
  static areAllowed(): boolean {
    try {
      Namespace.make(0).remove();
      return true;
    } catch {
      return false;
    }
  }

  /** `number`: from 0 to 63, another one for each. */
  static make(number: number): Namespace {
    const namespace = new Namespace(number);
    try {
      namespace.#make(`dp${process.pid}-${number}`);
      return namespace;
    } catch (error) {
      namespace.remove();
      throw error;
    }
  }

  #make(cable: string): void {
    const name = this.#name;
    ip('netns', 'add', name);
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('address', 'add', `${this.gateway}/30`, 'dev', cable);
    ip('link', 'set', cable, 'up');
    ip('-n', name, 'address', 'add', `${this.address}/30`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    const [, ...args] = this.command;
    ip(...args, 'true');
  }

  /** A command that runs in the namespace what follows. */
  get command(): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name];
  }

  /** Removes the cable, too. */
  remove(): void {
    try {
      ip('netns', 'delete', this.#name);
    } catch {
      // It was not made.
    }
  }
}
