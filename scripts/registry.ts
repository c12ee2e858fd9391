/** A registry on loopback that has our packages, and passes on whatever else it is asked to the registry that npm is set up for. */
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** The last version that runs on Node 20. */
const VERDACCIO = '6.8.0';
/** Verdaccio asks for a tag of it that not all mirrors have. */
const NODE_FETCH = '2.7.0';

export interface Registry {
  readonly url: string;
  stop(): void;
}

/** Installs Verdaccio in a folder, starts it and publishes the tarballs to it. */
export async function startRegistry(folder: string, tarballs: readonly string[]): Promise<Registry> {
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ dependencies: { verdaccio: VERDACCIO }, overrides: { 'node-fetch': NODE_FETCH } }),
  );
  npm(folder, 'install', '--no-audit', '--no-fund', '--loglevel=error');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  writeFileSync(join(folder, 'config.yaml'), configOf(npm(folder, 'config', 'get', 'registry').trim()));
  const verdaccio = join(folder, 'node_modules/verdaccio/bin/verdaccio');
  const server = spawn(
    process.execPath,
    [verdaccio, '--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const stop = () => void server.kill();
  try {
    await answers(`${url}-/ping`);
    // Any token will do: whoever reaches it may publish.
    const token = `--${url.slice('http:'.length)}:_authToken=anybody`;
    for (const tarball of tarballs)
      npm(folder, 'publish', tarball, '--loglevel=error', `--registry=${url}`, token);
  } catch (error) {
    stop();
    throw error;
  }
  return { url, stop };
}

const npm = (cwd: string, ...args: readonly string[]): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const configOf = (upstream: string): string => `
storage: ./storage
uplinks:
  configured:
    url: ${upstream}
    cache: false
    maxage: 10m
    timeout: 60s
packages:
  '@decpool/*':
    access: $all
    publish: $all
  decpool:
    access: $all
    publish: $all
  '**':
    access: $all
    proxy: configured
log: { type: stdout, level: error }
`;

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
    await setTimeout(100);
  }
  throw new Error('the registry on loopback does not answer');
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
