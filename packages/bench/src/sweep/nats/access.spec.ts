import { type ChildProcess, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decpool } from '../../cli/testing.ts';
import { DEFINITION, SweepFiles } from '../testing.ts';
import { ended, NATS_SERVER, NatsServer, startWorker } from './testing.ts';

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** An authority, and certificates of the server and of a client that it signed. */
function makeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=spec', '-days', '2');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost\n');
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', 'names', '-out', `${name}.pem`],
    );
  }
}

type Key = ReturnType<typeof nkeys.createOperator>;

/** A JSON web token as NATS has them: signed by `issuer`, of `subject`. */
function token(issuer: Key, subject: Key, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    ...{ jti: 'SPEC', iat: Math.floor(Date.now() / 1000), iss: issuer.getPublicKey(), name: 'spec' },
    ...{ sub: subject.getPublicKey(), nats: { ...nats, version: 2 } },
  };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}

const NO_LIMITS = { subs: -1, data: -1, payload: -1 };

/** The server's settings for one account, and the credentials of a user of it. JetStream needs a second account, the server's own. */
function makeAccount(): { settings: string; creds: string } {
  const [operator, system] = [nkeys.createOperator(), nkeys.createAccount()];
  const [account, user] = [nkeys.createAccount(), nkeys.createUser()];
  const limits = {
    ...{ ...NO_LIMITS, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
    ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
  };
  const permissions = { pub: {}, sub: {} };
  const settings = { type: 'account', limits, default_permissions: permissions };
  const noStorage = { ...limits, mem_storage: 0, disk_storage: 0, streams: 0, consumer: 0 };
  const accounts = [
    `${account.getPublicKey()}: ${token(operator, account, settings)}`,
    `${system.getPublicKey()}: ${token(operator, system, { ...settings, limits: noStorage })}`,
  ];
  const userToken = token(account, user, { type: 'user', ...NO_LIMITS, ...permissions });
  return {
    settings: [
      `operator: ${token(operator, operator, { type: 'operator' })}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload: { ${accounts.join(', ')} }`,
    ].join('\n'),
    creds: [
      `-----BEGIN NATS USER JWT-----\n${userToken}\n------END NATS USER JWT------\n`,
      `-----BEGIN USER NKEY SEED-----\n${new TextDecoder().decode(user.getSeed())}\n------END USER NKEY SEED------\n`,
    ].join('\n'),
  };
}

const urlOf = (server: NatsServer | undefined): string => {
  if (server === undefined) throw new Error('no server');
  return server.url;
};

describe.skipIf(NATS_SERVER === undefined || !hasOpenssl)('a server with TLS and credentials', () => {
  const files = new SweepFiles();
  const at = (name: string) => files.scratch(name);
  let server: NatsServer | undefined;
  let worker: ChildProcess | undefined;
  const tls = ['--tls-ca', at('ca.pem'), '--tls-cert', at('client.pem'), '--tls-key', at('client.key')];
  const sweep = (out: string, ...more: readonly string[]) =>
    decpool('sweep', at('few.json'), '--out', at(out), ...more);

  beforeAll(async () => {
    makeCertificates(files.folder);
    const { settings, creds } = makeAccount();
    writeFileSync(at('user.creds'), creds);
    writeFileSync(at('nats.conf'), settings);
    files.define('few.json', {
      ...DEFINITION,
      policies: ['linux-7.3'],
      inputs: [{ trace: 'traces/one.txt' }],
    });
    server = await NatsServer.start(
      files.folder,
      ...['--config', at('nats.conf'), '--tlsverify', '--tlscacert', at('ca.pem')],
      ...['--tlscert', at('server.pem'), '--tlskey', at('server.key')],
    );
  });
  afterAll(async () => {
    await ended(worker, 'SIGTERM');
    await server?.stop();
    files.remove();
  });

  it('lets those run a sweep who have both', async () => {
    const url = urlOf(server).replace('nats://127.0.0.1', 'tls://localhost');
    const access = ['--creds', at('user.creds'), ...tls];
    const sweeping = sweep('together', '--on', url, ...access);
    worker = startWorker(url, ...access);
    await files.sweep('alone', 1, 'few.json');
    expect(await sweeping).toMatchObject({ code: 0 });
    expect(files.resultsOf('together')).toEqual(files.resultsOf('alone'));
  });

  it('refuses others in a line', async () => {
    for (const [args, says] of [
      [tls, /the server refuses the connection \(.*authorization/i],
      [['--creds', at('user.creds'), ...tls.slice(2)], /the server refuses the connection \(.*certificate/i],
    ] as const) {
      const { code, stderr } = await sweep(
        'refused',
        '--on',
        urlOf(server).replace('127.0.0.1', 'localhost'),
        ...args,
      );
      expect(code).toBe(2);
      expect(stderr).toMatch(says);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
  });
});
